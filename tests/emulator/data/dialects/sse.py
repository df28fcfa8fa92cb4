"""Server-sent events, and the pace at which a model speaks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.programme import Programme
from tests.emulator.web import to_json

DONE = b"data: [DONE]\n\n"
EVENT_STREAM = "text/event-stream"


class BrokenOff(Exception):
    """The model stopped in the middle; the connection ends with it."""


def data(value: object) -> bytes:
    return b"data: " + to_json(value) + b"\n\n"


def event(name: str, value: dict[str, Any]) -> bytes:
    return b"event: " + name.encode() + b"\n" + data(value)


def pieces(text: str) -> Iterator[str]:
    """A text word by word; joined again they are the text."""
    return (match.group() for match in re.finditer(r"\s*\S+|\s+$", text))


@behaviour("a Workers AI stream through compat can carry a JSON number as content", "3P", "drupal.org/i/3609981")
def typed(text: str, pace: Programme) -> Iterator[str | int]:
    """The pieces of a text; numbers as numbers where the model was told so."""
    if not pace.number_chunks:
        yield from pieces(text)
        return
    for part in re.findall(r"\d+|\D+", text):
        yield int(part) if part.isdecimal() and str(int(part)) == part else part


async def paced(chunks: Iterable[bytes], pace: Programme) -> AsyncIterator[bytes]:
    """The chunks as fast as the model speaks; raises BrokenOff where it was told to stop."""
    for number, chunk in enumerate(chunks):
        if number == pace.break_after_chunks:
            raise BrokenOff
        if pace.chunk_delay_ms:
            await asyncio.sleep(pace.chunk_delay_ms / 1000)
        yield chunk
