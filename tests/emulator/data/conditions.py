"""Conditions of a route: a MongoDB-like question about a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.emulator.assumptions import Assumption, assumption
from tests.emulator.evidence import behaviour

Facts = Mapping[str, Any]
Assumes = Callable[[Assumption], str]

MISSING_KEY = assumption(
    "missing-key",
    "What is a condition on a metadata key that the request does not carry? (MongoDB: $ne is true)",
    "false",
    "as-in-mongodb",
)
EMPTY = assumption("empty-condition", "Which way goes a conditional without conditions?", "true", "false")
PLAIN_VALUE = assumption("plain-value", 'Is {"metadata.plan": "free"} short for $eq, or never true?', "equals", "false")
OTHER_PATHS = assumption(
    "other-paths",
    "Do paths like body.x and headers.x mean the request's body and headers?",
    "missing",
    "resolved",
)
UNKNOWN_OPERATOR = assumption("unknown-operator", "What is a condition with an unknown operator?", "false", "true")

ABSENT = object()


@behaviour("conditions know $eq $ne $in $and $or on paths like metadata.x", "DOC", "json-configuration")
def holds(conditions: Any, facts: Facts, assumes: Assumes) -> bool:
    """Whether all conditions hold; `facts` has "metadata", and may have "body" and "headers"."""
    if not conditions:
        return assumes(EMPTY) == "true"
    if not isinstance(conditions, Mapping):
        return False
    return all(_holds_one(key, wanted, facts, assumes) for key, wanted in conditions.items())


def _holds_one(key: str, wanted: Any, facts: Facts, assumes: Assumes) -> bool:
    if key in ("$and", "$or"):
        parts = [holds(part, facts, assumes) for part in wanted] if isinstance(wanted, list) else [False]
        return all(parts) if key == "$and" else any(parts)
    if key.startswith("$"):
        return assumes(UNKNOWN_OPERATOR) == "true"
    value = look_up(key, facts, assumes)
    if isinstance(wanted, Mapping):
        return all(_compare(operator, operand, value, assumes) for operator, operand in wanted.items())
    return assumes(PLAIN_VALUE) == "equals" and value is not ABSENT and same(value, wanted)


def _compare(operator: str, operand: Any, value: Any, assumes: Assumes) -> bool:
    if operator not in ("$eq", "$ne", "$in"):
        return assumes(UNKNOWN_OPERATOR) == "true"
    if value is ABSENT:
        return operator == "$ne" and assumes(MISSING_KEY) == "as-in-mongodb"
    if operator == "$in":
        return isinstance(operand, list) and value in operand and any(same(value, one) for one in operand)
    return same(value, operand) == (operator == "$eq")


def look_up(path: str, facts: Facts, assumes: Assumes) -> Any:
    """The value at a path, or ABSENT."""
    root, _, rest = path.partition(".")
    if root != "metadata" and assumes(OTHER_PATHS) == "missing":
        return ABSENT
    here: Any = facts.get(root, {})
    if root != "body":
        return here.get(rest, ABSENT)
    for key in rest.split("."):
        here = here.get(key, ABSENT) if isinstance(here, Mapping) else ABSENT
    return here


def same(left: Any, right: Any) -> bool:
    """JSON equality: true is not 1."""
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)
