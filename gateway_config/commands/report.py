"""Problems as people, editors and CI want to read them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from gateway_config.problems import Place, Problem, Severity, looks_like_credential
from gateway_config.telling.words import listed

_RED, _YELLOW, _BLUE, _BOLD, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[34m", "\x1b[1m", "\x1b[0m"
_COLOURS: Mapping[Severity, str] = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW, Severity.REMARK: _BLUE}
# GitHub's workflow commands know these three levels (facts: "Workflow commands for GitHub Actions").
_ANNOTATIONS: Mapping[Severity, str] = {
    Severity.ERROR: "error",
    Severity.WARNING: "warning",
    Severity.REMARK: "notice",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem and the stages in which it was found; none are named where it is found in all of them."""

    problem: Problem
    stages: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"{self.problem.message} (stage: {listed(self.stages)})" if self.stages else self.problem.message


def plain(findings: Iterable[Finding]) -> Iterator[str]:
    """`file:line:column rule: message`, a line each; what is no error says so."""
    for finding in findings:
        problem = finding.problem
        severity = "" if problem.severity is Severity.ERROR else f"{problem.severity.value}: "
        yield f"{problem.place} {problem.rule}: {severity}{finding.message}"


def with_source(findings: Sequence[Finding], colours: bool) -> Iterator[str]:
    """As `plain`, with the line and a caret under the place. A line that holds a credential is never shown."""
    secret = {_line_of(finding) for finding in findings if finding.problem.rule == "credential"}
    for file, group in groupby(findings, lambda finding: finding.problem.place.file):
        lines = _lines(file)
        for finding in group:
            problem = finding.problem
            code = _COLOURS[problem.severity] if colours else ""
            rule = _painted(f"{problem.severity.value} {problem.rule}", code)
            yield f"{_painted(str(problem.place), _BOLD if colours else '')} {rule}: {finding.message}"
            if _line_of(finding) not in secret:
                yield from _caret(lines, problem.place, code)


def _painted(text: str, code: str) -> str:
    return f"{code}{text}{_PLAIN}" if code else text


def _line_of(finding: Finding) -> tuple[str, int]:
    return finding.problem.place.file, finding.problem.place.line


def _lines(file: str) -> list[str]:
    try:
        return Path(file).read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        return []


def _caret(lines: Sequence[str], place: Place, code: str) -> Iterator[str]:
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if not line.strip() or len(line) > 200 or not line.isprintable() or looks_like_credential(line):
        return
    number = f"{place.line} "
    yield f"    {number}│ {line}"
    yield f"    {' ' * len(number)}│ {' ' * (place.column - 1)}{_painted('^', code)}"


def github(findings: Iterable[Finding]) -> Iterator[str]:
    """Annotations of GitHub's workflow commands, shown at their line in a pull request."""
    for finding in findings:
        place, rule = finding.problem.place, finding.problem.rule
        where = f"file={_property(place.file)},line={place.line},col={place.column},title={_property(rule)}"
        yield f"::{_ANNOTATIONS[finding.problem.severity]} {where}::{_data(finding.message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text.replace(os.sep, "/")).replace(":", "%3A").replace(",", "%2C")


def as_data(finding: Finding) -> dict[str, Any]:
    """The JSON form of a problem."""
    problem = finding.problem
    return {
        "file": problem.place.file,
        "line": problem.place.line,
        "column": problem.place.column,
        "rule": problem.rule,
        "severity": problem.severity.value,
        "message": problem.message,
        "stages": list(finding.stages),
    }
