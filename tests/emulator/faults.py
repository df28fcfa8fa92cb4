"""Faults somebody asked for: requests to a path that fail, stall, break off or are cut short."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.emulator.web import Status


@dataclass
class Fault:
    """What happens to requests whose path matches `path` (a shell pattern).

    The first `after` matching requests pass; the next `times` are hit (null: all of them).
    A delay comes first; then the connection is reset, or `status` and `body` answer, or the real
    answer is sent, cut after `truncate` bytes where that is given.
    """

    path: str
    method: str | None = None
    status: Status | None = None
    body: Any = None
    headers: dict[str, str] | None = None
    delay_ms: float = 0
    reset: bool = False
    truncate: int | None = None
    times: int | None = None
    after: int = 0

    def hits(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if self.times == 0 or self.method not in (None, method) or not fnmatchcase(path, self.path):
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Faults:
    """The faults in force; the first that matches a request is the one that happens."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def meet(self, method: str, path: str) -> Fault | None:
        return next((fault for fault in self.all if fault.hits(method, path)), None) if self.all else None
