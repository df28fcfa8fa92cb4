"""The ASGI application: read a request, let it meet its fault, let its operation answer, write it down."""

from __future__ import annotations

import asyncio
import inspect
import struct
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from socket import SO_LINGER, SOL_SOCKET
from typing import Any, TypeAlias

from tests.emulator.control.access import authorize
from tests.emulator.control.envelope import problem, refuse
from tests.emulator.data.dialects.sse import BrokenOff
from tests.emulator.data.errors import gateway_error
from tests.emulator.faults import Fault
from tests.emulator.router import Operation
from tests.emulator.services import find
from tests.emulator.web import Call, MalformedBody, Refusal, Reply, reply_json, to_json
from tests.emulator.world import World

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

MOST_BODY_BYTES = 100 * 1024 * 1024
MOST_UPLOAD_BYTES = 301 * 1024 * 1024  # an adapter has at most 300 MB
ADMIN = "/_emulator"
CONTROL = "/client/v4"


class HungUp(Exception):
    """The client went away before its request was complete."""


class Emulator:
    """One emulated Cloudflare as an ASGI application."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            call = await _read(scope, receive)
        except HungUp:
            return
        except Refusal as refused:
            await _write(refused.reply, send, receive)
            return
        await self._serve(call, receive, send)

    async def _serve(self, call: Call, receive: Receive, send: Send) -> None:
        admin = call.path.startswith(ADMIN)
        fault = None if admin else self.world.faults.meet(call.method, call.path)
        reply = await self._answer(call, fault)
        if not admin:
            self.world.journal.write(self.world.clock.now(), call, reply.status if reply else 0)
        if call.method != "GET" and (admin or call.path.startswith(CONTROL)):
            for act in self.world.after_change:
                act()
        if reply is None:
            await _hang_up(send, receive, reset=True)
        elif fault and fault.truncate is not None:
            await _write_part(reply, fault.truncate, send, receive)
        else:
            await _write(reply, send, receive)

    async def _answer(self, call: Call, fault: Fault | None) -> Reply | None:
        """The reply; null where a fault wants the connection reset instead."""
        if fault is None:
            return await answer(self.world, call)
        if fault.delay_ms:
            await asyncio.sleep(fault.delay_ms / 1000)
        if fault.reset:
            return None
        if fault.status is None:
            return await answer(self.world, call)
        body = fault.body if isinstance(fault.body, str) else to_json(fault.body).decode()
        return Reply(fault.status, body.encode(), headers=dict(fault.headers or {}))


async def answer(world: World, call: Call) -> Reply:
    """Whatever the request was, a reply."""
    try:
        wanted = _operation(call)
        if call.path.startswith(CONTROL):
            authorize(world, call, wanted)
        reply = wanted.answer(world, call)
        return await reply if inspect.isawaitable(reply) else reply
    except Refusal as refused:
        return refused.reply
    except MalformedBody as error:
        return _malformed(call, str(error)).reply
    except Exception:
        traceback.print_exc()
        words = "the emulator failed at this request, which is a defect of it; its output says where"
        return reply_json({"error": words}, 500)


def _operation(call: Call) -> Operation:
    found = find(call.path)
    if found is None:
        raise _nowhere(call)
    operations, call.params = found
    if call.method not in operations:
        raise _wrong_method(call, sorted(operations))
    return operations[call.method]


def _nowhere(call: Call) -> Refusal:
    hint = "this is an emulator; docs/coverage.md lists what it knows"
    if call.path.startswith(CONTROL):
        route = call.path.removeprefix(CONTROL)
        message = f"Could not route to {route}, perhaps your object identifier is invalid?"
        return refuse(404, problem(7003, message), problem(7000, f"No route for that URI ({hint})"))
    if call.path.startswith(ADMIN):
        return Refusal(reply_json({"error": f"no {call.path}; {hint}"}, 404))
    return gateway_error(404, 7000, f"No route for that URI ({hint})")


def _wrong_method(call: Call, known: list[str]) -> Refusal:
    message = f"Method {call.method} not allowed, only {', '.join(known)}"
    if call.path.startswith(CONTROL):
        return refuse(405, problem(10405, message))
    return gateway_error(405, 10405, message)


def _malformed(call: Call, message: str) -> Refusal:
    if call.path.startswith(ADMIN):
        return Refusal(reply_json({"error": message}, 400))
    if call.path.startswith(CONTROL):
        return refuse(400, problem(7001, f"Invalid body: {message}", ("body",)))
    return gateway_error(400, 2004, f"Invalid request: {message}")


def _too_large(path: str, message: str) -> Refusal:
    return refuse(413, problem(10413, message)) if path.startswith(CONTROL) else gateway_error(413, 3006, message)


async def _read(scope: Message, receive: Receive) -> Call:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    path = scope["raw_path"].partition(b"?")[0].decode("latin-1")
    most = MOST_UPLOAD_BYTES if path.startswith(CONTROL) else MOST_BODY_BYTES
    chunks, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise HungUp
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > most:
            raise _too_large(path, f"Request is too large: more than {most} bytes")
        if not message.get("more_body"):
            break
    query, client = scope["query_string"].decode("latin-1"), (scope["client"] or ("127.0.0.1",))[0]
    return Call(scope["method"], path, query, headers, b"".join(chunks), client)


def _start(reply: Reply, length: int | None) -> Message:
    headers = [(b"content-type", reply.content_type.encode())]
    if length is not None:
        headers.append((b"content-length", str(length).encode()))
    headers += [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in reply.headers.items()]
    return {"type": "http.response.start", "status": reply.status, "headers": headers}


async def _write(reply: Reply, send: Send, receive: Receive) -> None:
    if reply.chunks is None:
        await send(_start(reply, len(reply.body)))
        await send({"type": "http.response.body", "body": reply.body})
        return
    await send(_start(reply, None))
    try:
        async for chunk in reply.chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except BrokenOff:
        await _hang_up(send, receive, reset=False)
        return
    await send({"type": "http.response.body", "body": b""})


async def _write_part(reply: Reply, most_bytes: int, send: Send, receive: Receive) -> None:
    """Promise the whole body, send its beginning, hang up."""
    body = reply.body
    if reply.chunks is not None:
        body = b"".join([chunk async for chunk in reply.chunks])
    await send(_start(reply, None if reply.chunks is not None else len(body)))
    await send({"type": "http.response.body", "body": body[:most_bytes], "more_body": True})
    await _hang_up(send, receive, reset=False)


async def _hang_up(send: Send, receive: Receive, reset: bool) -> None:
    """Close the connection under the server: with a reset, or after what was already written."""
    transport = send.__self__.transport  # type: ignore[attr-defined]
    if reset:
        socket = transport.get_extra_info("socket")
        socket.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
    while (await receive())["type"] != "http.disconnect":
        pass
