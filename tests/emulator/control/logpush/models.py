"""Logpush jobs: records and rules."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.emulator.control.r2.models import Buckets
from tests.emulator.control.tokens.models import Tokens
from tests.emulator.evidence import behaviour
from tests.emulator.world import World, store

DATASET = "ai_gateway_events"
MOST_JOBS = 4
DATE = "{DATE}"


@dataclass(frozen=True)
class Destination:
    """An R2 destination: where, and with whose keys."""

    bucket: str
    prefix: str
    account: str
    access_key_id: str
    secret_access_key: str

    @classmethod
    def parse(cls, conf: str) -> Destination:
        """`r2://BUCKET/prefix/{DATE}?account-id=…&access-key-id=…&secret-access-key=…`; raises ValueError."""
        parts = urlsplit(conf)
        if parts.scheme != "r2" or not parts.netloc:
            raise ValueError("destination_conf must be r2://… (this emulator knows no other destination)")
        query = parse_qs(parts.query)
        missing = [name for name in ("account-id", "access-key-id", "secret-access-key") if name not in query]
        if missing:
            raise ValueError(f"destination_conf lacks {missing[0]}")
        keys = [query[name][0] for name in ("account-id", "access-key-id", "secret-access-key")]
        return cls(parts.netloc, parts.path.strip("/"), *keys)

    @behaviour("S3 keys are a token's id and the SHA-256 of its value", "DOC", "r2/api/tokens")
    def refused_because(self, world: World) -> str | None:
        """Why nothing can be written there; null where it can."""
        if world.of(self.account, Buckets).get("default", self.bucket) is None:
            return "error writing object: NoSuchBucket: The specified bucket does not exist."
        token = world.of(self.account, Tokens).all.get(self.access_key_id)
        if token is None or token.value_sha256 != self.secret_access_key:
            return "error writing object: InvalidAccessKeyId or SignatureDoesNotMatch"
        if token.status_at(world.clock.now()) != "active":
            return "error writing object: AccessDenied: the token is not active"
        if not any(name.endswith("Write") for name in token.bucket_access(self.account, self.bucket)):
            return "error writing object: AccessDenied"
        return None


@behaviour("secrets in destination_conf are redacted when echoed", "LIVE", "alchemy Job.ts")
def redacted(conf: str) -> str:
    return re.sub(r"(access-key-id|secret-access-key)=[^&]+", r"\1=REDACTED", conf)


@dataclass
class Job:
    """`settings` has what a client can set, the destination with its secrets."""

    id: int
    settings: dict[str, Any]
    last_complete: str | None = None
    last_error: str | None = None
    error_message: str | None = None

    @property
    def destination(self) -> Destination:
        return Destination.parse(self.settings["destination_conf"])

    def as_dict(self) -> dict[str, Any]:
        state = {name: value for name, value in vars(self).items() if name != "settings"}
        return {**self.settings, "destination_conf": redacted(self.settings["destination_conf"]), **state}


@store
class Jobs:
    """The jobs of one account, by id."""

    all: dict[int, Job] = field(default_factory=dict)
    last_id: int = 0

    def add(self, settings: dict[str, Any]) -> Job:
        self.last_id += 1
        return self.all.setdefault(self.last_id, Job(self.last_id, settings))
