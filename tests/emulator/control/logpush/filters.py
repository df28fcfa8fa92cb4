"""A job's filter: which records it wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: bool(have == want),
    "!eq": lambda have, want: bool(have != want),
    "in": lambda have, want: have in want,
    "contains": lambda have, want: str(want) in str(have),
    "startsWith": lambda have, want: str(have).startswith(str(want)),
    "gt": lambda have, want: have is not None and have > want,
    "lt": lambda have, want: have is not None and have < want,
}


def passes(text: str, record: Mapping[str, Any]) -> bool:
    """Whether a record passes `{"where": …}`; raises ValueError for what is no filter."""
    try:
        return _holds(json.loads(text)["where"], record)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"cannot be read: {error!r}") from error


def _holds(where: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    for name, joined in (("and", all), ("or", any)):
        if name in where:
            held = [_holds(one, record) for one in where[name]]  # all of them, so that each is read
            return joined(held)
    if where["operator"] not in OPERATORS:
        raise ValueError(f"unknown operator {where['operator']!r}")
    return OPERATORS[where["operator"]](record.get(where["key"]), where["value"])
