"""Conditions on metadata, as people write them and as Cloudflare takes them.

{plan: free}                            plan is free
{plan: [free, trial]}                   plan is one of these
{plan: {not: free}}                     plan is something else
{plan: free, country: DE}               both
{any: [{plan: free}, {country: DE}]}    at least one; `all` for every one
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway_config.graph import canonical_json

METADATA = "metadata."
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_GROUPS = {"any": "$or", "all": "$and"}
_DEEPEST = 8


def checked_condition(value: Any, depth: int = 0) -> Any:
    """The condition itself, if it is one; a ValueError says what is not."""
    if not isinstance(value, dict) or not value:
        raise ValueError("maps metadata keys to what they are, such as {plan: free}")
    if depth > _DEEPEST:
        raise ValueError(f"is nested at most {_DEEPEST} deep")
    for key, test in value.items():
        if key in _GROUPS:
            _check_group(key, test, depth)
        elif not _KEY.fullmatch(key):
            raise ValueError(f'names metadata keys in lower case, such as plan, and not "{key[:40]}"')
        else:
            _check_test(key, test)
    return value


def _check_group(key: str, conditions: Any, depth: int) -> None:
    if not isinstance(conditions, list) or not conditions:
        raise ValueError(f"has a list of conditions under `{key}`")
    for condition in conditions:
        checked_condition(condition, depth + 1)


def _check_test(key: str, test: Any) -> None:
    wanted = test["not"] if isinstance(test, dict) and list(test) == ["not"] else test
    values = wanted if isinstance(wanted, list) and wanted is test and wanted else [wanted]
    if not all(isinstance(value, str | int) for value in values):
        raise ValueError(
            f"compares `{key}` with a text, a whole number, true or false, a list of those, or {{not: one of them}}"
        )


def keys_of(condition: Mapping[str, Any]) -> set[str]:
    """The metadata keys that a condition, as people write it, asks for."""
    return {key for key, _ in comparisons(condition)}


def comparisons(condition: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each metadata key that a condition, as people write it, asks for, with each value that it is compared with."""
    for key, test in condition.items():
        if key in _GROUPS:
            for inner in test:
                yield from comparisons(inner)
        else:
            values = test if isinstance(test, list) else [test["not"] if isinstance(test, dict) else test]
            yield from ((key, value) for value in values)


def to_cloudflare(condition: Mapping[str, Any]) -> dict[str, Any]:
    """The `conditions` property of a conditional element that means the same, whatever the order of keys and lists."""
    clauses = [_clause(key, condition[key]) for key in sorted(condition)]
    return clauses[0] if len(clauses) == 1 else {"$and": clauses}


def _clause(key: str, test: Any) -> dict[str, Any]:
    if key in _GROUPS:
        return {_GROUPS[key]: _ordered(to_cloudflare(inner) for inner in test)}
    if isinstance(test, list):
        return {METADATA + key: {"$in": _ordered(test)}}
    if isinstance(test, dict):
        return {METADATA + key: {"$ne": test["not"]}}
    return {METADATA + key: {"$eq": test}}


def _ordered(values: Iterable[Any]) -> list[Any]:
    return [own for _, own in sorted({canonical_json(value): value for value in values}.items())]


def keys_asked(conditions: Any) -> set[str]:
    """The metadata keys that a conditional's `conditions`, as Cloudflare takes them, ask for."""
    if isinstance(conditions, list):
        return {key for inner in conditions for key in keys_asked(inner)}
    if not isinstance(conditions, Mapping):
        return set()
    own = {key.removeprefix(METADATA) for key in conditions if key.startswith(METADATA)}
    return own.union(*(keys_asked(value) for key, value in conditions.items() if key in _GROUPS.values()))


def comparison(conditions: Any) -> tuple[str, str, Any] | None:
    """The metadata key, operator and value of `conditions`, as Cloudflare takes them, that make one comparison only."""
    if not isinstance(conditions, Mapping) or len(conditions) != 1:
        return None
    [(key, wanted)] = conditions.items()
    if not key.startswith(METADATA):
        return None
    tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    if len(tests) != 1:
        return None
    [(operator, value)] = tests.items()
    return key.removeprefix(METADATA), operator, value
