"""Text that is no YAML: what the parser says of it, in words for those who wrote it."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


def what_is_wrong(error: yaml.MarkedYAMLError, text: str) -> tuple[int, int, str]:
    """The line and column, counted from 0, at which there is something to mend, and what."""
    line, column, message = _syntax(error)
    return _conflict(text) or _no_break_space(text, line) or (line, column, message)


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Where a character stands, counted from 0."""
    return text.count("\n", 0, index), index - (text.rfind("\n", 0, index) + 1)


def _conflict(text: str) -> tuple[int, int, str] | None:
    """Where two branches were not merged, and what to do about it."""
    if (found := _CONFLICT.search(text)) is None:
        return None
    message = "a merge conflict was left here. Keep one of its sides, and remove the lines that mark them."
    return (*line_and_column(text, found.start()), message)


def _no_break_space(text: str, line: int) -> tuple[int, int, str] | None:
    """Where a space stands, in this line or the one above, that looks like one and is none."""
    lines = text.split("\n")
    for number in (line, line - 1):
        if 0 <= number < len(lines) and (column := lines[number].find("\xa0")) >= 0:
            message = "a no-break space stands here, U+00A0, which YAML takes for a letter. Write a plain one."
            return number, column, message
    return None


# What the parser says, and what a person needs to hear instead.
_SYNTAX: Mapping[str, str] = {
    "mapping values are not allowed": "no key is expected here. The line is indented too deep, the one above lacks its "
    'colon, braces are missing, or a text with ": " in it needs quotes.',
    "did not find expected ',' or '}'": "a comma or a closing } is expected here, or on the line above. Add it.",
    "did not find expected ',' or ']'": "a comma or a closing ] is expected here, or on the line above. Add it.",
    "did not find expected '-' indicator": "a list goes on here, or ends. Begin with a hyphen, or look for a "
    "bracket too many.",
    "did not find expected key": "this does not line up with what is above it. Indent it as its neighbours, or look "
    "for a quote or bracket too many.",
    "could not find expected ':'": "a key is expected here, or on the line above, and has no colon. Add the colon.",
    "found character": "a text does not begin with this character, unless it is in quotes. Add them.",
    "found unexpected end of stream": "a quote is opened here and closed nowhere. Close it.",
}


def _syntax(error: yaml.MarkedYAMLError) -> tuple[int, int, str]:
    """Where the parser stopped, and why."""
    found = str(error.problem or error.context or "this is not YAML")
    is_open = "end of stream" in found and error.context_mark is not None
    mark = error.context_mark if is_open else error.problem_mark or error.context_mark
    known = next((words for said, words in _SYNTAX.items() if found.startswith(said)), None)
    message = known or f"{found[0].lower()}{found[1:]}. Mend the YAML here, or on the line above."
    return mark.line if mark else 0, mark.column if mark else 0, message
