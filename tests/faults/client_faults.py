"""What calls meet on their way, and the error that each must end in."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gateway_config.runtime.bodies.chat import MalformedError
from gateway_config.runtime.bodies.decoder import ChatDecoder
from gateway_config.runtime.events import Event, TextEvent
from tests.faults.client_acts import (
    CANARY,
    bombing,
    cut,
    dripping,
    half,
    hinted,
    hung_up_after,
    late,
    making,
    misjudged,
    plain,
    refusing,
    reset,
    right_zipped,
    said_twice,
    saying,
    silent,
    typed,
    with_remains,
    without_end,
    zipped,
)
from tests.faults.client_peer import (
    PIECES,
    STREAM_HEAD,
    TEXT,
    Act,
    Reads,
    chunk,
    last,
    native_events,
    openai_events,
    right,
)
from tests.fuzzing_client import stream_of

WHOLE, STREAMS = ("ask", "direct", "embed"), ("stream", "direct stream")
WAYS = (*WHOLE, *STREAMS)
FETCHED = "answer"
"""The ending of a call that gets its answer all the same."""
SOON_MS = 400
PAGE = f"<html><h1>Bad gateway</h1>Bearer {CANARY}</html>".encode()


class Ends(NamedTuple):
    """The names of the errors that are right, of whole answers and of streams."""

    whole: tuple[str, ...]
    streamed: tuple[str, ...]


def ends(whole: str, streamed: str = "") -> Ends:
    return Ends(tuple(whole.split(" or ")), tuple((streamed or whole).split(" or ")))


FINE = ends(FETCHED)
FAILED, CUT = ends("ConnectionFailedError"), ends("ConnectionFailedError", "StreamInterruptedError")
LATE, BROKEN = ends("DeadlineError"), ends("BrokenAnswerError", "StreamInterruptedError")
REFUSED, NO = ends("UnauthorizedError"), ends("AnsweredNoError")
LIMITED = ends("RateLimitedError")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong; each request meets the next of `acts`, the last one for ever.

    `told` is the text that a stream gives until its end; None: any beginning of the right one. `heard` is whether
    each attempt reaches the peer as a request. `url` and `encrypted` are for addresses that lead to no plain peer.
    """

    name: str
    ends: Ends
    acts: tuple[Act, ...]
    variant: str = ""
    told: str | None = ""
    ways: Sequence[str] = WAYS
    deadline_ms: int = 10_000
    calls: int = 1
    pause_s: float = 0.0
    most_requests: int | None = None
    url: str = "http://127.0.0.1:{port}/v1"
    encrypted: Literal["", "trusted", "unknown"] = ""
    reads: Reads = "all"
    heard: bool = True
    prompt: str = "Hi"

    def right_endings(self, way: str) -> tuple[str, ...]:
        return self.ends.streamed if way in STREAMS else self.ends.whole

    def __str__(self) -> str:
        return f"{self.name}, {self.variant}" if self.variant else self.name


def fault(name: str, ends: Ends, *acts: Act, **more: Any) -> Fault:
    more.setdefault("told", TEXT if ends is FINE else "")
    return Fault(name=name, ends=ends, acts=acts or (right,), **more)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _connections()
    yield from _waits()
    yield from _refusals()
    yield from _bodies()
    yield from _odd_json()
    yield from _packed()
    yield from _heads()
    yield from _lengths()
    yield from _cut_streams()
    yield from _malformed_streams()


