"""Provider configs: records and rules.  The key itself is never kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulator.world import World, store


@dataclass
class ProviderConfig:
    id: str
    gateway_id: str
    provider_slug: str
    alias: str
    default_config: bool
    secret_id: str
    secret_preview: str
    rate_limit: float | None
    rate_limit_period: float | None
    modified_at: str

    def as_dict(self) -> dict[str, Any]:
        return dict(vars(self))


@store
class ProviderConfigs:
    """The stored keys of one account, by id."""

    all: dict[str, ProviderConfig] = field(default_factory=dict)

    def of(self, gateway: str) -> list[ProviderConfig]:
        return [config for config in self.all.values() if config.gateway_id == gateway]

    def find(self, gateway: str, provider: str, alias: str) -> ProviderConfig | None:
        found = (one for one in self.of(gateway) if (one.provider_slug, one.alias) == (provider, alias))
        return next(found, None)

    def forget(self, gateway: str) -> None:
        self.all = {name: config for name, config in self.all.items() if config.gateway_id != gateway}

    def add(self, world: World, gateway: str, body: dict[str, Any]) -> ProviderConfig:
        secret = str(body.get("secret") or "")
        config = ProviderConfig(
            id=world.chance.uuid(),
            gateway_id=gateway,
            provider_slug=body["provider_slug"],
            alias=body["alias"],
            default_config=body["default_config"],
            secret_id=body.get("secret_id") or world.chance.hex_id(),
            secret_preview=f"...{secret[-4:]}" if len(secret) > 12 else "***",
            rate_limit=body.get("rate_limit"),
            rate_limit_period=body.get("rate_limit_period"),
            modified_at=world.clock.timestamp(),
        )
        return self.all.setdefault(config.id, config)
