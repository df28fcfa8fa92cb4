"""The last requests, as they came in and as they were answered, secrets masked."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from tests.emulator.clock import timestamp
from tests.emulator.web import Call

KEPT_REQUESTS = 10_000
KEPT_BODY_BYTES = 256 * 1024
KEPT_BYTES = 128 * 1024 * 1024
SECRET_HEADERS = ("authorization", "cf-aig-authorization", "x-auth-key", "x-api-key", "cookie")
SECRET_FIELDS = re.compile(r'("(?:secret|value)":\s*")[^"]+|(secret-access-key=)[^&"]+')


@dataclass(frozen=True)
class Entry:
    """One request; rendered only when somebody reads the journal."""

    number: int
    at_s: float
    call: Call
    status: int

    def as_dict(self) -> dict[str, Any]:
        call = self.call
        return {
            "number": self.number,
            "at": timestamp(self.at_s),
            "method": call.method,
            "path": call.path,
            "query": call.raw_query,
            "headers": {name: _masked(name, value) for name, value in call.headers.items()},
            "body": _readable(call.body),
            "status": self.status,
            "dropped": call.notes,
            **call.trail,
        }


class Journal:
    """The newest entries; `number` counts all requests since the last reset."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._count = self._bytes = 0

    def write(self, at_s: float, call: Call, status: int) -> None:
        self._count += 1
        call.body = call.body[:KEPT_BODY_BYTES]
        self._bytes += len(call.body)
        self._entries.append(Entry(self._count, at_s, call, status))
        while len(self._entries) > KEPT_REQUESTS or self._bytes > KEPT_BYTES:
            self._bytes -= len(self._entries.popleft().call.body)

    def read(self, limit: int, path: str = "") -> list[dict[str, Any]]:
        """The newest entries whose path contains `path`, oldest first."""
        newest_first: Iterator[Entry] = (entry for entry in reversed(self._entries) if path in entry.call.path)
        return [entry.as_dict() for entry in islice(newest_first, min(limit, KEPT_REQUESTS))][::-1]

    def __len__(self) -> int:
        return self._count

    def reset(self) -> None:
        self._entries.clear()
        self._count = self._bytes = 0


def _masked(name: str, value: str) -> str:
    if name not in SECRET_HEADERS:
        return value
    scheme, space, _ = value.partition(" ")
    return f"{scheme} ***" if space else "***"


def _readable(body: bytes) -> Any:
    """JSON where it is JSON, else text; a long body is cut."""
    text = SECRET_FIELDS.sub(r"\1\2***", body[:KEPT_BODY_BYTES].decode(errors="replace"))
    if not body:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