def _connections() -> Iterator[Fault]:
    # Port 1 is the system's, and nobody listens there.
    yield fault("nothing listens", FAILED, url="http://127.0.0.1:1/v1", heard=False)
    yield fault("a name that does not exist", FAILED, url="https://nowhere.invalid/v1", heard=False)
    yield fault("reset before an answer", FAILED, reset)
    yield fault("hung up before an answer", FAILED, saying(b""))
    yield fault("an idle connection that is closed", FINE, hung_up_after, calls=3, pause_s=0.05)
    large, no = "x" * 5_000_000, ends("TooLargeError or ConnectionFailedError")
    early = refusing("413 Too Large")
    yield fault("refused before all is sent", no, early, reads="head", prompt=large, ways=("ask", "stream", "direct"))
    tls = "https://127.0.0.1:{port}/v1"
    yield fault("TLS where plain is expected", FAILED, encrypted="unknown", heard=False)
    yield fault("plain where TLS is expected", FAILED, plain, url=tls, reads="anything", heard=False)
    yield fault("a certificate of somebody else", FAILED, url=tls, encrypted="unknown", heard=False)
    yield fault("TLS as it should be", FINE, url=tls, encrypted="trusted")
    yield fault("TLS, hung up within the body", CUT, half(0.5, ""), url=tls, encrypted="trusted", told=None)
    yield fault("TLS, reset within the body", CUT, half(0.5, "reset"), url=tls, encrypted="trusted", told=None)


def _waits() -> Iterator[Fault]:
    def slow(name: str, act: Act, told: str | None = "", **more: Any) -> Fault:
        return fault(name, LATE, act, deadline_ms=SOON_MS, told=told, **more)

    yield slow("half-open: accepts, never answers", silent)
    yield slow("slow first byte, beyond the deadline", late(2.0))
    yield fault("slow first byte, within the deadline", FINE, late(0.2))
    yield slow("headers byte by byte", dripping(b"HTTP/1.1 200 OK\r\n", b"x-slow: yes\r\n" * 1000))
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n"
    yield slow("body byte by byte", dripping(head, b" " * 100_000))
    yield slow("100 Continue for ever", without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500))
    for share in (0.0, 0.5, 0.99):
        yield slow("a part of the body, then silence", half(share, "silent"), None, variant=f"{share:.0%}")
    either = ends("DeadlineError or StreamInterruptedError")
    comments = without_end(STREAM_HEAD, chunk(b": ping\n\n" * 500))
    yield fault("comments for ever", either, comments, ways=STREAMS, deadline_ms=SOON_MS)


def _refusals() -> Iterator[Fault]:
    storm, at_once = refusing("429 Too Many", 2003), refusing("429 Too Many", 2003, "retry-after: 0")
    yield fault("429 once, Retry-After: 0", FINE, at_once, right)
    yield fault("429 storm, no Retry-After", LIMITED, storm)
    # Repeats of all calls are a tenth of them, and ten in reserve.
    yield fault("429 storm over 60 calls, Retry-After: 0", LIMITED, at_once, calls=60, most_requests=60 + 6 + 10)
    yield fault("429 storm, Retry-After: 1", LIMITED, refusing("429", 2003, "retry-after: 1"), deadline_ms=1500)
    for value in ("3600", "Wed, 21 Oct 2026 07:28:00 GMT", "nonsense", "-1", "1e999", "nan"):
        act = refusing("429 Too Many", 2003, f"retry-after: {value}")
        yield fault("429, Retry-After of another sort", LIMITED, act, variant=value)
    yield fault("429 of a model", LIMITED, refusing("429 Too Many"))
    yield fault("401/2009 once, as in a burst", FINE, refusing("401 Unauthorized", 2009), right)
    yield fault("401/2009 for ever", REFUSED, refusing("401 Unauthorized", 2009))
    yield fault("401 of another sort", REFUSED, refusing("401 Unauthorized"))
    yield fault("403", REFUSED, refusing("403 Forbidden", 10000))
    for status in ("500 Oh", "502 Bad Gateway", "503 Busy", "504 Late", "520 Unknown", "599 ?"):
        page = last(PAGE, "content-type: text/html", status=status)
        yield fault("500, 502, … with a page of HTML", NO, saying(page), variant=status)
    for status in ("301 Moved", "302 Found", "307 Elsewhere", "308 For ever"):
        moved = last(b"", "location: http://127.0.0.1:1/", status=status)
        yield fault("a redirect, which is not followed", NO, saying(moved), variant=status)
    for status in ("204 Nothing", "304 Not Modified"):
        nothing = f"HTTP/1.1 {status}\r\nconnection: close\r\n\r\n".encode()
        yield fault("a status without a body", BROKEN if status < "3" else NO, saying(nothing), variant=status)
    large = making(lambda: last(b'{"error":"' + b"x" * 50_000_000 + b'"}', status="500 Oh"))
    yield fault("500 with 50 MB", ends("BrokenAnswerError"), large)


