"""What a peer does about a request instead of what is right."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Sequence
from functools import cache

from tests.faults.client_peer import STREAM_HEAD, Act, Heard, answer, chunk, last, right, right_body

CANARY = "test-canary-" * 4
"""The token of the client; peers repeat it where they can."""


def saying(content: bytes) -> Act:
    """Says this and hangs up."""
    return lambda heard: heard.say(content)


def making(make: Callable[[], bytes]) -> Act:
    """Says what is too large to be kept at hand, and hangs up."""
    return lambda heard: heard.say(make())


def refusing(status: str, code: int | None = None, *headers: str) -> Act:
    """The gateway's own refusal."""
    error = [{"code": code, "message": f"no, {CANARY}"}] if code is not None else []
    return saying(last(json.dumps({"success": False, "error": error}).encode(), *headers, status=status))


def plain(heard: Heard) -> None:
    heard.say(last(b"the plain HTTP request was sent to HTTPS port", status="400 Bad Request"))


def silent(heard: Heard) -> None:
    heard.wait()


def reset(heard: Heard) -> None:
    heard.reset()


def late(seconds: float) -> Act:
    """Answers rightly, but only after a while."""

    def act(heard: Heard) -> None:
        heard.connection.settimeout(seconds)
        try:
            heard.connection.recv(1)  # the client leaves, or time passes
        except TimeoutError:
            right(heard)

    return act


def dripping(head: bytes, rest: bytes) -> Act:
    """Says a part of an answer at once, and the rest byte by byte."""

    def act(heard: Heard) -> None:
        heard.say(head)
        heard.drip(rest)

    return act


def without_end(head: bytes, again: bytes) -> Act:
    """Repeats itself as fast as it is read."""

    def act(heard: Heard) -> None:
        heard.say(head)
        while True:
            heard.say(again)

    return act


def cut(parts: Sequence[bytes], end: str) -> Act:
    """A stream of which these parts come, and then its end: "reset", "closed", "ended" as it should be, "silent"."""

    def act(heard: Heard) -> None:
        heard.say(STREAM_HEAD + b"".join(chunk(part) for part in parts))
        if end == "reset":
            heard.reset()
        elif end == "silent":
            heard.wait()
        elif end == "ended":
            heard.say(b"0\r\n\r\n")

    return act


def half(share: float, end: str) -> Act:
    """The right answer up to a part of its body."""

    def act(heard: Heard) -> None:
        body = right_body(heard)
        content = answer(body)
        heard.say(content[: len(content) - len(body) + int(len(body) * share)])
        if end == "reset":
            heard.reset()
        elif end == "silent":
            heard.wait()

    return act


def bombing(size: int, codings: str = "gzip") -> Act:
    """So many zeros, packed as `codings` say."""
    return making(lambda: last(bomb(size, codings.count("gzip")), f"content-encoding: {codings}"))


def zipped(content: bytes, codings: str = "gzip") -> Act:
    return saying(last(content, f"content-encoding: {codings}"))


@cache
def bomb(size: int, times: int = 1) -> bytes:
    """So many zeros as gzip, so many times over."""
    packer = zlib.compressobj(wbits=31)
    head = packer.compress(b"{") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(10_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    content = head + block * (size // 10_000_000)  # its sum is missing, which nobody gets to see
    for _ in range(times - 1):
        content = gzip.compress(content)
    return content


def right_zipped(heard: Heard) -> bool:
    heard.say(answer(gzip.compress(right_body(heard)), "content-encoding: gzip"))
    return True


def said_twice(heard: Heard) -> bool:
    """Its answer, and one more that nobody asked for, as somebody else would get it."""
    stray = answer(json.dumps({"choices": [{"message": {"content": "stray"}}], "data": []}).encode())
    heard.say(answer(right_body(heard)) + stray)
    return True


def with_remains(heard: Heard) -> bool:
    """An answer that is longer than it says."""
    heard.say(answer(right_body(heard), length=len(right_body(heard))) + b"remains")
    return True


def hung_up_after(heard: Heard) -> None:
    """Answers rightly, and hangs up without having said so."""
    heard.say(answer(right_body(heard)))


def typed(kind: str) -> Act:
    def act(heard: Heard) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n".encode("latin-1")
        body = right_body(heard)
        heard.say(head + f"content-length: {len(body)}\r\n\r\n".encode() + body)

    return act


def misjudged(share: float) -> Act:
    def act(heard: Heard) -> None:
        body = right_body(heard)
        heard.say(answer(body, length=int(len(body) * share)))

    return act


def hinted(heard: Heard) -> bool:
    heard.say(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")
    return right(heard)
