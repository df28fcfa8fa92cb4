"""How long so many calls take: one after another, by 64 threads, with asyncio. Needs nothing but Python itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

AT_A_TIME = 64

Call = Callable[[], object]
AsyncCall = Callable[[], Awaitable[object]]
Measure = Callable[[int], float]


def one_at_a_time(call: Call) -> Measure:
    """Seconds for one of so many calls; so with the others."""

    def measure(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            call()
        return (time.perf_counter() - began) / times

    return measure


def by_threads(call: Call, pool: ThreadPoolExecutor) -> Measure:
    def measure(times: int) -> float:
        began = time.perf_counter()
        for _ in pool.map(lambda _: call(), range(times)):
            pass
        return (time.perf_counter() - began) / times

    return measure


def awaited(call: AsyncCall, loop: asyncio.Runner, at_a_time: int) -> Measure:
    async def worker(times: int) -> None:
        for _ in range(times):
            await call()

    async def together(each: int) -> None:
        await asyncio.gather(*(worker(each) for _ in range(at_a_time)))

    def measure(times: int) -> float:
        each = max(1, times // at_a_time)
        began = time.perf_counter()
        loop.run(together(each))
        return (time.perf_counter() - began) / (each * at_a_time)

    return measure
