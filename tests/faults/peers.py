"""Who answers the calls of a life, and can be told to answer wrongly."""

from __future__ import annotations

import re
from typing import Any, Protocol

from tests.emulator.server import Running

API = "/client/v4"


class Peer(Protocol):
    """Something that is called over HTTP."""

    def calls(self) -> list[str]:
        """What was asked so far, such as `GET routes/*`."""

    def fault(self, after: int, times: int | None, **answer: Any) -> None:
        """Lets calls pass, then answers so many wrongly, or all that come; `answer` as in `answers`."""

    def met(self) -> bool:
        """Whether a call was answered wrongly."""

    def mend(self) -> None:
        """Ends the fault."""


class EmulatorPeer:
    """Cloudflare's API, as the emulator has it."""

    def __init__(self, emulator: Running) -> None:
        self._emulator = emulator

    def calls(self) -> list[str]:
        return [f"{call['method']} {_short(call['path'])}" for call in self._emulator.journal(API, limit=10_000)]

    def fault(self, after: int, times: int | None, **answer: Any) -> None:
        self._emulator.fault(f"{API}/*", after=after, times=times, **answer)

    def met(self) -> bool:
        return all(fault["times"] in (0, None) for fault in self._emulator.admin("GET", "/faults")["faults"])

    def mend(self) -> None:
        self._emulator.admin("DELETE", "/faults")


def _short(path: str) -> str:
    """A path without account and ids."""
    inner = path.removeprefix(f"{API}/accounts/test-account")
    return re.sub(r"/(?:[0-9a-f]{8}-[-0-9a-f]+|[0-9a-f]{32}|\d+)(?=/|$)", "/*", inner)
