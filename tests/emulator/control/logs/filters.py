"""Which log entries a query means."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from tests.emulator.control.envelope import problem, refuse
from tests.emulator.control.logs.models import LogEntry

ORDERS = ("created_at", "provider", "model", "model_type", "success", "cached")
RANGES = ("cost", "duration", "tokens_in", "tokens_out", "total_tokens")
ALIASES = {"tokens": "total_tokens"}
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda have, want: str(have).lower() == str(want).lower(),
    "neq": lambda have, want: str(have).lower() != str(want).lower(),
    "contains": lambda have, want: str(want).lower() in str(have).lower(),
    "lt": lambda have, want: have is not None and float(have) < float(want),
    "gt": lambda have, want: have is not None and float(have) > float(want),
}


def value_of(entry: LogEntry, key: str) -> list[Any]:
    """The values an entry has under a filter key."""
    if key.startswith("metadata."):
        metadata = json.loads(entry.metadata)
        return list(metadata) if key == "metadata.key" else list(metadata.values())
    if ALIASES.get(key, key) == "total_tokens":
        return [(entry.tokens_in or 0) + (entry.tokens_out or 0)]
    return [getattr(entry, key, None)]


def matching(entries: Iterable[LogEntry], query: Mapping[str, str]) -> list[LogEntry]:
    """The entries for which every condition of the query holds; a filter that cannot be read is refused."""
    try:
        conditions = list(_conditions(query))
        return [entry for entry in entries if all(holds(entry) for holds in conditions)]
    except ValueError as error:
        raise refuse(400, problem(7001, f"Invalid: {error}", ("query", "filters"))) from error


def _conditions(query: Mapping[str, str]) -> Iterator[Callable[[LogEntry], bool]]:
    for name in ("cached", "success", "feedback", "provider", "model"):
        if name in query:
            yield _compare(name, "eq", [query[name]])
    for bound in query:
        side, _, name = bound.partition("_")
        if side in ("min", "max") and name in RANGES:
            yield _within(name, float(query[bound]), least=side == "min")
    if "start_date" in query:
        yield lambda entry: entry.created_at >= query["start_date"]
    if "end_date" in query:
        yield lambda entry: entry.created_at <= query["end_date"]
    if needle := query.get("search", "").encode():
        yield lambda entry: needle in (entry.request or b"") + (entry.response or b"")
    yield from _filters(query.get("filters"))


def _within(name: str, limit: float, least: bool) -> Callable[[LogEntry], bool]:
    """Whether a number is known, and not on the wrong side of a limit."""

    def holds(entry: LogEntry) -> bool:
        (value,) = value_of(entry, name)
        return value is not None and (value >= limit if least else value <= limit)

    return holds


def _filters(text: str | None) -> Iterator[Callable[[LogEntry], bool]]:
    try:
        for one in json.loads(text or "[]"):
            values = one["value"] if isinstance(one["value"], list) else [one["value"]]
            if one["operator"] not in OPERATORS:
                raise ValueError(one["operator"])
            yield _compare(one["key"], one["operator"], values)
    except (ValueError, KeyError, TypeError) as error:
        raise refuse(400, problem(7001, f"Invalid filter: {error}", ("query", "filters"))) from error


def _compare(key: str, operator: str, values: list[Any]) -> Callable[[LogEntry], bool]:
    test = OPERATORS[operator]

    def holds(entry: LogEntry) -> bool:
        have = value_of(entry, key)
        if operator == "neq":
            return all(test(one, want) for one in have for want in values)
        return any(test(one, want) for one in have for want in values)

    return holds
