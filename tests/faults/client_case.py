"""One fault, met by one sort of call of the real client; and what must hold of how it ended."""

from __future__ import annotations

import asyncio
import gc
import logging
import re
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import AsyncClient, CallError, Client, DoneEvent, Settings, TextEvent
from gateway_config.runtime.events import Event
from gateway_config.runtime.records.segments import read_records
from tests.faults.client_acts import CANARY
from tests.faults.client_certificates import Certificates
from tests.faults.client_faults import FETCHED, STREAMS, Fault
from tests.faults.client_peer import TEXT, Peer, listening
from tests.runtime.world import compiled

MARGIN_S = 0.6
"""How long after its deadline a call may end on a busy machine."""
WAY_ON = re.compile(r"[Tt]ry again|[Aa]sk (again|for less)|Check|Wait|Raise|Deploy|Send less|Is GATEWRIGHT_URL right")
"""Words by which a sentence says what to do."""
INTENTS = {"ask": "talk", "stream": "talk", "direct": "think", "direct stream": "think", "embed": "vectors"}
_GATEWAY = """
version: 1
gateway: {id: inference}
models:
  llama: {upstream: workers-ai, model: "@cf/meta/llama-3.1-8b-instruct-fast", kind: chat}
  gemma: {upstream: workers-ai, model: "@cf/google/gemma-4-26b-a4b-it", kind: chat}
  bge: {upstream: workers-ai, model: "@cf/baai/bge-m3", kind: embed}
"""
_ROUTES = {
    "talking": "kind: chat\nintents: [talk]\narms: {one: {model: llama}}",
    "thinking": "kind: chat\nintents: [think]\ndirect: true\narms: {one: {model: llama}}\nfallback: [gemma]",
    "vectors": "kind: embed\nintents: [vectors]\narms: {one: {model: bge, retries: 1, first_byte_ms: 20000}}",
}


def config_of(folder: Path) -> CompiledConfig:
    """One route that Cloudflare routes, one that falls back by itself, one of another kind."""
    return compiled(folder, _GATEWAY, {name: f"version: 1\n{text}\n" for name, text in _ROUTES.items()})


@dataclass(slots=True)
class Came:
    """What one call came to: its error, or its answer, and the text that its events told."""

    told: list[str] = field(default_factory=list)
    outcome: Any = None
    error: BaseException | None = None
    took_s: float = 0.0

    @property
    def ending(self) -> str:
        return FETCHED if self.error is None else type(self.error).__name__

    @property
    def text(self) -> str:
        return "".join(self.told)


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended: in what, how late (negative: before the deadline), and what is wrong with it."""

    fault: Fault
    way: str
    asynchronous: bool
    endings: tuple[str, ...]
    late_s: float
    why: str | None

    def __str__(self) -> str:
        return f"{self.fault}, {self.way}{' in asyncio' if self.asynchronous else ''}: {self.why or 'held'}"


# --- calls --------------------------------------------------------------------------------------------------------


def came_of(client: Client, fault: Fault, way: str) -> Came:
    came, intent, within_ms = Came(), INTENTS[way], fault.deadline_ms
    began = time.perf_counter()
    try:
        if way in STREAMS:
            for event in client.stream(intent, fault.prompt, deadline_ms=within_ms):
                _take(came, event)
        elif way == "embed":
            came.outcome = client.embed(intent, fault.prompt, deadline_ms=within_ms)
        else:
            came.outcome = client.ask(intent, fault.prompt, deadline_ms=within_ms)
    except Exception as error:
        came.error = error
    came.took_s = time.perf_counter() - began
    return came


async def came_of_async(client: AsyncClient, fault: Fault, way: str) -> Came:
    came, intent, within_ms = Came(), INTENTS[way], fault.deadline_ms
    began = time.perf_counter()
    try:
        if way in STREAMS:
            async for event in client.stream(intent, fault.prompt, deadline_ms=within_ms):
                _take(came, event)
        elif way == "embed":
            came.outcome = await client.embed(intent, fault.prompt, deadline_ms=within_ms)
        else:
            came.outcome = await client.ask(intent, fault.prompt, deadline_ms=within_ms)
    except Exception as error:
        came.error = error
    came.took_s = time.perf_counter() - began
    return came


def _take(came: Came, event: Event) -> None:
    if isinstance(event, TextEvent):
        came.told.append(event.text)
    elif isinstance(event, DoneEvent):
        came.outcome = event.answer


def _calls(config: CompiledConfig, settings: Settings, fault: Fault, way: str, asynchronous: bool) -> list[Came]:
    async def together() -> list[Came]:
        async with AsyncClient(config, settings) as client:
            found = []
            for _ in range(fault.calls):
                found.append(await came_of_async(client, fault, way))
                await asyncio.sleep(fault.pause_s)
            return found

    if asynchronous:
        return asyncio.run(together())
    with Client(config, settings) as client:
        found = []
        for _ in range(fault.calls):
            found.append(came_of(client, fault, way))
            time.sleep(fault.pause_s)
        return found


# --- judgement ----------------------------------------------------------------------------------------------------


def result_of(fault: Fault, way: str, asynchronous: bool, config: CompiledConfig, certificates: Certificates) -> Result:
    """Runs a case with a client, a peer and records of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        certificates.trusted(),
        listening(fault.acts, certificates.context(fault.encrypted), fault.reads) as peer,
        logged() as lines,
    ):
        settings = Settings("account", CANARY, fault.url.format(port=peer.port), Path(folder))
        found = _calls(config, settings, fault, way, asynchronous)
        gc.collect()  # what was left open, or never awaited, is told now
        records = list(read_records(Path(folder)))
        why = next(_wrong(fault, way, found, peer, records, lines), None)
    late_s = max(came.took_s for came in found) - fault.deadline_ms / 1000
    return Result(fault, way, asynchronous, tuple(came.ending for came in found), late_s, why)


