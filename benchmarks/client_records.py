"""What records add to a chat call: short blocks with and without them, in turn, in one process and against one mock.

A block's time is that of the whole process: the CPU of all threads, and the clock until the last record is written. A
slow moment of the machine meets both blocks of a pair, so their ratio is what counts: its median, and between what it
lies with 95 % when the pairs are drawn again (bootstrap).
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.client_contenders import settings_of
from benchmarks.client_mock import MESSAGES
from gateway_config.runtime import Client
from gateway_config.runtime.base import config_of_files

MOST = 1.03
DRAWS = 2000


@dataclass(frozen=True, slots=True)
class Block:
    """Seconds for each call."""

    clock_s: float
    cpu_s: float


def blocks(base: str, folder: Path, pairs: int, calls: int) -> tuple[list[Block], list[Block]]:
    """Blocks of so many calls each: without records, and with them; which comes first alternates."""
    config, settings = config_of_files(), settings_of(base)
    without, keeping = list[Block](), list[Block]()
    with Client(config, settings) as off, Client(config, settings, records=folder) as on:
        for client in (off, on):
            block(client, calls)
        for pair in range(pairs):
            for client in (off, on) if pair % 2 else (on, off):
                (keeping if client is on else without).append(block(client, calls))
    return without, keeping


def block(client: Client, calls: int) -> Block:
    clock_s, cpu_s = time.perf_counter(), time.process_time()
    for _ in range(calls):
        client.ask("sage", MESSAGES, user="ada")
    if client._core.ledger is not None:
        client._core.ledger.flush()  # what still waits is paid for in this block
    return Block((time.perf_counter() - clock_s) / calls, (time.process_time() - cpu_s) / calls)


def interval(ratios: Sequence[float], draws: int = DRAWS) -> tuple[float, float, float]:
    """The median, and between what it lies with 95 %."""
    chance = random.Random(0)
    medians = sorted(statistics.median(chance.choices(ratios, k=len(ratios))) for _ in range(draws))
    return statistics.median(ratios), medians[draws // 40], medians[-draws // 40 - 1]


def rows(without: Sequence[Block], keeping: Sequence[Block]) -> Iterator[str]:
    """Lines of a Markdown table."""
    for title, own, first in (
        ("records, by the clock", [one.clock_s for one in keeping], [one.clock_s for one in without]),
        ("records, CPU of all threads", [one.cpu_s for one in keeping], [one.cpu_s for one in without]),
    ):
        ratio, low, high = interval([ours / theirs for ours, theirs in zip(own, first, strict=True)])
        yield f"| {title} | records off | {_spread(first)} µs |  |  |"
        held = "held" if ratio <= MOST else "missed"
        compared = f"{ratio:.3f} (95 %: {low:.3f}…{high:.3f})"
        yield f"| {title} | records on | {_spread(own)} µs | {compared} | at most {MOST}: {held} |"


def _spread(seconds: Sequence[float]) -> str:
    low, middle, high = statistics.quantiles([one * 1e6 for one in seconds], n=4, method="inclusive")
    return f"{middle:.0f} ({low:.0f}…{high:.0f})"
