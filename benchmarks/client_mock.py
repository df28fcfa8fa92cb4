"""A gateway that only counts bytes: it parses no HTTP beyond the length of a request, so that the client is measured.

It answers chat completions, and streams where it is asked to.
"""

from __future__ import annotations

import json
import multiprocessing
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

CHUNKS = 400
MESSAGES = [{"role": "user", "content": "Tell me about the tides. " * 8}]
MODEL = "@cf/openai/gpt-oss-120b"
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 200}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 200, "total_tokens": 250},
    }
).encode()
HEADERS = f"HTTP/1.1 200 OK\r\ncf-aig-provider: workers-ai\r\ncf-aig-model: {MODEL}\r\ncf-aig-log-id: x\r\n"


def chunk(number: int) -> bytes:
    """One event of a stream; no two say the same, since litellm takes that for a fault of the model."""
    data = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": MODEL,
        "choices": [{"index": 0, "delta": {"content": f"word{number} "}, "finish_reason": None}],
    }
    return f"data: {json.dumps(data)}\n\n".encode()


STREAM = b"".join(map(chunk, range(CHUNKS))) + b"data: [DONE]\n\n"


@contextmanager
def running_mock() -> Iterator[str]:
    """Its base URL; it runs in a process of its own until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=256) as bound:
        mock = multiprocessing.get_context("fork").Process(target=serve, args=(bound,), daemon=True)
        mock.start()
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            mock.terminate()


def serve(bound: socket.socket) -> None:
    plain, stream = reply("application/json", ANSWER), reply("text/event-stream", STREAM)
    while True:
        threading.Thread(target=converse, args=(bound.accept()[0], plain, stream), daemon=True).start()


def reply(kind: str, body: bytes) -> bytes:
    return f"{HEADERS}content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def converse(connection: socket.socket, plain: bytes, stream: bytes) -> None:
    buffer = b""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while part := received(connection):
        buffer += part
        head, found, body = buffer.partition(b"\r\n\r\n")
        if not found:
            continue
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) >= length:
            connection.sendall(stream if b'"stream":true' in body.replace(b" ", b"") else plain)
            buffer = b""


def received(connection: socket.socket) -> bytes:
    """The next bytes; nothing where the client has gone."""
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""
