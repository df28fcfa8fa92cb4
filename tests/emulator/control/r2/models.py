"""Buckets: records and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.world import World, store

LOCATION_CASE = assumption(
    "bucket-location", "Is `location` answered in upper case (live) or lower (spec)?", "upper", "lower"
)
DEFAULT_LOCATION = "weur"


@dataclass
class Bucket:
    """`rules` are the lifecycle rules as they were put."""

    name: str
    jurisdiction: str
    location: str
    storage_class: str
    creation_date: str
    rules: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self, world: World) -> dict[str, Any]:
        upper = world.assumes(LOCATION_CASE) == "upper"
        shown = {name: value for name, value in vars(self).items() if name != "rules"}
        return {**shown, "location": self.location.upper() if upper else self.location}


@store
class Buckets:
    """The buckets of one account, by jurisdiction and name."""

    all: dict[str, Bucket] = field(default_factory=dict)

    @staticmethod
    def key(jurisdiction: str, name: str) -> str:
        return f"{jurisdiction}/{name}"

    def get(self, jurisdiction: str, name: str) -> Bucket | None:
        return self.all.get(self.key(jurisdiction, name))

    def add(self, bucket: Bucket) -> None:
        self.all[self.key(bucket.jurisdiction, bucket.name)] = bucket

    def drop(self, bucket: Bucket) -> None:
        del self.all[self.key(bucket.jurisdiction, bucket.name)]