@contextmanager
def logged() -> Iterator[list[logging.LogRecord]]:
    """Everything that anybody logs, at any level."""
    lines: list[logging.LogRecord] = []
    handler, root = logging.Handler(), logging.getLogger()
    handler.emit = lines.append  # type: ignore[method-assign, assignment]
    before, own = root.level, logging.getLogger("gatewright").level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    logging.getLogger("gatewright").setLevel(logging.DEBUG)
    try:
        yield lines
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        logging.getLogger("gatewright").setLevel(own)


Records = Sequence[Mapping[str, Any]]


def _wrong(
    fault: Fault, way: str, found: Sequence[Came], peer: Peer, records: Records, lines: Sequence[logging.LogRecord]
) -> Iterator[str]:
    """Everything that is not as it must be."""
    for came in found:
        yield from _wrong_ending(fault, way, came)
        yield from _wrong_text(fault, way, came)
        yield from _leaks(came)
    yield from _wrong_records(found, records)
    attempts = sum(len(record["attempts"]) for record in records)
    if fault.heard and attempts != peer.requests:
        yield f"{attempts} attempts are known, {peer.requests} requests were made"
    if fault.most_requests is not None and peer.requests > fault.most_requests:
        yield f"{peer.requests} requests, at most {fault.most_requests} are within the budget"
    yield from _wrong_lines(lines, records)


def _wrong_ending(fault: Fault, way: str, came: Came) -> Iterator[str]:
    error = came.error
    if error is not None and not isinstance(error, CallError):
        yield f"a foreign error: {''.join(traceback.format_exception(error))}"
    if came.ending not in fault.right_endings(way):
        yield f"ended in {came.ending} ({error})"
    if came.took_s > fault.deadline_ms / 1000 + MARGIN_S:
        yield f"took {came.took_s:.2f} s, the deadline was {fault.deadline_ms} ms"
    if isinstance(error, CallError):
        if not error.trace or error.trace not in str(error):
            yield f"says no trace: {error}"
        if not WAY_ON.search(str(error)):
            yield f"does not say what to do: {error}"
        if len(str(error)) > 700:
            yield f"is long: {len(str(error)):,} characters"


def _wrong_text(fault: Fault, way: str, came: Came) -> Iterator[str]:
    if isinstance(came.error, CallError):
        if came.error.received != came.text:
            yield f"events told {came.text!r}, the error {came.error.received!r}"
        if way in STREAMS and fault.told is not None and came.text != fault.told:
            yield f"told {came.text!r}, there came {fault.told!r}"
        if way in STREAMS and fault.told is None and not TEXT.startswith(came.text):
            yield f"told {came.text!r}"
    elif way in STREAMS:
        if not came.text == came.outcome.text == fault.told:
            yield f"told {came.text!r}, answered {came.outcome.text!r}, there came {fault.told!r}"
    elif came.error is None and way != "embed" and came.outcome.text != TEXT:
        yield f"answered {came.outcome.text!r}"
    elif came.error is None and way == "embed" and came.outcome.vectors != [[0.5, 1.0]]:
        yield f"answered {came.outcome.vectors!r}"


def _leaks(came: Came) -> Iterator[str]:
    shown = [repr(came.outcome)]
    if came.error is not None:
        shown += [str(came.error), repr(came.error), *traceback.format_exception(came.error)]
    for text in shown:
        if CANARY[:16] in text:
            yield f"tells the token: {text}"


def _wrong_records(found: Sequence[Came], records: Records) -> Iterator[str]:
    if len(records) != len(found):
        yield f"{len(found)} calls, {len(records)} records"
    for came, record in zip(found, records, strict=False):
        if came.error is not None and not isinstance(came.error, CallError):
            continue
        status = "ok" if came.error is None else came.ending
        known: Any = came.error or came.outcome
        if (record["status"], record["trace"]) != (status, known.trace):
            yield f"the record says {record['status']} and {record['trace']}, the call {status} and {known.trace}"
        if [attempt["number"] for attempt in record["attempts"]] != [one.number for one in known.attempts]:
            yield "the record knows other attempts than the call"


def _wrong_lines(lines: Sequence[logging.LogRecord], records: Records) -> Iterator[str]:
    for line in lines:
        text = line.getMessage()
        if line.name.startswith("gatewright") and CANARY[:16] in text:
            yield f"logged the token: {text}"
        if line.levelno >= logging.ERROR:
            yield f"logged {line.name}: {text}"
    if CANARY[:16] in repr(records):
        yield "a record tells the token"
