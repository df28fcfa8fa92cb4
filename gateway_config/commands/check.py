"""`gatewright check`: everything that is wrong, in every stage, at once."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway_config import patterns
from gateway_config.commands.lookup import to_json
from gateway_config.commands.options import ConfigOption, JsonOption, OneStageOption, config_directory
from gateway_config.commands.report import Finding, as_data, github, plain, with_source
from gateway_config.compile import compile_config
from gateway_config.config import GatewayConfig
from gateway_config.load import examine_documents, read
from gateway_config.problems import Problem, Severity
from gateway_config.reading import Document
from gateway_config.telling.words import counted, listed

# In place of a stage's name: every stage that no file names. It is no name that a stage could have.
ANY_OTHER = "any other"


class Format(StrEnum):
    """How problems are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


@dataclass(slots=True)
class Examined:
    """What was looked at, and what was found: one finding for each problem, whatever the number of stages it is in."""

    files: int
    stages: tuple[str, ...]
    findings: list[Finding] = field(default_factory=list)
    left_out: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def routes(self) -> int:
        return self.files - 1

    def count(self, severity: Severity) -> int:
        return sum(finding.problem.severity is severity for finding in self.findings)

    def fails(self, strict: bool) -> bool:
        return bool(self.count(Severity.ERROR) or (strict and self.count(Severity.WARNING)))


def check(
    config: ConfigOption = None,
    stage: OneStageOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail, too.")] = False,
    format: Annotated[Format, typer.Option("--format", help="github: annotations for a workflow.")] = Format.TEXT,
    as_json: JsonOption = False,
) -> None:
    """Say everything that is wrong with the config.

    All problems of all files come at once, in order of place: for every stage that a file names, and for any other,
    which overrides nothing. Warnings and remarks do not fail.

    \b
    Example: gatewright check --strict
    Exit codes: 0 no problems, 1 problems, 2 wrong usage.
    """
    examined = examine_stages(read(config_directory(config)), stage)
    for line in _printed(examined, Format.JSON if as_json else format):
        typer.echo(line)
    if examined.fails(strict):
        raise typer.Exit(1)


def named_stages(documents: Iterable[Document]) -> list[str]:
    """The stages that any file overrides something for."""
    overrides = (document.data.get("stages") for document in documents)
    return sorted({stage for own in overrides if isinstance(own, dict) for stage in own if _is_stage(stage)})


def _is_stage(name: str) -> bool:
    """A name that no stage can have is a problem of its own, and nothing to look into."""
    return re.fullmatch(patterns.STAGE, name) is not None


def examine_stages(documents: Sequence[Document], stage: str | None = None) -> Examined:
    """The problems of all files in one stage, or in every stage that they name and in any other."""
    named = named_stages(documents)
    looked_at = {stage: stage} if stage is not None else {**{own: own for own in named}, ANY_OTHER: _unnamed(named)}
    stages = tuple(looked_at)
    found: dict[Problem, list[str]] = {}
    examined = Examined(len(documents), stages)
    for words, own in looked_at.items():
        config, problems = examine_documents(documents, own)
        for problem in problems:
            found.setdefault(problem, []).append(words)
        if config is not None and not any(problem.severity is Severity.ERROR for problem in problems):
            examined.left_out |= _left_out_of(config)
    examined.findings = [_finding(problem, found[problem], stages) for problem in sorted(found)]
    return examined


def _unnamed(named: Sequence[str]) -> str:
    """A stage that stands for all that no file names."""
    return next(stage for stage in ("prod", "dev", *(f"other{n}" for n in range(len(named)))) if stage not in named)


def _left_out_of(config: GatewayConfig) -> dict[str, tuple[str, ...]]:
    routes = compile_config(config).routes.values()
    return {route.name: route.left_out for route in routes if route.left_out}


def _finding(problem: Problem, found_in: Sequence[str], stages: Sequence[str]) -> Finding:
    return Finding(problem, () if len(found_in) == len(stages) else tuple(found_in))


def _printed(examined: Examined, format: Format) -> Iterable[str]:
    if format is Format.JSON:
        return [to_json(_as_data(examined))]
    if format is Format.GITHUB:
        return [*github(examined.findings), _closing(examined)]
    terminal = sys.stdout.isatty()
    colours = terminal and "NO_COLOR" not in os.environ
    lines = with_source(examined.findings, colours) if terminal else plain(examined.findings)
    return [*lines, *_left_out(examined), _closing(examined)]


def _as_data(examined: Examined) -> dict[str, Any]:
    return {
        "files": examined.files,
        "routes": examined.routes,
        "stages": list(examined.stages),
        "problems": [as_data(finding) for finding in examined.findings],
        "left_out": {route: list(keys) for route, keys in examined.left_out.items()},
    }


def _left_out(examined: Examined) -> Iterator[str]:
    for route, keys in examined.left_out.items():
        yield f"{route}: no room for {', '.join(keys)} among Cloudflare's five metadata keys; kept in our own records."


def _closing(examined: Examined) -> str:
    counts = [counted(count, severity.value) for severity in Severity if (count := examined.count(severity))]
    looked_at = f"{counted(examined.files, 'file')}, {counted(examined.routes, 'route')}"
    stages = f", stages {listed(examined.stages)}" if len(examined.stages) > 1 else ""
    return f"{looked_at}{stages}: {', '.join(counts) or 'no problems'}."
