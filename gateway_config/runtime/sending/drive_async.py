"""Runs a flow with asyncio. Nothing is decided here; `drive` is the same with blocking I/O."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, Self, TypeVar

import httpx

from gateway_config.runtime.errors import InputError
from gateway_config.runtime.events import Event
from gateway_config.runtime.sending.call import now
from gateway_config.runtime.sending.drive import BEING_READ, OVERPACKED, check, is_overpacked
from gateway_config.runtime.sending.flow import Body, Effect, Flow, Part, Pause

T = TypeVar("T")


async def drive_async(flow: Flow[T], transport: httpx.AsyncBaseTransport) -> T:
    """What a flow comes to, with asyncio."""
    try:
        effect = next(flow)
        while True:
            try:
                result = await _perform_async(effect, transport)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as done:
        result = done.value
        return result  # type: ignore[no-any-return]


async def _perform_async(effect: Effect, transport: httpx.AsyncBaseTransport) -> Any:
    if isinstance(effect, httpx.Request):
        async with asyncio.timeout(effect.extensions["timeout"]["read"]):
            response = await transport.handle_async_request(effect)
        if is_overpacked(response):
            await response.aclose()
            raise httpx.DecodingError(OVERPACKED)
        return response
    if isinstance(effect, Body):
        async with asyncio.timeout(max(0.0, effect.deadline - now())):
            return await _read_async(effect)
    assert isinstance(effect, Pause)
    await asyncio.sleep(effect.seconds)
    return None


async def _read_async(body: Body) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        async for part in body.response.aiter_bytes():
            size += len(part)
            check(body, size)
            parts.append(part)
    finally:
        await body.response.aclose()
    return parts[0] if len(parts) == 1 else b"".join(parts)


class AsyncStream:
    """The events of one answer, as they come, for `async for`; otherwise as `Stream`."""

    def __init__(self, flow: Flow[None], connected: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._events = _streamed_async(flow, connected)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; the rest of the answer is not read. Raises InputError where another task reads it."""
        try:
            await self._events.aclose()
        except RuntimeError as error:
            if "already running" not in str(error):
                raise
            raise InputError(BEING_READ) from None


async def _streamed_async(
    flow: Flow[None], connected: Callable[[], httpx.AsyncBaseTransport]
) -> AsyncGenerator[Event, None]:
    transport = connected()  # of the event loop that reads, which need not run yet where the stream is asked for
    response: httpx.Response | None = None
    parts: AsyncIterator[bytes] | None = None
    effect = next(flow)
    try:
        while True:
            try:
                if isinstance(effect, list):
                    for event in effect:
                        yield event
                    result: Any = None
                elif isinstance(effect, Part):
                    if parts is None:
                        response, parts = effect.response, effect.response.aiter_bytes()
                    async with asyncio.timeout(max(0.0, effect.deadline - now())):
                        result = await anext(parts, None)
                else:
                    result = await _perform_async(effect, transport)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration:
        return
    finally:
        if response is not None:
            await response.aclose()
