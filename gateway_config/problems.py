"""A problem: one complaint about the config, with its rule, its place, and what to do about it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any


class Severity(StrEnum):
    """An error stops everything; a warning is shown and fails `check --strict`; a remark is only shown."""

    ERROR = "error"
    WARNING = "warning"
    REMARK = "remark"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a value stands: the file as a user names it, line and column counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """`message` says what was found, what was expected, and what to do."""

    place: Place
    rule: str
    message: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        # Names in a message come from files: a line break or an escape sequence in one must not reach a terminal.
        object.__setattr__(self, "message", printable(self.message))

    def __str__(self) -> str:
        return f"{self.place} {self.rule}: {self.message}"


def printable(text: str) -> str:
    """One line without control characters, which are written as escapes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


# Shapes of secrets that people paste by mistake: known prefixes, private keys, long texts of mixed letters and digits.
_KNOWN_SECRET = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|cf(ut|at|k)_[A-Za-z0-9]{16,}|AKIA[0-9A-Z]{12,}|gh[pousr]_[A-Za-z0-9]{20,}"
    r"|xox[abpr]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{20,}\.)|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|\b[Bb]earer +[A-Za-z0-9._-]{16,}|\btest-[A-Za-z0-9_-]{32,}"
)
_PUBLIC = re.compile(r"-----BEGIN ([A-Z]+ )?(PUBLIC KEY|CERTIFICATE)-----[^-]*-----END")
_LONG_TOKEN = re.compile(r"(?<![A-Za-z0-9_/+.-])[A-Za-z0-9_-]{32,}(?![A-Za-z0-9_/+.-])")


def looks_like_credential(text: str, *, is_id: bool = False) -> bool:
    """Whether a text has the shape of a secret; such a value has no place in YAML, and is never shown.

    An id may be as random as it likes (the dashboard's are), so that only the shapes of known secrets count.
    """
    if len(text) < 16:
        return False
    text = _PUBLIC.sub("", text) if "-----BEGIN" in text else text
    if _KNOWN_SECRET.search(text):
        return True
    return not is_id and any(_is_random(token) for token in _LONG_TOKEN.findall(text))


def _is_random(token: str) -> bool:
    """Digits and letters mixed with little order; words joined by hyphens are not."""
    digits = sum(character.isdigit() for character in token)
    words = [word for word in re.split(r"[-_]", token) if word]
    return digits >= 4 and max(len(word) for word in words) >= 24


def shown(value: Any) -> str:
    """A value as a message may show it: short, and never a credential."""
    text = str(value) if isinstance(value, str | Decimal | date) else _written(value)
    if looks_like_credential(text):
        return "a value that looks like a credential"
    text = text if len(text) <= 60 else text[:57] + "…"
    return f'"{text}"' if isinstance(value, str) else text


def _written(value: Any) -> str:
    """Values as YAML would have them: true, null, 1.5, lists and mappings in one line."""
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)
