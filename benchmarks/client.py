"""What the client adds to raw httpx, beside the openai SDK and litellm: ratios in one run against a bare mock.

    scripts/bench client [--rounds 25] [--calls 64]

Many short rounds, in which the contenders take turns: a slow moment of the machine meets all of them. A ratio is that
of one round. Printed are medians, and in brackets between what the middle half lies.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.client_contenders import LITELLM, contenders
from benchmarks.client_mock import CHUNKS, running_mock
from benchmarks.client_processes import imports, resident
from benchmarks.client_records import blocks, rows
from benchmarks.client_timing import Measure


@dataclass(frozen=True)
class Comparison:
    """Contenders of one thing; the first is what the others are compared with, by a ratio or by what they add.

    `scale` makes a measure the unit that is printed. `most` is what a contender's median may be at most; where it is
    for "itself", the figure counts and not the comparison.
    """

    title: str
    contenders: Mapping[str, Measure]
    calls: int
    unit: str = "µs"
    scale: float = 1e6
    by: Literal["ratio", "added", "itself"] = "ratio"
    most: Mapping[str, float] = field(default_factory=dict)

    def measured(self, rounds: int) -> dict[str, list[float]]:
        """The figures of each contender, one for a round."""
        found: dict[str, list[float]] = {name: [] for name in self.contenders}
        for measure in self.contenders.values():
            measure(max(1, self.calls // 10))
        for _ in range(rounds):
            for name, measure in self.contenders.items():
                found[name].append(measure(self.calls) * self.scale)
        return found

    def compared(self, found: Mapping[str, list[float]], name: str) -> list[float]:
        """A contender beside the first, round by round."""
        pairs = zip(found[name], next(iter(found.values())), strict=True)
        return [own - first if self.by == "added" else own / first for own, first in pairs]

    def rows(self, found: Mapping[str, list[float]]) -> Iterator[str]:
        """Lines of a Markdown table."""
        first = next(iter(found))
        unit = f" {self.unit}" if self.by == "added" else ""
        for name, figures in found.items():
            compared = "" if name == first else spread(self.compared(found, name)) + unit
            yield f"| {self.title} | {name} | {spread(figures)} {self.unit} | {compared} | {self.mark(found, name)} |"

    def mark(self, found: Mapping[str, list[float]], name: str) -> str:
        """Whether a median is within its mark; nothing for a contender without one."""
        if name not in self.most:
            return ""
        figures = found[name] if self.by == "itself" else self.compared(found, name)
        held = statistics.median(figures) <= self.most[name]
        return f"at most {self.most[name]:g}: {'held' if held else 'missed'}"


def spread(figures: list[float]) -> str:
    """The median, and between what the middle half lies; with one round, that."""
    low, middle, high = statistics.quantiles(figures * 2 if len(figures) == 1 else figures, n=4, method="inclusive")
    return f"{shown(middle)} ({shown(low)}…{shown(high)})"


def shown(figure: float) -> str:
    return f"{figure:.0f}" if abs(figure) >= 100 else f"{figure:.1f}" if abs(figure) >= 10 else f"{figure:.2f}"


def comparisons(calls: int, asked: Mapping[str, Mapping[str, Measure]]) -> list[Comparison]:
    """Those of calls."""
    ours = {"gatewright": 1.15}
    return [
        Comparison("chat", asked["chat"], calls, most=ours),
        Comparison("chat, 64 threads", asked["threads"], calls, most=ours),
        Comparison("chat, asyncio", asked["async"], calls, most=ours),
        Comparison("chat, asyncio, 64 at a time", asked["async 64"], calls, most=ours),
        Comparison(
            "stream", asked["stream"], max(1, calls // 10), "µs a chunk", 1e6 / CHUNKS, "added", {"gatewright": 10.0}
        ),
    ]


def processes(base: str, folder: Path) -> list[Comparison]:
    """What a process pays before its first call, and holds after it."""
    importing = dict.fromkeys(("gateway_config.runtime", "… and its Client", "… and AsyncClient"), 1.3)
    return [
        Comparison("import", imports(folder), 1, "ms", 1e3, most=importing),
        Comparison("resident after a call", resident(base), 1, "MB", 1.0, "itself", {"gatewright": 60.0}),
    ]


def a_fifth(found: Mapping[str, list[float]]) -> str:
    """What a chunk of a stream costs beyond raw reading, beside the openai SDK."""
    raw, ours, theirs = (statistics.median(found[name]) for name in ("httpx", "gatewright", "openai"))
    return f"A chunk adds {shown(ours - raw)} µs, with the openai SDK {shown(theirs - raw)} µs (at most a fifth)."


def main() -> int:
    arguments = argparse.ArgumentParser(
        "scripts/bench client", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--rounds", type=int, default=25, help="rounds of calls (25); processes get a fifth")
    arguments.add_argument("--calls", type=int, default=64, help="calls of each contender in a round (64)")
    chosen = arguments.parse_args()
    print("| what | who | median (middle half) | beside the first | mark |\n|---|---|---|---|---|")
    with running_mock() as base, tempfile.TemporaryDirectory() as folder:
        with contenders(base) as asked:
            for comparison in comparisons(chosen.calls, asked):
                found = told(comparison, chosen.rounds)
        # Many short pairs tell more than few long ones.
        print("\n".join(rows(*blocks(base, Path(folder), 16 * chosen.rounds, max(8, chosen.calls // 2)))), flush=True)
        for comparison in processes(base, Path(folder) / "bytecode"):
            told(comparison, max(1, chosen.rounds // 5))
    print(f"\n{a_fifth(found)}")
    if not LITELLM.exists():
        print("litellm is not measured: scripts/bench makes its environment.")
    return 0


def told(comparison: Comparison, rounds: int) -> dict[str, list[float]]:
    found = comparison.measured(rounds)
    print("\n".join(comparison.rows(found)), flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
