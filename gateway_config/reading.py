"""YAML text → plain data, with a place for every value and a problem for everything that YAML would guess.

Parsed event by event: nothing recursive, no aliases, no tags, and one meaning for each plain scalar. Reading stops
where it can no longer know what is meant: the parser takes quadratic time for deep nesting, so it does not get there.
Places are worked out only for a file that has something to complain about, by reading it a second time.
"""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

import yaml
from yaml import events

from gateway_config.problems import Place, Problem, looks_like_credential
from gateway_config.syntax import line_and_column, what_is_wrong

Path = tuple[str | int, ...]

LARGEST_BYTES = 1_000_000
DEEPEST = 32
MOST_READING_PROBLEMS = 50
# The same plain texts stand in many files; of longer ones nothing is remembered.
LONGEST_MEMORY = 64
# After these, what was read is not what was meant, so nobody should look any further into it.
_BREAKING = frozenset({"file-unreadable", "file-too-large", "encoding", "yaml-syntax", "yaml-tab", "yaml-depth"})

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_LONG_NUMBER = re.compile(r"-?[1-9][0-9]*(\.[0-9]+)?|-?0\.[0-9]+")
_NOT_FINITE = re.compile(r"[-+]?\.(?i:inf|nan)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Plain texts that some YAML reader takes for a switch, a number, a date or a time. None of them is a name of ours.
_AMBIGUOUS = re.compile(
    r"(?i:yes|no|on|off|y|n|true|false|null)|[-+.0-9][-+.0-9_,:]*([eE][-+0-9.]*)?|[-+]?0[xXoObB][0-9a-fA-F_]*"
    r"|[-+]?\.(?i:inf|nan)|[0-9]{4}-[0-9].*|<<|="
)
# What editors do not show: writing that turns round, breaks that only YAML takes for such, what has no width. Joiners
# and direction marks have their place in other scripts, between letters of these.
_INVISIBLE = re.compile(
    "[\x85\xad\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]"
    "|(?<![^\x00-\x7f])[\u061c\u200c-\u200f](?![^\x00-\x7f])"
)
_IDS = ("id", "elementId")
# Stand where a credential stood, and where it is not known what was meant: neither is what a number, a switch, a day or
# a name can be, so that nothing is concluded from them.
_HIDDEN, _UNREAD = "(hidden)", "(unread)"


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read; the value of a key that is `dropped` stays out of it."""

    value: Any
    path: Path
    outer: _Frame | None
    depth: int
    is_mapping: bool
    key: str | None = None
    dropped: bool = False


class Document:
    """One file: its data, the problems of reading it, and the place of each value.

    `name` is the file as a user would name it. `data` is a mapping; what could not be read is left out of it.
    """

    def __init__(self, name: str, content: bytes) -> None:
        self.name = name
        self.problems: list[Problem] = []
        self.keys: dict[str, tuple[int, int]] = {}
        self.text = self._decoded(content)
        reader = _Reader(self)
        self.data: dict[str, Any] = reader.read()

    @classmethod
    def unread(cls, name: str, reason: str) -> Document:
        """A file that could not be opened: nothing but the problem of it."""
        document = cls(name, b"{}")
        document.complain("file-unreadable", 0, 0, f"the file cannot be read: {reason}. Mend or remove it.")
        return document

    def _decoded(self, content: bytes) -> str:
        if len(content) > LARGEST_BYTES:
            self.complain("file-too-large", 0, 0, f"the file has more than {LARGEST_BYTES:,} bytes. Split it up.")
            return ""
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = content[: error.start]
            column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace"))
            line = before.count(b"\n")
            self.complain("encoding", line, column, "the file is not UTF-8 from here on. Save it as UTF-8.")
            return ""
        return text

    @property
    def is_whole(self) -> bool:
        """Whether all of the file could be read, so that what is missing in it is missing."""
        return not any(problem.rule in _BREAKING for problem in self.problems)

    def complain(self, rule: str, line: int, column: int, message: str) -> None:
        """Note a problem of reading; line and column count from 0, as YAML marks do."""
        if len(self.problems) < MOST_READING_PROBLEMS:
            self.problems.append(Problem(Place(self.name, line + 1, column + 1), rule, message))

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at a path stands (or its key); the nearest thing around it where it is not written."""
        if len(path) == 1 and key and path[0] in self.keys:
            line, column = self.keys[str(path[0])]
            return Place(self.name, line + 1, column + 1)
        while path:
            if (mark := self._places.get((path, key))) is not None:
                return Place(self.name, mark[0] + 1, mark[1] + 1)
            path, key = path[:-1], False
        return Place(self.name, 1, 1)

    @functools.cached_property
    def _places(self) -> dict[tuple[Path, bool], tuple[int, int]]:
        places: dict[tuple[Path, bool], tuple[int, int]] = {}
        silent = Document.__new__(Document)
        silent.name, silent.text, silent.problems, silent.keys = self.name, self.text, [], {}
        _Reader(silent, places).read()
        return places


class _Reader:
    """Builds the data of a document from YAML events, with a stack of its own."""

    def __init__(self, document: Document, places: dict[tuple[Path, bool], tuple[int, int]] | None = None) -> None:
        self.document = document
        self.places = places
        self.frame: _Frame | None = None
        self.root: Any = None
        self.stopped = False

    def read(self) -> dict[str, Any]:
        try:
            self._check_tabs()
            self._check_invisible()
            self._take_all(_Loader(self.document.text))
        except yaml.MarkedYAMLError as error:
            line, column, message = what_is_wrong(error, self.document.text)
            if ("yaml-tab", line + 1) not in {(problem.rule, problem.place.line) for problem in self.document.problems}:
                self.document.complain("yaml-syntax", line, column, message)
        except yaml.YAMLError:
            self._complain_of_character()
        if isinstance(self.root, dict):
            return self.root
        if not self.document.problems:
            self.document.complain("yaml-syntax", 0, 0, 'a config file is a mapping of keys, such as "version: 1".')
        return {}

    def _take_all(self, loader: Any) -> None:
        takers = {
            events.ScalarEvent: self._scalar,
            events.MappingStartEvent: self._open_mapping,
            events.SequenceStartEvent: self._open_list,
            events.MappingEndEvent: self._close,
            events.SequenceEndEvent: self._close,
            events.AliasEvent: self._alias,
            events.DocumentStartEvent: self._begin,
            events.StreamEndEvent: self._end,
        }
        try:
            while not self.stopped:
                event = loader.get_event()
                if (taker := takers.get(type(event))) is not None:
                    taker(event)
        finally:
            loader.dispose()

    def _check_tabs(self) -> None:
        if "\t" not in self.document.text:
            return
        for number, line in enumerate(self.document.text.splitlines()):
            indent = line[: len(line) - len(line.lstrip())]
            if "\t" in indent:
                self.document.complain("yaml-tab", number, indent.index("\t"), "a tab indents this line. Use spaces.")

    def _check_invisible(self) -> None:
        text = self.document.text
        # Of a whole file of them, each would be looked for from the beginning.
        for found in islice(() if text.isascii() else _INVISIBLE.finditer(text), MOST_READING_PROBLEMS):
            line, column = line_and_column(text, found.start())
            code = ord(found[0])
            written = f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
            message = f"an invisible character stands here, U+{code:04X}, so that what is read is not what is seen."
            way_on = f'Remove it, or write it as "{written}" in double quotes.'
            self.document.complain("invisible-character", line, column, f"{message} {way_on}")

    def _complain_of_character(self) -> None:
        # Found again here, since the C parser counts bytes and the other one characters.
        found = yaml.reader.Reader.NON_PRINTABLE.search(self.document.text)
        line, column = line_and_column(self.document.text, found.start() if found else 0)
        message = "there is a character here that YAML does not allow. Remove it."
        self.document.complain("yaml-syntax", line, column, message)

    def _begin(self, event: Any) -> None:
        if self.root is not None:
            self._stop(event, "yaml-syntax", "a second document begins here. Put it into a file of its own.")

    def _end(self, _event: Any) -> None:
        self.stopped = True

    def _alias(self, event: Any) -> None:
        self._complain(event, "yaml-alias", "aliases are not read here. Write the value out where it is meant.")
        if self.frame is not None and self.frame.is_mapping and self.frame.key is None:
            self._key(event, self.frame, _HIDDEN, True)
        else:
            self._place_value(event, None)

    def _complain(self, event: Any, rule: str, message: str) -> None:
        self.document.complain(rule, event.start_mark.line, event.start_mark.column, message)

    def _stop(self, event: Any, rule: str, message: str) -> None:
        self._complain(event, rule, message)
        self.stopped = True

    def _open_mapping(self, event: Any) -> None:
        self._open(event, {}, True)

    def _open_list(self, event: Any) -> None:
        self._open(event, [], False)

    def _open(self, event: Any, value: Any, is_mapping: bool) -> None:
        if event.anchor or event.tag:
            self._complain(event, "yaml-alias", "anchors and tags are not read here. Write the plain value.")
        outer = self.frame
        depth = outer.depth + 1 if outer is not None else 1
        if outer is not None and outer.is_mapping and outer.key is None:
            self._stop(event, "yaml-syntax", "a key is a plain text; found a list or mapping.")
        elif depth > DEEPEST:
            message = f"values are nested more than {DEEPEST} deep here; no config needs that."
            self._stop(event, "yaml-depth", message)
        else:
            path = self._place_value(event, value)
            self.frame = _Frame(value, path, outer, depth, is_mapping)

    def _close(self, _event: Any) -> None:
        closed = self.frame
        assert closed is not None  # the parser closes what it has opened
        self.frame = closed.outer
        if closed.outer is None:
            self.root = closed.value

    def _scalar(self, event: Any) -> None:
        text = event.value
        if event.anchor or (event.tag and event.tag != "!"):
            self._complain(event, "yaml-alias", "anchors and tags are not read here. Write the plain value.")
        if hidden := len(text) >= 16 and looks_like_credential(text, is_id=self._names_an_id()):
            self._complain(event, "credential", _CREDENTIAL)
            text = _HIDDEN
        frame = self.frame
        if frame is not None and frame.is_mapping and frame.key is None:
            self._key(event, frame, text, hidden)
        else:
            self._place_value(event, text if event.style else self._resolved(event, text))

    def _names_an_id(self) -> bool:
        """Whether the value of an `id` is due, which others may have made at random."""
        return self.frame is not None and self.frame.key in _IDS

    def _key(self, event: Any, frame: _Frame, text: str, hidden: bool) -> None:
        is_known = text in frame.value
        if is_known and not hidden:
            self._complain(event, "duplicate-key", f'the key "{text}" stands here a second time. Keep one of them.')
        frame.key, frame.dropped = text, hidden or is_known
        if frame.depth == 1:
            self.document.keys.setdefault(text, (event.start_mark.line, event.start_mark.column))
        if self.places is not None:
            self.places.setdefault(((*frame.path, text), True), (event.start_mark.line, event.start_mark.column))

    def _resolved(self, event: Any, text: str) -> Any:
        """What a plain scalar means, with a complaint where that is not certain."""
        value = _meaning(text) if len(text) <= LONGEST_MEMORY else _meaning.__wrapped__(text)
        if value is _UNREAD:
            self._complain(event, "yaml-ambiguous", _doubt(text))
        return value

    def _place_value(self, event: Any, value: Any) -> Path:
        frame = self.frame
        if frame is None:
            self.root = value
            return ()
        if frame.is_mapping:
            key: str | int = frame.key or ""
            frame.key = None
            if not frame.dropped:
                frame.value[key] = value
        else:
            key = len(frame.value)
            frame.value.append(value)
        if self.places is None:
            return ()
        path = (*frame.path, key)
        own = (event.start_mark.line, event.start_mark.column)
        # A block begins on the line below its key; what is wrong with the whole of it is looked for at the key.
        is_block = isinstance(value, dict | list) and not event.flow_style
        self.places.setdefault((path, False), self.places.get((path, True), own) if is_block else own)
        return path


_CREDENTIAL = (
    "this value looks like a credential. Credentials come from the environment or a Pulumi secret, never from a file: "
    "take it out, and revoke it if it was committed."
)


@functools.lru_cache(maxsize=1024)
def _meaning(text: str) -> Any:
    """What a plain scalar means: a text, unless it is a word, number or day that cannot be mistaken; else unread."""
    if text in _WORDS:
        return _WORDS[text]
    if _AMBIGUOUS.fullmatch(text) is None:
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return _day(text) if _DATE.fullmatch(text) else _UNREAD


def _day(text: str) -> Any:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return _UNREAD


def _doubt(text: str) -> str:
    """Why a plain text that looks like a number, a switch or a day is not taken for one."""
    if _DATE.fullmatch(text):
        return f"{text} is no day of the calendar. Write one as 2027-02-01."
    if _LONG_NUMBER.fullmatch(text):
        why = "has more than 18 digits, which readers round differently. Write a smaller number, or quotes for a text."
    elif _NOT_FINITE.fullmatch(text):
        why = "is no number that a key could take. Write one in digits, or leave the key out."
    else:
        hint = "true or false for a switch, 20 or 0.5 for a number, 2027-02-01 for a day, or quotes for a text"
        why = f"can be read in more than one way. Write {hint}."
    return f"{text[:40]} {why}"
