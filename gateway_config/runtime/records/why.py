"""Why a call went the way it went: its record beside what was declared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.errors import UsageError
from gateway_config.runtime.records.reader import Record, RecordReader, odd_words
from gateway_config.runtime.sending.trace import read_trace
from gateway_config.telling.explain import Situation, explain


def record_of(folder: Path, trace: str) -> Record:
    """The record of a trace, whichever of its attempts is named. Raises UsageError where there is none."""
    known = read_trace(trace)
    if known is None:
        raise UsageError(f"a trace is written like 0123456789ab.01a1fd8e8f170011223344556677.1; found {trace!r:.60}.")
    for around in (known.at, None):  # far from its time, too: a clock may have been set anew between call and segment
        records = RecordReader(folder, around)
        for record in records:
            if record["id"] == known.request_id:
                return record
    odd = f" {odd_words(records.odd)}" if records.odd else ""
    raise UsageError(f'no record of that call is in "{folder}". It was made at {known.at:%Y-%m-%d %H:%M:%S} UTC.{odd}')


def told(record: Record, config: CompiledConfig) -> Iterator[str]:
    """What happened, line by line."""
    route = config.routes.get(str(record["route"]))
    yield f"{record['at']}  {record['intent']} → {record['route']}  {record['status']}  {record['total_ms']} ms"
    yield from _declared(record, route)
    if route is not None:
        yield from _path(record, route)
    yield from _served(record)
    for attempt in record["attempts"]:
        yield _attempt(attempt)
    yield f"tokens    {_known(record['tokens_in'])} in, {_known(record['tokens_out'])} out"
    yield f"cost      {_known(record['cost_usd'])} USD"
    yield from _kept("prompt", record["prompt"])
    yield from _kept("answer", record["answer"])


def _declared(record: Record, route: CompiledRoute | None) -> Iterator[str]:
    if route is None:
        yield "declared  a route that this config has no longer"
    elif route.config_digest != record["config_digest"]:
        yield f"declared  {route.declared}, but by another config ({record['config_digest'][:12]}): its way may differ"
    else:
        yield f"declared  {route.declared}  (config {record['config_digest'][:12]})"


def _path(record: Record, route: CompiledRoute) -> Iterator[str]:
    """The way of the metadata that was sent, as the graph is declared now."""
    sent = {key: value for key, value in record["metadata"].items() if key not in record["left_out"]}
    for step in explain(route.graph, Situation(sent, iter(()))).steps:
        yield f"  {step.element}: {step.reason}"


def _served(record: Record) -> Iterator[str]:
    pinned = " (pinned by the caller)" if record["pinned"] else ""
    yield f"assigned  {_known(record['arm'])}{pinned}"
    name = f" ({record['served_name']})" if record["served_name"] else ""
    cache = ", from the cache" if record["cache"] == "hit" else ""
    yield f"served    {_known(record['served_model'])}{name}{cache}"


def _attempt(attempt: Mapping[str, Any]) -> str:
    status = "" if attempt["status"] is None else f"  HTTP {attempt['status']}"
    code = "" if attempt["code"] is None else f", code {attempt['code']}"
    element = f"  {attempt['element']}" if attempt["element"] else ""
    return f"attempt {attempt['number']} {attempt['outcome']}  {attempt['duration_ms']} ms{status}{code}{element}"


def _kept(part: str, text: str | None) -> Iterator[str]:
    """What the record keeps of what was written, line below line, without what would move a terminal's cursor."""
    for number, line in enumerate(text.splitlines() if text else ()):
        shown = "".join(character if character.isprintable() else " " for character in line)
        yield f"{'' if number else part:<10}{shown}".rstrip()


def _known(value: Any) -> str:
    return "unknown" if value is None else str(value)
