"""Differences: of what is declared and what is deployed, in words; of two configs, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.compiled import CompiledConfig, CompiledRoute, CompiledTarget
from gateway_config.config import GatewayFile
from gateway_config.graph import Graph
from gateway_config.splits import moved_buckets, shares_in, splits_in
from gateway_config.telling.graph_changes import WAY, GraphChange, graph_changes


def graph_diff(declared: Graph, observed: Graph) -> list[str]:
    """What is observed otherwise than declared, a sentence each, naming elements, arms and shares.

    Empty exactly where the graph digests are equal.
    """
    return [_sentence(change) for change in graph_changes(observed, declared)]


def _sentence(change: GraphChange) -> str:
    if change.before is None:
        return f"{change.what} is missing, declared: {change.after}"
    if change.after is None:
        return f"{change.what} is there and not declared: {change.before}"
    return f"{change.what} is {change.before}, declared {change.after}"


# --- two configs ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """A value before and after; None where there was or is none. `what` names it: `champion`, `deadline_ms`."""

    what: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Move:
    """So many of a hundred buckets go from one arm to another."""

    before: str
    after: str
    buckets: int


@dataclass(frozen=True, slots=True)
class RouteDiff:
    """What a change of config means on one route.

    `shares` in hundredths by arm; `models` by arm (or element), as `name (upstream model)`; `parameters` of those that
    keep their model; `ways`: what else differs in the graph. `deploys`: Cloudflare gets a new version of the route.
    """

    name: str
    deploys: bool
    shares: tuple[Change, ...] = ()
    moves: tuple[Move, ...] = ()
    models: tuple[Change, ...] = ()
    parameters: tuple[Change, ...] = ()
    settings: tuple[Change, ...] = ()
    ways: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigDiff:
    """What a change of config means: routes that come and go by name, routes that change, and what holds for all."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[RouteDiff, ...] = ()
    settings: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.settings)


_ROUTE_SETTINGS = ("kind", "routed", "intents", "sticky", "deadline_ms", "tier", "cache", "records")
_CONFIG_SETTINGS = ("gateway_id", "front_door", "projects", "tenants")
_TARGET_SETTINGS = ("first_byte_ms", "retries", "prompt", "adapter", "price")


def config_diff(old: CompiledConfig, new: CompiledConfig) -> ConfigDiff:
    """What changes for callers and for Cloudflare when `new` takes the place of `old`."""
    both = sorted(old.routes.keys() & new.routes.keys())
    diffs = (_route_diff(old.routes[name], new.routes[name]) for name in both)
    return ConfigDiff(
        tuple(sorted(new.routes.keys() - old.routes.keys())),
        tuple(sorted(old.routes.keys() - new.routes.keys())),
        tuple(diff for diff in diffs if diff is not None),
        tuple(_changes(old, new, _CONFIG_SETTINGS)),
    )


def gateway_changes(old: GatewayFile, new: GatewayFile) -> tuple[Change, ...]:
    """What changes on the gateway itself and on the adapters; the compiled config does not hold these."""
    return (
        *_compared(_prefixed("gateway", dict(old.gateway)), _prefixed("gateway", dict(new.gateway))),
        *_compared(_prefixed("adapters", old.adapters), _prefixed("adapters", new.adapters)),
    )


def _prefixed(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{key}": value for key, value in values.items()}


def _route_diff(old: CompiledRoute, new: CompiledRoute) -> RouteDiff | None:
    before, after = _shares(old), _shares(new)
    diff = RouteDiff(
        new.name,
        deploys=old.graph_digest != new.graph_digest and (old.routed or new.routed),
        shares=tuple(_compared(before, after)),
        moves=tuple(_moves(old, new)),
        models=tuple(_compared(_models(old), _models(new))),
        parameters=tuple(_parameter_changes(old, new)),
        settings=tuple(_changes(old, new, _ROUTE_SETTINGS)),
        ways=tuple(_way_changes(old, new)),
    )
    return diff if diff != RouteDiff(new.name, deploys=False) else None


def _compared(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for what in sorted({*before, *after}):
        if before.get(what) != after.get(what):
            yield Change(what, before.get(what), after.get(what))


def _changes(old: object, new: object, names: Sequence[str]) -> Iterator[Change]:
    return _compared({name: getattr(old, name) for name in names}, {name: getattr(new, name) for name in names})


def _shares(route: CompiledRoute) -> dict[str, int]:
    """The share of each arm in hundredths; all of it where an arm has no rival."""
    names = _names(route)
    split = {names.get(id, id): share for id, share in shares_in(route.graph).items()}
    return split or (dict.fromkeys(route.arms, 100) if len(route.arms) == 1 else {})


def _moves(old: CompiledRoute, new: CompiledRoute) -> Iterator[Move]:
    """Buckets that change their arm, split by split; splits that share arms stand for each other."""
    rivals = _rivalries(old)
    for after in _rivalries(new):
        before = max(rivals, key=lambda own: len(own.keys() & after.keys()), default={})
        if before.keys() & after.keys():
            for (from_arm, to_arm), count in sorted(moved_buckets(before, after).items()):
                yield Move(from_arm, to_arm, count)


def _rivalries(route: CompiledRoute) -> list[dict[str, int]]:
    """Each split's shares by arm; an arm that is alone has all hundred."""
    found = [split.by_arm for split in splits_in(route.graph)]
    return found or ([dict.fromkeys(route.arms, 100)] if len(route.arms) == 1 else [])


def _names(route: CompiledRoute) -> dict[str, str]:
    """What people call each target: an arm by its name; by its element, without the route's name, what is no arm."""
    known = [target.arm for target in route.targets.values()]
    return {
        id: target.arm if target.arm and known.count(target.arm) == 1 else id.removeprefix(f"{route.name}.")
        for id, target in route.targets.items()
    }


def _named(route: CompiledRoute) -> dict[str, CompiledTarget]:
    names = _names(route)
    return {names[id]: target for id, target in route.targets.items()}


def _models(route: CompiledRoute) -> dict[str, str]:
    return {what: f"{own.name} ({own.upstream} {own.model})" for what, own in _named(route).items()}


def _parameter_changes(old: CompiledRoute, new: CompiledRoute) -> Iterator[Change]:
    before, after = _named(old), _named(new)
    for what in sorted(before.keys() & after.keys()):
        for change in _compared(_settings(before[what]), _settings(after[what])):
            yield Change(f"{what}.{change.what}", change.before, change.after)


def _settings(target: CompiledTarget) -> dict[str, Any]:
    return {**target.parameters, **{name: getattr(target, name) for name in _TARGET_SETTINGS}}


def _way_changes(old: CompiledRoute, new: CompiledRoute) -> Iterator[Change]:
    """What else leads requests differently; the elements of splits are told by their shares."""
    told = {id for route in (old, new) for split in splits_in(route.graph) for id in split.elements}
    for change in graph_changes(old.graph, new.graph):
        if change.about == WAY and change.element not in told:
            yield Change(change.what, change.before, change.after)
