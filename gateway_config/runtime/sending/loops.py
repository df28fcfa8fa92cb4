"""Connections for asyncio, which belong to one event loop each, and end with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from weakref import ref

import httpx


class ByLoop:
    """The connections of every event loop that asks for some."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._make = make
        self._all: dict[asyncio.AbstractEventLoop, _OfOneLoop] = {}

    def __len__(self) -> int:
        return len(self._all)

    def here(self) -> httpx.AsyncBaseTransport:
        """Those of the event loop that runs."""
        loop = asyncio.get_running_loop()
        own = self._all.get(loop)
        if own is None:
            own = self._all[loop] = _OfOneLoop(self, loop, self._make())
        return own.transport

    async def close(self) -> None:
        """Ends those of the event loop that runs."""
        own = self._all.get(asyncio.get_running_loop())
        if own is not None:
            await own.close()

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing is left of a loop whose connections have ended."""
        self._all.pop(loop, None)


class _OfOneLoop:
    """Connections whose life is a generator: an event loop that ends closes the generators that were begun in it."""

    def __init__(self, every: ByLoop, loop: asyncio.AbstractEventLoop, transport: httpx.AsyncBaseTransport) -> None:
        self.transport = transport
        self._life = _life(ref(every), loop, transport)
        with suppress(StopIteration):  # that is how its first step ends, which waits for nothing
            self._life.__anext__().send(None)

    async def close(self) -> None:
        await self._life.aclose()


async def _life(
    every: ref[ByLoop], loop: asyncio.AbstractEventLoop, transport: httpx.AsyncBaseTransport
) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        if (own := every()) is not None:
            own.forget(loop)
        await transport.aclose()
