"""Account-owned tokens: records and rules.  A value is shown once; only its SHA-256 is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address, ip_network
from typing import Any

from tests.emulator.clock import parse_timestamp
from tests.emulator.control.tokens.groups import ACCOUNT, BUCKET, GROUPS
from tests.emulator.evidence import behaviour
from tests.emulator.world import World, store


def digest_of(value: str) -> str:
    """SHA-256 of a token value in hex; for R2 this is the S3 secret access key as well."""
    return sha256(value.encode()).hexdigest()


@dataclass
class Token:
    """`policies` and `condition` are as they were sent."""

    id: str
    name: str
    policies: list[dict[str, Any]]
    condition: dict[str, Any] | None
    expires_on: str | None
    not_before: str | None
    status: str
    issued_on: str
    modified_on: str
    value_sha256: str
    last_used_on: str | None = None

    def status_at(self, now_s: float) -> str:
        """active, disabled or expired; a token that is not valid yet is disabled."""
        if self.expires_on and parse_timestamp(self.expires_on) <= now_s:
            return "expired"
        if self.not_before and parse_timestamp(self.not_before) > now_s:
            return "disabled"
        return self.status

    @behaviour("a token can be bound to addresses: request_ip in / not_in", "DOC", "restrict tokens")
    def admits(self, client: str) -> bool:
        ranges = (self.condition or {}).get("request_ip") or {}
        address = ip_address(client)
        inside = [address in ip_network(one, strict=False) for one in ranges.get("in") or ()]
        outside = [address in ip_network(one, strict=False) for one in ranges.get("not_in") or ()]
        return (any(inside) or not inside) and not any(outside)

    def allows(self, account: str, needed: Iterable[str]) -> bool:
        """Whether a policy allows any of these groups on the account, and none denies them."""
        wanted = {group.id for group in GROUPS.values() if group.scope == ACCOUNT and group.name in needed}
        allowed = self._groups("allow", f"{ACCOUNT}.{account}") & wanted
        return bool(allowed - self._groups("deny", f"{ACCOUNT}.{account}"))

    def bucket_access(self, account: str, bucket: str, jurisdiction: str = "default") -> set[str]:
        """The names of the R2 groups this token has on one bucket."""
        one, every = f"{BUCKET}.{account}_{jurisdiction}_{bucket}", f"{BUCKET}.*"
        ids = self._groups("allow", one) | self._groups("allow", f"{ACCOUNT}.{account}")
        for policy in self.policies:
            nested = policy["resources"].get(f"{ACCOUNT}.{account}")
            if isinstance(nested, dict) and nested.keys() & {one, every}:
                ids |= {group["id"] for group in policy["permission_groups"]}
        return {GROUPS[one].name for one in ids if "R2" in GROUPS[one].name}

    def _groups(self, effect: str, resource: str) -> set[str]:
        """The ids of the groups given or denied on a resource as a whole."""
        return {
            group["id"]
            for policy in self.policies
            if policy["effect"] == effect and isinstance(policy["resources"].get(resource), str)
            for group in policy["permission_groups"]
        }

    def as_dict(self, now_s: float) -> dict[str, Any]:
        shown = {name: value for name, value in vars(self).items() if name != "value_sha256"}
        return {**shown, "status": self.status_at(now_s), "policies": [_shown(one) for one in self.policies]}


def _shown(policy: Mapping[str, Any]) -> dict[str, Any]:
    groups = [{"id": one["id"], "name": GROUPS[one["id"]].name} for one in policy["permission_groups"]]
    return {**policy, "permission_groups": groups}


def _with_policy_ids(world: World, settings: Mapping[str, Any]) -> dict[str, Any]:
    policies = [{"id": world.chance.hex_id(), **policy} for policy in settings["policies"]]
    return {**settings, "policies": policies}


@store
class Tokens:
    """The tokens of one account; `revoked` has the digests of values that were good once."""

    all: dict[str, Token] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)

    def issue(self, world: World, settings: Mapping[str, Any]) -> tuple[Token, str]:
        """A new token, and its value."""
        now, value = world.clock.timestamp(), world.chance.secret()
        token = Token(
            id=world.chance.hex_id(),
            **_with_policy_ids(world, settings),
            status="active",
            issued_on=now,
            modified_on=now,
            value_sha256=digest_of(value),
        )
        self.all[token.id] = token
        return token, value

    def replace(self, world: World, token: Token, settings: Mapping[str, Any]) -> None:
        for name, value in _with_policy_ids(world, settings).items():
            setattr(token, name, value)
        token.modified_on = world.clock.timestamp()

    def roll(self, world: World, token: Token) -> str:
        """A new value; the old one is good no longer."""
        value = world.chance.secret()
        self.revoked.add(token.value_sha256)
        token.value_sha256, token.modified_on = digest_of(value), world.clock.timestamp()
        return value

    def delete(self, token: Token) -> None:
        self.revoked.add(token.value_sha256)
        del self.all[token.id]

    def holding(self, digest: str) -> Token | None:
        """The token whose value has this digest."""
        return next((token for token in self.all.values() if token.value_sha256 == digest), None)
