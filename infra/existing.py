"""What a stage declares and is at Cloudflare already, though the engine does not know it: it is taken in, not made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import NotFoundError
from gateway_config.errors import RefusedError
from infra.buckets import RETENTION
from infra.changes import LOGS
from infra.resources import BUCKET_TYPE, GATEWAY_TYPE
from infra.settings import Buckets, Settings
from infra.state import State

MAKING_LOGS = f"creating {LOGS}"


@dataclass(frozen=True, slots=True)
class Existing:
    """One thing to take in: the engine's type and name, Pulumi's import id, and what a person calls it."""

    type: str
    name: str
    import_id: str
    called: str


def existing(api: ControlPlane, settings: Settings, gateway_id: str, state: State) -> Iterator[Existing]:
    """What is there and unknown. Raises RefusedError for a bucket of logs that somebody else made.

    The gateway is looked at in any case: a wrong token, or an address where nobody is, is then one sentence and not
    one for each resource.
    """
    account = settings.account
    live = _found(api, f"/accounts/{account}/ai-gateway/gateways/{gateway_id}")
    if live and (GATEWAY_TYPE, "gateway") not in state.resources:
        yield Existing(GATEWAY_TYPE, "gateway", f"{account}/{gateway_id}", f"gateway {gateway_id}")
    wanted = settings.buckets
    for name, bucket in {LOGS: wanted.logs, "bucket-config": wanted.config}.items() if wanted else ():
        if wanted and (BUCKET_TYPE, name) not in state.resources and _has_bucket(api, account, wanted, bucket):
            if name == LOGS and MAKING_LOGS not in state.interrupted:
                _require_ours(api, account, wanted)
            yield Existing(BUCKET_TYPE, name, f"{account}/{bucket}/{wanted.jurisdiction}", f"bucket {bucket}")


def _has_bucket(api: ControlPlane, account: str, wanted: Buckets, bucket: str) -> bool:
    return _found(api, f"/accounts/{account}/r2/buckets/{bucket}", wanted) is not None


def _require_ours(api: ControlPlane, account: str, wanted: Buckets) -> None:
    """A bucket of ours has our rule, also after its stage was destroyed. That rule would empty anybody else's."""
    lifecycle = _found(api, f"/accounts/{account}/r2/buckets/{wanted.logs}/lifecycle", wanted) or {}
    if RETENTION not in [rule.get("id") for rule in lifecycle.get("rules") or []]:
        raise RefusedError(
            f'Bucket "{wanted.logs}" exists and was not made by Gatewright, which would delete what is older than '
            f"{wanted.retention_days} days in it. Name another one in gatewright:buckets, or take it in on purpose: "
            f"`pulumi import {BUCKET_TYPE} bucket-logs {account}/{wanted.logs}/{wanted.jurisdiction}`."
        )


def _found(api: ControlPlane, path: str, wanted: Buckets | None = None) -> Any:
    """What is at a path, or None. A bucket of a jurisdiction is found by a header only."""
    headers = {"cf-r2-jurisdiction": wanted.jurisdiction} if wanted else None
    try:
        return api.get(path, headers=headers)
    except NotFoundError:
        return None
