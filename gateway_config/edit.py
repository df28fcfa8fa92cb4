"""A value is edited where it stands: the text of one scalar changes, and nothing else in the file."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml import events

from gateway_config.errors import UsageError
from gateway_config.problems import shown
from gateway_config.reading import Path

_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._/-]*[A-Za-z0-9._/-])?")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a scalar's text begins and ends, and how it is quoted (`"`, `'`, `|`, `>` or nothing)."""

    start: int
    end: int
    style: str


def edited(content: bytes, values: Mapping[Path, str]) -> bytes:
    """The file with new texts for the scalars at these paths; quoting, comments, order and line ends stay.

    `content` reads without problems. Raises UsageError for a path that is not written there, or is no single value.
    """
    head = _BOM if content.startswith(_BOM) else b""
    text = content.removeprefix(head).decode()
    spans = dict(_spans(text))
    for path, span, value in sorted(((path, _span(spans, path), values[path]) for path in values), key=_from_the_end):
        text = text[: span.start] + _written(text, path, span, value) + text[span.end :]
    return head + text.encode()


def _from_the_end(change: tuple[Path, Span, str]) -> int:
    return -change[1].start


def _spans(text: str) -> Iterator[tuple[Path, Span | None]]:
    """The span of every scalar; None for a mapping or list."""
    # The pure Python loader: its marks count characters, as a text is cut.
    stream = (
        event for event in yaml.parse(text, Loader=yaml.SafeLoader) if isinstance(event, events.NodeEvent | _ENDS)
    )
    yield from _node(next(stream), stream, ())


_ENDS = events.CollectionEndEvent


def _node(event: Any, stream: Iterator[Any], path: Path) -> Iterator[tuple[Path, Span | None]]:
    if isinstance(event, events.ScalarEvent):
        marks: tuple[Any, Any] = (event.start_mark, event.end_mark)
        yield path, Span(marks[0].index, marks[1].index, event.style or "")
        return
    yield path, None
    number = 0
    while not isinstance(key := next(stream), _ENDS):
        if isinstance(event, events.MappingStartEvent):
            yield from _node(next(stream), stream, (*path, key.value))
        else:
            yield from _node(key, stream, (*path, number))
            number += 1


def _span(spans: Mapping[Path, Span | None], path: Path) -> Span:
    name = ".".join(map(str, path))
    if path not in spans:
        raise UsageError(f"`{name}` is not written in the file, so there is nothing to edit. Add it by hand.")
    span = spans[path]
    if span is None:
        inside = [".".join(map(str, own)) for own in spans if own[:-1] == path and own]
        raise UsageError(f"`{name}` is not a single value. Name one inside of it: {', '.join(inside)}.")
    if span.style in ("|", ">"):
        raise UsageError(f"`{name}` is a text of several lines. Edit it by hand.")
    return span


def _written(text: str, path: Path, span: Span, value: str) -> str:
    """The new scalar in the old one's quotes; quotes are added where the bare text would not stay one value."""
    if not all(character.isprintable() or unicodedata.category(character) == "Zs" for character in value):
        raise UsageError(f"`{'.'.join(map(str, path))}` takes a text of one line; found {shown(value)}.")
    if span.style == "'":
        return "'" + value.replace("'", "''") + "'"
    if span.style == '"' or not _PLAIN.fullmatch(value):
        return json.dumps(value, ensure_ascii=False)
    return f" {value}" if span.start == span.end and text[span.start - 1 : span.start] == ":" else value


def write_atomically(file: FilePath, content: bytes) -> None:
    """Replace a file's content at once, so that a reader sees the old or the new; its permissions stay."""
    file = file.resolve()
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        shutil.copymode(file, name)
        os.replace(name, file)
    except BaseException:
        os.unlink(name)
        raise
