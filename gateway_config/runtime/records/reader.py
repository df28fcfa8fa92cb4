"""Reads the records of calls back, and counts the lines that are none: torn, of a later schema, or of somebody else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway_config.runtime.records.schema import VERSION
from gateway_config.runtime.records.segments import read_records

Record = Mapping[str, Any]
Shape = Mapping[str, Callable[[Any], bool]]

_COST = re.compile(r"[0-9]{1,30}(\.[0-9]{1,60})?")
_LARGEST = 1e15  # of a number that a sum or a table could still take


def _is_text(value: Any) -> bool:
    return type(value) is str


def _is_text_or_null(value: Any) -> bool:
    return value is None or type(value) is str


def _is_time(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) < _LARGEST


def _is_time_or_null(value: Any) -> bool:
    return value is None or _is_time(value)


def _is_count_or_null(value: Any) -> bool:
    return value is None or (type(value) is int and 0 <= value <= _LARGEST)


def _is_cost_or_null(value: Any) -> bool:
    return value is None or (type(value) is str and _COST.fullmatch(value) is not None)


def _is_attempt(value: Any) -> bool:
    return type(value) is dict and _fits(value, _ATTEMPT)


# Fields that were added to the schema: older records lack them, and are read as if they were null there.
_LATER: Shape = dict.fromkeys(("prompt", "answer"), _is_text_or_null)
_ATTEMPT: Shape = {
    "number": _is_count_or_null,
    "started_ms": _is_time,
    "duration_ms": _is_time,
    "outcome": _is_text,
    "status": _is_count_or_null,
    "code": _is_count_or_null,
    "element": _is_text_or_null,
}
_CALL: Shape = {
    **dict.fromkeys(("id", "trace", "at", "stage", "gateway_id", "kind", "intent", "route", "status"), _is_text),
    **dict.fromkeys(("graph_digest", "config_digest", "slowest"), _is_text),
    **dict.fromkeys(("tier", "tenant", "project", "user", "arm", "cache", "log_id"), _is_text_or_null),
    **dict.fromkeys(("served_upstream", "served_model", "served_name", "served_arm"), _is_text_or_null),
    **dict.fromkeys(("finish_reason", "deeper_of"), _is_text_or_null),
    **dict.fromkeys(("http_status", "code"), _is_count_or_null),
    **dict.fromkeys(("tokens_in", "tokens_out", "cached_tokens_in", "reasoning_tokens"), _is_count_or_null),
    **dict.fromkeys(("prepare_ms", "prompt_ms", "inference_ms", "parse_ms", "total_ms"), _is_time),
    "first_token_ms": _is_time_or_null,
    "cost_usd": _is_cost_or_null,
    "pinned": lambda value: type(value) is bool,
    "metadata": lambda value: (
        type(value) is dict and all(type(each) in (str, int, float, bool) for each in value.values())
    ),
    "left_out": lambda value: type(value) is list,
    "attempts": lambda value: type(value) is list and all(map(_is_attempt, value)),
}


def _fits(record: Record, shape: Shape) -> bool:
    return all(fits(record.get(name, ...)) for name, fits in shape.items())


class RecordReader:
    """The records of the calls in a folder, the oldest segment first; `odd` counts the lines passed over until now.

    `around`: only the segments in which a call that began then may be recorded.
    """

    def __init__(self, folder: Path, around: datetime | None = None) -> None:
        self._folder, self._around, self.odd = folder, around, 0

    def __iter__(self) -> Iterator[Record]:
        for record in read_records(self._folder, self._pass_over, self._around):
            type_ = record.get("type") if record.get("v") == VERSION else None
            for name in _LATER:
                record.setdefault(name, None)
            if type_ == "call" and _fits(record, _CALL) and _fits(record, _LATER):
                yield record
            elif type_ != "feedback":
                self.odd += 1

    def _pass_over(self, _: bytes) -> None:
        self.odd += 1


def odd_words(count: int) -> str:
    """A sentence on lines that were passed over."""
    lines = "1 line is" if count == 1 else f"{count:,} lines are"
    return f"{lines} no record of version {VERSION}, and not counted: torn by a crash, or written by something else."
