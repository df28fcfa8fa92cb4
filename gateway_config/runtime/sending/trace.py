"""The trace of a request: `<config digest prefix>.<request id>.<attempt>`.

It is the first metadata key of every request, and so joins a Logpush record (which has neither id nor time) to ours.
"""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from typing import NamedTuple

DIGEST_DIGITS = 12
_LAST_MS = 253_402_214_400_000  # the last day of the year 9999 begins
_TRACE = re.compile(r"([0-9a-f]{12})\.([0-9a-f]{12})([0-9a-f]{16})(?:\.([0-9]{1,9}))?")


class Trace(NamedTuple):
    """A trace taken apart; `attempt` is None where only the call was named."""

    config_digest: str
    request_id: str
    at: datetime
    attempt: int | None


def new_request_id() -> str:
    """28 hexadecimal digits: the milliseconds since 1970 (so ids sort by time), then 64 random bits.

    A clock that is set before 1970, or after 9999, gives an id all the same.
    """
    milliseconds = min(max(0, time.time_ns() // 1_000_000), _LAST_MS)
    return f"{milliseconds:012x}{os.urandom(8).hex()}"


def trace_of(config_digest: str, request_id: str, attempt: int) -> str:
    return f"{config_digest[:DIGEST_DIGITS]}.{request_id}.{attempt}"


def read_trace(text: str) -> Trace | None:
    """What a trace says, or None for a text that is none."""
    match = _TRACE.fullmatch(text)
    if match is None:
        return None
    digest, milliseconds, random, attempt = match.groups()
    try:
        at = datetime.fromtimestamp(int(milliseconds, 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # beyond the year 9999
    return Trace(digest, milliseconds + random, at, int(attempt) if attempt else None)
