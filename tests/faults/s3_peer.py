"""An S3 that answers wrongly when it is told to: it stands before moto's, and passes everything else on."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx

LEFT_OUT = frozenset({"host", "connection", "content-length", "transfer-encoding", "date", "server"})


def _error(code: str, message: str) -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'


def s3_answers(timeout_s: float) -> dict[str, dict[str, Any]]:
    """What R2, or the way to it, gives instead of the right answer; no 404, which a deletion rightly believes."""
    return {
        "500": {"status": 500, "body": _error("InternalError", "We encountered an internal error.")},
        "502 with HTML": {"status": 502, "body": "<h1>Bad gateway</h1>"},
        "503 SlowDown": {"status": 503, "body": _error("SlowDown", "Please reduce your request rate.")},
        "429": {"status": 429, "body": _error("ServiceUnavailable", "Reduce your concurrent request rate.")},
        "403": {"status": 403, "body": _error("AccessDenied", "Access Denied")},
        "200 with HTML": {"status": 200, "body": "<h1>Please sign in</h1>"},
        "another ETag": {"etag": '"0123456789abcdef0123456789abcdef"'},
        "timeout": {"delay_ms": timeout_s * 1500},
        "reset before": {"reset": True},
        "reset after applied": {"truncate": 0},
        "truncated": {"truncate": 5},
    }


@dataclass
class Fault:
    """After `after` calls the next `times` are answered so; None means all."""

    after: int
    times: int | None
    answer: dict[str, Any]

    def hits(self) -> bool:
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
            return self.times >= 0
        return True


@dataclass
class FaultyS3:
    """Where it listens, and what it was asked."""

    upstream: httpx.Client
    url: str = ""
    asked: list[str] = field(default_factory=list)
    _fault: Fault | None = None
    _hits: int = 0

    def calls(self) -> list[str]:
        return list(self.asked)

    def fault(self, after: int, times: int | None, **answer: Any) -> None:
        self._fault, self._hits = Fault(after, times, answer), 0

    def met(self) -> bool:
        return self._hits > 0

    def mend(self) -> None:
        self._fault = None

    def answer_to(self, call: str) -> dict[str, Any]:
        """How this call is answered wrongly; nothing where it is answered well."""
        self.asked.append(call)
        if self._fault is None or not self._fault.hits():
            return {}
        self._hits += 1
        return self._fault.answer


@contextmanager
def faulty_s3(upstream_url: str) -> Iterator[FaultyS3]:
    """One before this S3, on a free port of 127.0.0.1."""
    with httpx.Client(base_url=upstream_url, verify=False) as upstream:
        peer = FaultyS3(upstream)

        class Handler(Answering):
            s3 = peer

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        peer.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield peer
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


class Answering(BaseHTTPRequestHandler):
    """One connection, one call."""

    s3: FaultyS3

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        wrong = self.s3.answer_to(f"{self.command} {self.path.rpartition('/')[2]}")
        time.sleep(wrong.get("delay_ms", 0) / 1000)
        if wrong.get("reset"):
            self._reset()
        elif "status" in wrong:
            kind = "application/xml" if wrong["body"].startswith("<?xml") else "text/html; charset=utf-8"
            self._say(wrong["status"], {"content-type": kind}, wrong["body"].encode(), None)
        else:
            told = {name: value for name, value in self.headers.items() if name.lower() not in LEFT_OUT}
            real = self.s3.upstream.request(self.command, self.path, content=body, headers=told)
            changed = {"etag": wrong["etag"]} if "etag" in wrong else {}
            self._say(real.status_code, {**real.headers, **changed}, real.content, wrong.get("truncate"))

    do_PUT = do_DELETE = do_HEAD = do_GET

    def _say(self, status: int, headers: dict[str, str], body: bytes, most_bytes: int | None) -> None:
        """An answer; with `most_bytes` no more of its head and body than that."""
        kept = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if name.lower() not in LEFT_OUT)
        whole = f"HTTP/1.1 {status} Said\r\n{kept}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode()
        self.close_connection = True
        try:
            self.connection.sendall((whole + body)[:most_bytes])
        except OSError:
            return  # the client did not wait for it

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""
