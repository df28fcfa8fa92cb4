"""A value is edited where it stands: the text of one scalar changes, and nothing else in the file."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

import yaml
from yaml import events

from gateway_config.config import Route, Source
from gateway_config.errors import UsageError
from gateway_config.problems import shown
from gateway_config.reading import Document, Path
from gateway_config.rules.registry import did_you_mean, near_miss

_PLAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9 ._/-]*[A-Za-z0-9._/-])?")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Span:
    """Where a scalar's text begins and ends, and how it is quoted (`"`, `'`, `|`, `>` or nothing)."""

    start: int
    end: int
    style: str
    lines: int = 1


def path_of(source: Source, name: str) -> Path:
    """Where a value stands in a route's file: an arm's name is its share there, anything else is a dotted path.

    It is the stage's own place where the source's stage overrides the key. Raises UsageError for an unknown name.
    """
    data = source.data()
    path = _share(data, name) or _steps(data, name)
    head, arms, keys = str(path[0]), _mapping(data, "arms"), [*Route.model_fields, "stages"]
    if head not in data and head not in keys:
        is_of_arm = len(path) > 1 and head in arms
        hint = f'Did you mean "arms.{name}"?' if is_of_arm else did_you_mean(head, [*arms, *keys])
        raise UsageError(f"{source.document.name} has no arm or key {shown(name)}. {hint}")
    return ("stages", source.stage, *path) if path[0] in source.overrides else path


def _share(data: Mapping[str, Any], arm: str) -> Path | None:
    """The path of an arm's share, if it has one, in the split or in the one tier that has it."""
    splits: dict[Path, Any] = {("split",): data.get("split")}
    splits |= {("tiers", tier): split for tier, split in _mapping(data, "tiers").items()}
    found = [(*path, arm) for path, split in splits.items() if isinstance(split, dict) and arm in split]
    if len(found) > 1:
        names = " or ".join(_name(path) for path in found)
        raise UsageError(f'the arm "{arm}" has a share in more than one tier. Name {names}.')
    return found[0] if found else None


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """What is written under a key, if it is a mapping: the file may be wrong, and edited to be right."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _steps(data: Any, name: str) -> Path:
    path: list[str | int] = []
    for step in name.split("."):
        own: str | int = int(step) if isinstance(data, list) and step.isdecimal() else step
        path.append(own)
        inside = isinstance(data, dict) or (isinstance(data, list) and isinstance(own, int) and own < len(data))
        data = (data.get(own) if isinstance(data, dict) else data[own]) if inside else None
    return tuple(path)


def _name(path: Path) -> str:
    return ".".join(map(str, path))


def edited(content: bytes, values: Mapping[Path, str]) -> bytes:
    """The file with new texts for the scalars at these paths; quoting, comments, order and line ends stay.

    `content` reads without problems. A text stays a text; in place of anything else a value is what it looks like.
    Raises UsageError for a path that is not written there, or is no single value.
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
        yield path, Span(marks[0].index, marks[1].index, event.style or "", marks[1].line - marks[0].line + 1)
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
    name = _name(path)
    if path not in spans:
        near = near_miss(str(path[-1]), [str(own[-1]) for own in spans if own and own[:-1] == path[:-1]])
        way_on = f'Did you mean "{_name((*path[:-1], near))}"?' if near else "Add it by hand."
        raise UsageError(f"`{name}` is not written in the file, so there is nothing to edit. {way_on}")
    span = spans[path]
    if span is None:
        inside = [_name(own) for own in spans if own[:-1] == path and own]
        raise UsageError(f"`{name}` is not a single value. Name one inside of it: {', '.join(inside)}.")
    if span.style in ("|", ">") or span.lines > 1:
        raise UsageError(f"`{name}` is a text of several lines. Edit it by hand.")
    return span


def _written(text: str, path: Path, span: Span, value: str) -> str:
    """The new scalar in the old one's quotes; quotes are added where the bare text would not stay what it was."""
    if span.style == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    if span.style or not _stays_bare(path, text[span.start : span.end], value):
        return _quoted(value)
    return f" {value}" if span.start == span.end and text[span.start - 1 : span.start] == ":" else value


def _stays_bare(path: Path, old: str, value: str) -> bool:
    """Whether a value may stand without quotes: a number for a number, but no `123` or `no` where a text stood."""
    if not _PLAIN.fullmatch(value):
        return False
    within = path[2:] if path[0] == "stages" else path
    is_share = within[:1] in (("split",), ("tiers",))  # where `rest` and numbers take turns
    return is_share or not _is_text(old) or _is_text(value)


def _is_text(plain: str) -> bool:
    return plain != "" and Document("", f"a: {plain}".encode()).data == {"a": plain}


def _quoted(value: str) -> str:
    """A text in double quotes on one line; what cannot be seen is written as an escape."""
    return "".join(one if one.isprintable() else _escape(one) for one in json.dumps(value, ensure_ascii=False))


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


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
