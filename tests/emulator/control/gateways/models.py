"""Gateways: records and rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.gateways.schema import FIELDS, NULL_BECOMES_ZERO
from tests.emulator.evidence import behaviour
from tests.emulator.schema import filled
from tests.emulator.world import World, store

NULL_LIMITS = assumption(
    "null-limits", "Does a null cache_ttl or rate limit come back as 0 or as null?", "zero", "null"
)
MOST_GATEWAYS = assumption("gateways-per-account", "How many gateways may an account have?", "20", "10", "unlimited")
DEFAULT_GATEWAY = "default"
DEFAULT_SETTINGS: Mapping[str, Any] = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}


@dataclass
class Gateway:
    """One gateway; `settings` has every field a client can set."""

    id: str
    settings: dict[str, Any]
    created_at: str
    modified_at: str

    def as_dict(self) -> dict[str, Any]:
        times = {"created_at": self.created_at, "modified_at": self.modified_at}
        return {"id": self.id, **self.settings, "is_default": self.id == DEFAULT_GATEWAY, **times}


@store
class Gateways:
    """The gateways of one account."""

    all: dict[str, Gateway] = field(default_factory=dict)

    def create(self, world: World, gateway_id: str, body: Mapping[str, Any]) -> Gateway:
        now = world.clock.timestamp()
        self.all[gateway_id] = Gateway(gateway_id, settings_of(world, body), now, now)
        return self.all[gateway_id]

    def replace(self, world: World, gateway: Gateway, body: Mapping[str, Any]) -> None:
        """PUT is a full replacement: what is left out falls back to its default."""
        gateway.settings = settings_of(world, body)
        gateway.modified_at = world.clock.timestamp()

    @behaviour("the gateway `default` exists from its first request", "DOC", "changelog 2026-03-02")
    def for_request(self, world: World, gateway_id: str) -> Gateway | None:
        if gateway_id == DEFAULT_GATEWAY and gateway_id not in self.all:
            self.create(world, gateway_id, DEFAULT_SETTINGS)
        return self.all.get(gateway_id)


@behaviour("unset fields of a gateway come back with their live defaults", "LIVE", "alchemy Gateway.ts")
def settings_of(world: World, body: Mapping[str, Any]) -> dict[str, Any]:
    settings = filled(FIELDS, body)
    if world.assumes(NULL_LIMITS) == "zero":
        settings |= {name: settings[name] or 0 for name in NULL_BECOMES_ZERO}
    return settings