def _bodies() -> Iterator[Fault]:
    for share in (0.1, 0.5, 0.9):
        yield fault("hung up within the body", CUT, half(share, ""), told=None, variant=f"{share:.0%}")
        yield fault("reset within the body", CUT, half(share, "reset"), told=None, variant=f"{share:.0%}")
    yield fault("200 with a page of HTML", BROKEN, saying(last(PAGE, "content-type: text/html")))
    yield fault("an empty body", BROKEN, saying(last(b"")))
    stream = saying(last(b"".join(openai_events())))
    yield fault("a stream where an answer is expected", FINE, stream, ways=("ask", "direct"))
    yield fault("a stream where an answer is expected", BROKEN, stream, ways=("embed",))
    for kind in ("text/html", "application/octet-stream", f"text/plain; {CANARY}", "\xff"):
        yield fault("the right body, another content type", FINE, typed(kind), variant=ascii(kind))


def _odd_json() -> Iterator[Fault]:
    def said(name: str, content: bytes, variant: str = "") -> Fault:
        return fault(name, BROKEN, saying(last(content)), variant=variant)

    for shape in ("null", "[]", "{}", "5", '"text"', '{"choices":[]}', '{"choices":[null]}', '{"a":NaN', "\0\0\0"):
        yield said("JSON of another shape, or none", shape.encode(), ascii(shape))
    text = making(lambda: last(b'{"a":"' + b"x" * 50_000_000 + b'"}'))
    yield fault("JSON of 50 MB", BROKEN, text, variant="one text")
    numbers = making(lambda: last(b'{"data":[[' + b"0," * 24_999_990 + b"0]]}"))
    yield fault("JSON of 50 MB", BROKEN, numbers, variant="numbers")
    for depth in (900, 100_000):
        yield said("deeply nested JSON", b'{"choices":' * depth, f"{depth:,}, left open")
        yield said("deeply nested JSON", b'{"a":' * depth + b"1" + b"}" * depth, f"{depth:,} objects")
        yield said("deeply nested JSON", b'{"data":' + b"[" * depth + b"]" * depth + b"}", f"{depth:,} lists")
    yield said("a number of 10,000 digits", b'{"choices":[{"message":{"content":' + b"9" * 10_000 + b"}}]}")


