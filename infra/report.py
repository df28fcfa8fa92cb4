"""A plan or an outcome in words, as JSON, and as Markdown for a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_config.splits import moved_buckets
from infra.changes import Difference, Outcome, ResourceChange

_SIGNS = {"create": "+", "import": "<", "update": "~", "replace": "±", "delete": "-", "forget": "=", "refresh": "!"}


def lines(outcome: Outcome, *, done: bool) -> Iterator[str]:
    """What a person reads: what somebody else changed, each resource with its leaves, each route in words."""
    yield from (f"note: {notice}" for notice in outcome.notices)
    for change in outcome.put_back:
        yield f"! changed by hand: {'deleted ' if change.operation == 'delete' else ''}{_title(change)}"
        yield from _leaves(change)
    for change in outcome.left:
        yield f"= held: {_title(change)}, which `up` leaves as it is"
        yield from _leaves(change)
    for change in outcome.due:
        yield f"{_SIGNS.get(change.told_operation, '?')} {change.told_operation} {_title(change)}"
        yield from _leaves(change)
        if change.is_route:
            yield from (f"    {line}" for line in route_in_words(change))
    yield from (f"refused by the stage's thresholds: {sentence}" for sentence in outcome.refusals)
    yield _summary(outcome, done)


def _title(change: ResourceChange) -> str:
    return f"{change.type.split(':')[-1]} {change.name}"


def _leaves(change: ResourceChange) -> Iterator[str]:
    for leaf in change.differences:
        yield "    no longer held: the config agrees with what is live" if _ends_a_hold(change, leaf) else f"    {leaf}"


def _ends_a_hold(change: ResourceChange, leaf: Difference) -> bool:
    return change.is_route and leaf.path == "held"


def _summary(outcome: Outcome, done: bool) -> str:
    if not outcome.due:
        but = " but what is held" if outcome.left else ""
        return f"nothing to change{but} ({outcome.duration_s:.1f} s)"
    counts: dict[str, int] = {}
    for change in outcome.due:
        counts[change.told_operation] = counts.get(change.told_operation, 0) + 1
    words = ", ".join(f"{count} to {operation}" for operation, count in counts.items())
    return f"{words.replace(' to ', ' × ') if done else words} ({outcome.duration_s:.1f} s)"


def route_in_words(change: ResourceChange) -> Iterator[str]:
    """The shares before and after, and how many buckets, hundredths of the users, move from which arm to which."""
    before, after = change.before.get("split") or {}, change.after.get("split") or {}
    if before == after or not after:
        return
    if not before:
        yield f"shares: {_shares(after)}"
        return
    yield f"shares: {_shares(before)} => {_shares(after)}"
    moves = moved_buckets(before, after) if sum(before.values()) == sum(after.values()) == 100 else {}
    for (source, target), count in sorted(moves.items()):
        yield f"{count} of 100 buckets move from {source} to {target}"


def _shares(split: Mapping[str, int]) -> str:
    return ", ".join(f"{arm} {share} %" for arm, share in sorted(split.items(), key=lambda item: -item[1]))


def as_json(outcome: Outcome) -> dict[str, Any]:
    """The outcome; a change has operation, type, name, differences, and, of a route, the shares."""
    return {
        "changes": [_change(change) for change in outcome.due],
        "drift": [_change(change) for change in outcome.put_back],
        "notices": list(outcome.notices),
        "refusals": list(outcome.refusals),
        "held": list(outcome.held),
        "outputs": dict(outcome.outputs),
        "duration_s": round(outcome.duration_s, 3),
    }


def _change(change: ResourceChange) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operation": change.told_operation,
        "type": change.type,
        "name": change.name,
        "differences": [{"path": leaf.path, "before": leaf.before, "after": leaf.after} for leaf in change.differences],
    }
    if change.is_route:
        told["shares"] = {"before": change.before.get("split"), "after": change.after.get("split")}
    return told
