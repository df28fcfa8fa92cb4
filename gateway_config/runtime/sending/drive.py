"""Runs a flow with blocking I/O. Nothing is decided here; `drive_async` is the same with asyncio."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from typing import Any, Self, TypeVar

import httpx

from gateway_config.runtime.errors import InputError
from gateway_config.runtime.events import Event
from gateway_config.runtime.sending.call import now
from gateway_config.runtime.sending.flow import Body, BodyTooLargeError, Effect, Flow, Part, Pause

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
        response = transport.handle_request(effect)
        if is_overpacked(response):
            response.close()
            raise httpx.DecodingError(OVERPACKED)
        return response
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
            check(body, size)
            parts.append(part)
    finally:
        body.response.close()
    return parts[0] if len(parts) == 1 else b"".join(parts)


# What was asked for. Packed more than once, or as br or zstd, a few bytes of a bomb unpack to gigabytes at one go.
_CODINGS = frozenset({"", "identity", "gzip", "deflate"})
OVERPACKED = "it is packed otherwise than was asked for"


def is_overpacked(response: httpx.Response) -> bool:
    """Whether a body must not be unpacked: nothing could limit how large it becomes."""
    return response.headers.get("content-encoding", "").strip().lower() not in _CODINGS


def check(body: Body, size: int) -> None:
    """Raises where a body that is read has become too large, or too late."""
    if size > body.most:
        raise BodyTooLargeError
    if now() >= body.deadline:
        raise httpx.ReadTimeout("the body came too slowly")


# --- streams ------------------------------------------------------------------------------------------------------

BEING_READ = "a stream is closed by who reads it: leave its loop, or cancel its task. This one is being read."


class Stream:
    """The events of one answer, as they come. Sends its request when the first event is asked for.

    A `with` block (or simply reading to the end) ends the connection; leaving a loop early does, too.
    """

    def __init__(self, flow: Flow[None], connected: Callable[[], httpx.BaseTransport]) -> None:
        self._events = _streamed(flow, connected)

    def __iter__(self) -> Iterator[Event]:
        return self._events

    def __next__(self) -> Event:
        return next(self._events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection; the rest of the answer is not read. Raises InputError where another thread reads it."""
        try:
            self._events.close()
        except ValueError:  # as Python says that a generator is running
            raise InputError(BEING_READ) from None


def _streamed(flow: Flow[None], connected: Callable[[], httpx.BaseTransport]) -> Generator[Event, None, None]:
    transport = connected()
    response: httpx.Response | None = None
    parts: Iterator[bytes] = iter(())
    effect = next(flow)
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