def _packed() -> Iterator[Fault]:
    yield fault("gzip, as it should be", FINE, right_zipped)
    packed = gzip.compress(json.dumps({"choices": [{"message": {"content": TEXT * 50}}]}).encode())
    for place in (5, len(packed) // 2, len(packed) - 12):  # the last eight bytes are only its sum
        yield fault("truncated gzip", BROKEN, zipped(packed[:place]), told=None, variant=f"{place} bytes")
    yield fault("no gzip, though it says so", BROKEN, zipped(b"{} no gzip"))
    yield fault("a gzip bomb of 1 GB", BROKEN, bombing(1_000_000_000))
    twice, refused = bombing(1_000_000_000, "gzip, gzip"), ends("BrokenAnswerError")
    yield fault("a gzip bomb of 1 GB, packed twice", refused, twice)
    yield fault("packed as nobody asked for", refused, zipped(b"x" * 100, "zstd"))


def _heads() -> Iterator[Fault]:
    long = "x" * 200_000
    for variant, head in {
        "one of 200 KB": f"HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n",
        "100,000 headers": "HTTP/1.1 200 OK\r\n" + "x-flood: yes\r\n" * 100_000 + "\r\n",
        "a reason of 200 KB": f"HTTP/1.1 200 {long}\r\n\r\n",
    }.items():
        yield fault("header floods", FAILED, saying(head.encode()), variant=variant)
    flood = without_end(b"HTTP/1.1 200 OK\r\n", b"x-flood: yes\r\n" * 1000)
    yield fault("header floods", FAILED, flood, variant="without end")
    for line in ("HTTP/1.1 2x0 OK", "HTTP/x 200 OK", CANARY, "\x16\x03\x01\x02", "<html>", "HTTP/1.1 -5 OK"):
        yield fault("no HTTP", FAILED, saying(f"{line}\r\n\r\n".encode()), variant=ascii(line[:20]))
    switched = saying(b"HTTP/1.1 101 Switching\r\nupgrade: x\r\n\r\nhm")
    yield fault("a protocol that nobody asked for", FAILED, switched)
    yield fault("103 before the answer", FINE, hinted)


def _lengths() -> Iterator[Fault]:
    for length in ("x", "-1", "1, 2"):
        head = f"HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{{}}".encode()
        yield fault("a content length that is none", FAILED, saying(head), variant=length)
    yield fault("a content length too large", CUT, misjudged(1.5), told=None)
    yield fault("a content length too small", BROKEN, misjudged(0.6), told=None)
    yield fault("a chunk without a length", CUT, saying(STREAM_HEAD + b"zz\r\n{}\r\n"))
    yield fault("bytes after the answer", FINE, with_remains, calls=2)
    yield fault("two answers to one request", FINE, said_twice, calls=2)


def _cut_streams() -> Iterator[Fault]:
    """Upstream killed in mid-stream, in every manner, at every chunk, in both dialects."""
    manners = (
        ("reset", "reset", CUT),
        ("hung up", "closed", CUT),
        ("ended", "ended", CUT),
        ("silence", "silent", LATE),
    )
    for dialect, parts in (("OpenAI", openai_events()), ("Workers AI", native_events())):
        for count in range(len(PIECES) + 1):
            known: dict[str, Any] = {"told": "".join(PIECES[:count]), "ways": STREAMS, "deadline_ms": SOON_MS}
            known["variant"] = f"{dialect}, after {count} chunks"
            for name, end, wanted in manners:
                yield fault(f"{name} in mid-stream", wanted, cut(parts[:count], end), **known)
            for name, more in (("an error object", _ERROR), ("a page", PAGE + b"\n")):
                yield fault(f"{name} in mid-stream", CUT, cut([*parts[:count], more], "ended"), **known)


_ERROR = b'data: {"error":{"message":"no, ' + CANARY.encode() + b'"}}\n\n'


def _malformed_streams(count: int = 60) -> Iterator[Fault]:
    """Some of what scripts/fuzz makes; here, it comes over a socket, cut anywhere."""
    for seed in range(count):
        chance = random.Random(seed)
        content = stream_of(chance)
        end, told = decoded(content)
        act = cut(list(_pieces(chance, content)), "ended")
        yield fault("a malformed stream", ends(end), act, variant=f"seed {seed}", ways=STREAMS, told=told)


def _pieces(chance: random.Random, content: bytes) -> Iterator[bytes]:
    while content:
        size = chance.randint(1, 60)
        yield content[:size]
        content = content[size:]


def decoded(content: bytes) -> tuple[str, str]:
    """How a stream ends that comes in one piece, and its text."""
    decoder, events = ChatDecoder(), list[Event]()
    try:
        decoder.feed(content, events)
        decoder.finish(events)
        end = FETCHED
    except MalformedError:
        end = "StreamInterruptedError"
    return end, "".join(event.text for event in events if isinstance(event, TextEvent))
