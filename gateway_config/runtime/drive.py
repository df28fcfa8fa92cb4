"""Runs a flow: one driver with blocking I/O, one with asyncio. Nothing is decided here."""

from __future__ import annotations

import asyncio
import time
from typing import Any, TypeVar

import httpx

from gateway_config.runtime.call import now
from gateway_config.runtime.flow import Body, BodyTooLargeError, Flow, Pause

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


def _perform(effect: httpx.Request | Body | Pause, transport: httpx.BaseTransport) -> Any:
    if isinstance(effect, httpx.Request):
        return transport.handle_request(effect)
    if isinstance(effect, Body):
        return _read(effect)
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


async def _perform_async(effect: httpx.Request | Body | Pause, transport: httpx.AsyncBaseTransport) -> Any:
    if isinstance(effect, httpx.Request):
        async with asyncio.timeout(effect.extensions["timeout"]["read"]):
            return await transport.handle_async_request(effect)
    if isinstance(effect, Body):
        async with asyncio.timeout(max(0.0, effect.deadline - now())):
            return await _read_async(effect)
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
