"""A gateway on a socket that does as it is told, whatever HTTP says; one act for each request."""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Literal

PATIENCE_S = 5.0
"""How long a peer that says nothing waits for the client to leave."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A request, and the connection on which it came."""

    connection: socket.socket
    head: bytes
    body: bytes

    @property
    def streamed(self) -> bool:
        return b'"stream":true' in self.body

    @property
    def embeds(self) -> bool:
        return b"@cf/baai/" in self.head.split(b"\r\n", 1)[0]

    def say(self, content: bytes) -> None:
        self.connection.sendall(content)

    def drip(self, content: bytes, pause_s: float = 0.02) -> None:
        """Byte by byte, as long as the client is there."""
        for place in range(len(content)):
            self.say(content[place : place + 1])
            time.sleep(pause_s)

    def wait(self) -> None:
        """Until the client has left."""
        self.connection.settimeout(PATIENCE_S)
        with suppress(OSError):
            self.connection.recv(1)

    def reset(self) -> None:
        """Ends the connection without a goodbye; what the client has not read until then would be taken back."""
        time.sleep(0.03)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


Reads = Literal["all", "head", "anything"]
"""What must have come of a request before something is done about it."""
Act = Callable[[Heard], bool | None]
"""What is done about a request; True where the connection stays for another one."""


class Peer:
    """Listens on a free port. Its acts are taken in turn, the last one for all later requests."""

    def __init__(self, acts: Sequence[Act], context: ssl.SSLContext | None = None, reads: Reads = "all") -> None:
        self.requests = 0
        self._acts = itertools.chain(acts, itertools.repeat(acts[-1]))
        self._context, self._reads = context, reads
        self._lock = threading.Lock()
        self._bound = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._bound.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with suppress(OSError):
            self._bound.shutdown(socket.SHUT_RDWR)
        self._bound.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._bound.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:  # the client may leave at any moment
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            spoken = self._context.wrap_socket(connection, server_side=True) if self._context else connection
            with spoken:
                while (heard := _heard(spoken, self._reads)) is not None and self._next()(heard):
                    pass

    def _next(self) -> Act:
        with self._lock:
            self.requests += 1
            return next(self._acts)


def _heard(connection: socket.socket, reads: Reads) -> Heard | None:
    content = b""
    while b"\r\n\r\n" not in content:
        part = connection.recv(65536)
        if not part:
            return None
        content += part
        if reads == "anything":
            break
    head, _, body = content.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
    parts = [body]
    while reads == "all" and sum(map(len, parts)) < length:
        parts.append(connection.recv(1 << 20))
    return Heard(connection, head, b"".join(parts))


@contextmanager
def listening(acts: Sequence[Act], context: ssl.SSLContext | None = None, reads: Reads = "all") -> Iterator[Peer]:
    peer = Peer(acts, context, reads)
    try:
        yield peer
    finally:
        peer.close()


# --- what is right ------------------------------------------------------------------------------------------------

PIECES = ("Grüß", " dich", ", <b>Welt</b>", " 🌊", "!", " Und", " mehr", ".")
TEXT = "".join(PIECES)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    """A whole response; `length` is what it says of itself."""
    told = len(body) if length is None else length
    return "\r\n".join([f"HTTP/1.1 {status}", f"content-length: {told}", *headers, "", ""]).encode() + body


def last(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """The same from a peer that will hang up."""
    return answer(body, "connection: close", *headers, status=status)


def chunk(content: bytes) -> bytes:
    """A chunk of HTTP's."""
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


def openai_events() -> list[bytes]:
    deltas = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in PIECES]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [*(f"data: {json.dumps(one)}\n\n".encode() for one in (*deltas, end)), b"data: [DONE]\n\n"]


def native_events() -> list[bytes]:
    lines = [f"data: {json.dumps({'response': piece, 'p': 'abc'})}\n\n".encode() for piece in PIECES]
    return [*lines, b"data: [DONE]\n\n"]


COMPLETION = json.dumps(
    {
        "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5},
    }
).encode()
VECTORS = json.dumps({"result": {"shape": [1, 2], "data": [[0.5, 1.0]]}, "success": True}).encode()


def right_body(heard: Heard) -> bytes:
    """The body that a request deserves."""
    if heard.embeds:
        return VECTORS
    return b"".join(openai_events()) if heard.streamed else COMPLETION


def right(heard: Heard) -> bool:
    """Answers as the gateway does, and stays."""
    heard.say(answer(right_body(heard)))
    return True
