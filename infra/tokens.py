"""One API token for each use, each with the least that it needs (facts 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi import InvokeOptions, Output, ResourceOptions

from infra.resources import AccountToken, stock_version
from infra.settings import Buckets, Settings, TokenUse
from infra.token_dates import TokenDates

ACCOUNT_SCOPE = "com.cloudflare.api.account"
BUCKET_SCOPE = "com.cloudflare.edge.r2.bucket"


@dataclass(frozen=True, slots=True)
class Use:
    """The permission groups of a use, by the names that the dashboard shows, and the bucket they are for."""

    groups: tuple[str, ...]
    bucket: str | None = None

    @property
    def scope(self) -> str:
        return BUCKET_SCOPE if self.bucket else ACCOUNT_SCOPE


# `AI Gateway Run` cannot be narrowed to one gateway: two stages in one account are not isolated from each other.
_READ, _WRITE = "Workers R2 Storage Bucket Item Read", "Workers R2 Storage Bucket Item Write"
_REFRESH = ("Account API Tokens Read", "Workers R2 Storage Read", "Logs Read")
USES: Mapping[TokenUse, Use] = {
    "serve": Use(("AI Gateway Run", "Workers AI Read")),
    # A refresh reads all that a stage has, not its gateway alone.
    "deploy": Use(("AI Gateway Write", "Workers AI Read", *_REFRESH)),
    "preview": Use(("AI Gateway Read", *_REFRESH)),  # and Workers AI Read where there are adapters
    "write-logs": Use((_WRITE,), "logs"),
    "read-logs": Use((_READ,), "logs"),
    "ship-usage": Use((_WRITE,), "logs"),
    "publish-config": Use((_READ, _WRITE), "config"),
    "read-config": Use((_READ,), "config"),
}


def use_of(name: TokenUse, *, has_adapters: bool) -> Use:
    """What a use needs. A refresh lists adapters, which takes the right to ask models: only where there are some."""
    use = USES[name]
    return replace(use, groups=(*use.groups, "Workers AI Read")) if name == "preview" and has_adapters else use


def token_name(gateway_id: str, end: str) -> str:
    """The name at Cloudflare, where names are not unique: the gateway in it says whose the token is."""
    return f"gatewright {gateway_id} {end}"


def token(
    name: TokenUse,
    use: Use,
    dates: TokenDates,
    settings: Settings,
    gateway_id: str,
    depends_on: Sequence[pulumi.Resource],
) -> AccountToken:
    """The token of a use; while it is rotated also the one before it. Returns the newest."""
    made = [_generation(name, use, number, dates, settings, gateway_id, depends_on) for number in dates.generations]
    return made[-1]


def _generation(
    name: TokenUse,
    wanted: Use,
    number: int,
    dates: TokenDates,
    settings: Settings,
    gateway_id: str,
    depends_on: Sequence[pulumi.Resource],
) -> AccountToken:
    # One policy and sorted ids: the stock provider reports another order as a difference (upstream 5548).
    ids = Output.all(*(_group_id(settings.account, group, wanted.scope) for group in wanted.groups)).apply(sorted)
    policy = {
        "effect": "allow",
        "permissionGroups": ids.apply(lambda found: [{"id": id} for id in found]),
        "resources": _resources(wanted, settings),
    }
    return AccountToken(
        f"token-{name}-{number}",
        account_id=settings.account,
        name=token_name(gateway_id, f"{name} {number}"),
        policies=[policy],
        # A previous generation keeps the date it was made with: its end is not moved when the next one begins.
        expires_on=f"{dates.expires_on.isoformat()}T00:00:00Z" if dates.expires_on else None,
        opts=ResourceOptions(
            depends_on=list(depends_on),
            ignore_changes=["expiresOn"] if number < dates.generation else [],
        ),
    )


def _group_id(account: str, name: str, scope: str) -> Output[str]:
    """Looked up by name and scope, since some names exist for accounts and for zones."""
    found = pulumi.runtime.invoke_output(
        "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList",
        {"accountId": account, "name": name, "scope": scope},
        opts=InvokeOptions(version=stock_version()),
    )
    return found.apply(lambda answer: _only(answer["results"], name, scope))


def _only(groups: Sequence[Mapping[str, Any]], name: str, scope: str) -> str:
    ids = [group["id"] for group in groups if group["name"] == name and scope in group["scopes"]]
    if len(ids) != 1:
        raise pulumi.RunError(f'Cloudflare has {len(ids)} permission groups "{name}" of scope {scope}, not one.')
    return str(ids[0])


def _resources(use: Use, settings: Settings) -> str:
    if use.bucket is None or settings.buckets is None:
        return json.dumps({f"{ACCOUNT_SCOPE}.{settings.account}": "*"}, separators=(",", ":"))
    return json.dumps({_bucket_resource(settings.account, use.bucket, settings.buckets): "*"}, separators=(",", ":"))


def _bucket_resource(account: str, bucket: str, buckets: Buckets) -> str:
    return f"{BUCKET_SCOPE}.{account}_{buckets.jurisdiction}_{getattr(buckets, bucket)}"
