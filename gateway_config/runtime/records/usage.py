"""Tables of usage from records: calls, errors, tokens, cost and time, by day, project, tenant, route, arm or tier."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any

from gateway_config.runtime.records.reader import Record

BY = ("day", "project", "tenant", "user", "intent", "route", "arm", "tier", "model", "kind", "status")
FIGURES = (
    "calls",
    "failed",
    "tokens_in",
    "tokens_out",
    "uncounted",
    "cost_usd",
    "unpriced",
    "hit_rate",
    "median_ms",
)
_FIELDS = {"model": "served_model"}


@dataclass(slots=True)
class Group:
    """The calls of one group. `unpriced` calls have a cost that is not known; they are not in `cost_usd`."""

    key: tuple[str, ...]
    calls: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    uncounted: int = 0
    cost_usd: Decimal = Decimal(0)
    unpriced: int = 0
    hits: int = 0
    misses: int = 0
    times_ms: list[float] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Counts one call; what it does not know is counted as not known."""
        self.calls += 1
        self.failed += record["status"] != "ok"
        self.hits += record["cache"] == "hit"
        self.misses += record["cache"] == "miss"
        self.times_ms.append(record["total_ms"])
        tokens = record["tokens_in"], record["tokens_out"]
        self.uncounted += None in tokens
        self.tokens_in += tokens[0] or 0
        self.tokens_out += tokens[1] or 0
        cost = record["cost_usd"]
        self.unpriced += cost is None
        self.cost_usd += Decimal(cost or 0)

    def row(self, by: Sequence[str]) -> dict[str, Any]:
        """The group as plain data. The cost is unknown where that of every call is; tokens likewise.

        The rate of hits is that of the calls whose answer a cache could give; without such calls there is none.
        """
        cached = self.hits + self.misses
        return {
            **dict(zip(by, self.key, strict=True)),
            "calls": self.calls,
            "failed": self.failed,
            "tokens_in": self.tokens_in if self.uncounted < self.calls else None,
            "tokens_out": self.tokens_out if self.uncounted < self.calls else None,
            "uncounted": self.uncounted,
            "cost_usd": format(self.cost_usd, "f") if self.unpriced < self.calls else None,
            "unpriced": self.unpriced,
            "hit_rate": round(self.hits / cached, 4) if cached else None,
            "median_ms": round(median(self.times_ms), 1),
        }


def usage_rows(records: Iterable[Record], by: Sequence[str]) -> list[dict[str, Any]]:
    """One row for each group, sorted by its key; a record that was shipped twice counts once."""
    groups: dict[tuple[str, ...], Group] = {}
    seen: set[str] = set()
    for record in records:
        if record["id"] in seen:
            continue
        seen.add(record["id"])
        key = tuple(_value(record, name) for name in by)
        groups.setdefault(key, Group(key)).add(record)
    return [groups[key].row(by) for key in sorted(groups)]


def _value(record: Record, name: str) -> str:
    if name == "day":
        return str(record["at"][:10])
    value = record[_FIELDS.get(name, name)]
    return "-" if value is None else str(value)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows in columns, for people; what is not known stands as a question mark."""
    if not rows:
        return "no calls are recorded."
    names = list(rows[0])
    cells = [names, *(["?" if row[name] is None else str(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
    numeric = [all(not isinstance(row[name], str) or name == "cost_usd" for row in rows) for name in names]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    )
