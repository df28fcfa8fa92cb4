"""What the engine remembers of a stack, as far as we ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class State:
    """What the engine remembers of a stack: its resources by type and name, and steps that were cut short.

    `ids` are those that Cloudflare gave its resources; `saved_at` is when the engine last wrote all this, as ISO 8601.
    `is_broken` is whether a resource depends on one that is gone, with which the engine does nothing more.
    """

    resources: frozenset[tuple[str, str]]
    interrupted: tuple[str, ...]
    ids: frozenset[str] = frozenset()
    saved_at: str | None = None
    is_broken: bool = False

    @classmethod
    def of(cls, deployment: Mapping[str, Any]) -> State:
        resources = deployment.get("resources") or []
        pending = deployment.get("pending_operations") or []
        return cls(
            frozenset((resource["type"], resource["urn"].split("::")[-1]) for resource in resources),
            tuple(f"{step['type']} {step['resource']['urn'].split('::')[-1]}" for step in pending),
            frozenset(resource["id"] for resource in resources if resource.get("id")),
            (deployment.get("manifest") or {}).get("time"),
            not {urn for resource in resources for urn in resource.get("dependencies") or []}
            <= {resource["urn"] for resource in resources},
        )
