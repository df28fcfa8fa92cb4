"""Runs a flow: one driver with blocking I/O, one with asyncio. Nothing is decided here."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any, Self, TypeVar

import httpx

from gateway_config.runtime.call import now
from gateway_config.runtime.events import Event
from gateway_config.runtime.flow import Body, BodyTooLargeError, Effect, Flow, Part, Pause

T = TypeVar("T")


def drive(flow: Flow[T], transport: httpx.BaseTransport) -> T:
    """What a flow comes to, with blocking I/O."""
    try:
        effect = next(flow)
        while True:
            try:
                result = _perform(effect, transport)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration as done:
        result = done.value
        return result  # type: ignore[no-any-return]


def _perform(effect: Effect, transport: httpx.BaseTransport) -> Any:
    if isinstance(effect, httpx.Request):
        return transport.handle_request(effect)
    if isinstance(effect, Body):
        return _read(effect)
    assert isinstance(effect, Pause)
    time.sleep(effect.seconds)
    return None


def _read(body: Body) -> bytes:
    parts: list[bytes] = []
    size = 0
    try:
        for part in body.response.iter_bytes():
            size += len(part)
            _check(body, size)
            parts.append(part)
    finally:
        body.response.close()
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check(body: Body, size: int) -> None:
    if size > body.most:
        raise BodyTooLargeError
    if now() >= body.deadline:
        raise httpx.ReadTimeout("the body came too slowly")


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
            return await transport.handle_async_request(effect)
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
            _check(body, size)
            parts.append(part)
    finally:
        await body.response.aclose()
    return parts[0] if len(parts) == 1 else b"".join(parts)


# --- streams ------------------------------------------------------------------------------------------------------


class Stream:
    """The events of one answer, as they come. Sends its request when the first event is asked for.

    A `with` block (or simply reading to the end) ends the connection; leaving a loop early does, too.
    """

    def __init__(self, flow: Flow[None], transport: httpx.BaseTransport) -> None:
        self._events = _streamed(flow, next(flow), transport)

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the rest of the answer is not read."""
        self._events.close()


def _streamed(flow: Flow[None], effect: Effect, transport: httpx.BaseTransport) -> Generator[Event, None, None]:
    response: httpx.Response | None = None
    parts: Iterator[bytes] = iter(())
    try:
        while True:
            try:
                if isinstance(effect, list):
                    yield from effect
                    result: Any = None
                elif isinstance(effect, Part):
                    if response is None:
                        response, parts = effect.response, effect.response.iter_bytes()
                    result = _next_part(parts, effect)
                else:
                    result = _perform(effect, transport)
            except BaseException as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(result)
    except StopIteration:
        return
    finally:
        if response is not None:
            response.close()


def _next_part(parts: Iterator[bytes], effect: Part) -> bytes | None:
    part = next(parts, None)
    if part is not None and now() >= effect.deadline:
        raise httpx.ReadTimeout("the stream came too slowly")
    return part


class AsyncStream:
    """The same for asyncio: `async for event in stream`."""

    def __init__(self, flow: Flow[None], transport: httpx.AsyncBaseTransport) -> None:
        self._events = _streamed_async(flow, next(flow), transport)

    def __aiter__(self) -> AsyncIterator[Event]:
        return self._events

    async def __anext__(self) -> Event:
        return await anext(self._events)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the connection; the rest of the answer is not read."""
        await self._events.aclose()


async def _streamed_async(
    flow: Flow[None], effect: Effect, transport: httpx.AsyncBaseTransport
) -> AsyncGenerator[Event, None]:
    response: httpx.Response | None = None
    parts: AsyncIterator[bytes] | None = None
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
