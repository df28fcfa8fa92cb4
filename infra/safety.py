"""What one `up` may not do to a stage that has thresholds: too much at once, or what cannot be taken back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_config.errors import RefusedError
from infra.changes import ResourceChange
from infra.resources import BUCKET_TYPE, GATEWAY_TYPE
from infra.settings import Safety

_KEPT = {GATEWAY_TYPE: "gateway", BUCKET_TYPE: "bucket"}
_CHANGES = ("update", "replace", "delete")


class UnsafeError(RefusedError):
    """The thresholds of the stage refuse; nothing was changed."""


def refusals(
    changes: tuple[ResourceChange, ...], safety: Safety, existing_routes: int, front_door: str | None
) -> tuple[str, ...]:
    """What the thresholds refuse in a plan, one sentence each. The front door follows the others: it is not counted."""
    routes = [change for change in changes if change.is_route and change.operation in _CHANGES]
    return (
        *_too_many([change for change in routes if change.name != front_door], safety, existing_routes),
        *(sentence for change in routes for sentence in _jumps(change, safety.most_share_points)),
        *(f"{change.name}: its last fallback is removed" for change in routes if _loses_its_last_fallback(change)),
        *_lost(changes),
    )


def _too_many(routes: list[ResourceChange], safety: Safety, existing: int) -> Iterator[str]:
    most = max(safety.most_routes, existing * safety.most_routes_percent // 100)
    if len(routes) > most:
        names = ", ".join(change.name for change in routes)
        yield f"{len(routes)} of {existing} routes change at once ({names}); at most {most} may"


def _jumps(change: ResourceChange, most_points: int) -> Iterator[str]:
    before, after = change.before.get("split") or {}, change.after.get("split") or {}
    for arm in sorted(before.keys() | after.keys()) if after else ():
        points = abs(after.get(arm, 0) - before.get(arm, 0))
        if points > most_points:
            shares = f"{before.get(arm, 0)} => {after.get(arm, 0)}"
            yield f'{change.name}: the share of "{arm}" moves by {points} points ({shares}); at most {most_points} may'


def _loses_its_last_fallback(change: ResourceChange) -> bool:
    return bool(change.after) and _has_fallback(change.before) and not _has_fallback(change.after)


def _has_fallback(inputs: Mapping[str, Any]) -> bool:
    """Whether some model has another one behind it."""
    elements = inputs.get("elements") or {}
    models = {id for id, element in elements.items() if element.get("type") == "model"}
    return any((elements[id].get("outputs") or {}).get("fallback") in models for id in models)


def _lost(changes: tuple[ResourceChange, ...]) -> Iterator[str]:
    for change in changes:
        if change.type in _KEPT and change.operation in ("replace", "delete"):
            why = "; ".join(str(leaf) for leaf in change.differences) or "the config has none any more"
            yield f"{change.name}: a {_KEPT[change.type]} is never {change.operation}d here ({why})"
