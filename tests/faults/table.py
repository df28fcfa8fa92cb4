"""The results as a table: one row for each answer, one column for each step."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.faults.case import Result


@dataclass(frozen=True, slots=True)
class Table:
    """What was run against one subject, and how long it took."""

    subject: str
    steps: tuple[str, ...]
    results: Sequence[Result]
    duration_s: float

    def endings(self) -> Counter[str]:
        return Counter(result.ending for result in self.results)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Each answer with its cells: cases that held, and after a `!` those that did not."""
        for answer in dict.fromkeys(result.case.answer for result in self.results):
            found = [result for result in self.results if result.case.answer == answer]
            yield (answer, *(_cell([one for one in found if one.case.step == step]) for step in self.steps))
        yield ("all", *(_cell([one for one in self.results if one.case.step == step]) for step in self.steps))

    def summary(self) -> str:
        ends = self.endings()
        return (
            f"{self.subject}: {len(self.results):,} cases in {self.duration_s:.0f} s. {ends['unnoticed']:,} passed by "
            f"our own retry, {ends['finished']:,} ended early and were finished by one more run, "
            f"{ends['wrong']:,} wrong"
        )


def _cell(results: Sequence[Result]) -> str:
    wrong = sum(result.ending == "wrong" for result in results)
    held = len(results) - wrong
    return (f"{held} !{wrong}" if wrong else str(held)) if results else "–"


def as_json(tables: Sequence[Table]) -> str:
    """The counts, and what was wrong, as JSON."""
    told = [
        {
            "subject": table.subject,
            "cases": len(table.results),
            **{ending: table.endings()[ending] for ending in ("unnoticed", "finished", "wrong")},
            "duration_s": round(table.duration_s, 1),
            "rows": [dict(zip(("answer", *table.steps), row, strict=True)) for row in table.rows()],
            "failures": [{"case": str(result.case), "why": result.why} for result in table.results if result.why],
        }
        for table in tables
    ]
    return json.dumps(told, indent=1)


def show(table: Table) -> None:
    """Prints it: with lines on a terminal, as a Markdown table elsewhere."""
    if sys.stdout.isatty():
        _show_rich(table)
    else:
        print("\n".join(_plain(table)))
    for result in table.results:
        if result.why:
            print(f"  {result.case}: {result.why}")


def _plain(table: Table) -> Iterator[str]:
    rows = [("answer", *table.steps), *table.rows()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    yield f"{table.summary()}.\n"
    for number, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        yield f"| {' | '.join(cells)} |"
        if number == 0:
            yield "|" + "|".join(f" {'-' * (width - (i > 0))}{':' * (i > 0)} " for i, width in enumerate(widths)) + "|"
    yield ""


def _show_rich(table: Table) -> None:
    from rich.console import Console
    from rich.table import Table as Lines

    lines = Lines(title=table.summary(), title_justify="left")
    for number, column in enumerate(("answer", *table.steps)):
        lines.add_column(column, justify="right" if number else "left")
    for row in table.rows():
        lines.add_row(*(f"[red]{cell}[/]" if "!" in cell else cell for cell in row))
    Console().print(lines)
