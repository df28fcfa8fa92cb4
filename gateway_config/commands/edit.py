"""`gatewright edit`: change values of a route in its file, where they stand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated

import typer

from gateway_config.commands.check import examine_stages, named_stages
from gateway_config.commands.lookup import to_json
from gateway_config.commands.options import ConfigOption, JsonOption, config_directory
from gateway_config.commands.report import Finding, as_data, plain
from gateway_config.config import Source
from gateway_config.edit import edited, path_of, write_atomically
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import read, require_stage
from gateway_config.problems import Severity, shown
from gateway_config.reading import Document, Path
from gateway_config.rules.registry import did_you_mean


@dataclass(frozen=True, slots=True)
class Line:
    """A line before and after, counted from 1."""

    number: int
    before: str
    after: str


def edit(
    route: Annotated[
        str, typer.Argument(metavar="ROUTE", help="The route whose file is edited, or one of its intents.")
    ],
    values: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE", help="An arm's share, or a key by its dotted path.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Write it, whatever check says.")] = False,
    config: ConfigOption = None,
    stage: Annotated[
        str | None, typer.Option("--stage", metavar="NAME", help="What this stage overrides, if it does.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Change values of a route where they stand in its file.

    Nothing else in the file changes. An edit that would leave problems is refused. A text is written so that it reads
    back as it is given, quoted where that is needed. To take a key away, remove its line by hand.

    \b
    Example: gatewright edit quick-chat challenger=20 arms.champion.retries=2
    Exit codes: 0 written, 1 it would leave problems (nothing is written), 2 no such route or value.
    """
    if stage is not None:
        require_stage(stage)
    documents = read(config_directory(config))
    index = _index(documents, route)
    document, file = documents[index], FilePath(documents[index].name)
    if document.problems:
        raise ConfigError(document.problems)
    source = Source(document, stage or "")
    changes = _changes(source, values)
    content = file.read_bytes()
    fresh = edited(content, changes)
    documents[index] = Document(document.name, fresh)
    refused = [] if force else _errors(documents)
    if not refused and fresh != content:
        write_atomically(file, fresh)
    lines = list(_changed_lines(content, fresh))
    notes = list(_notes(source, changes, stage))
    _print(document.name, lines, notes, refused, as_json)
    if refused:
        raise typer.Exit(1)


def _index(documents: Sequence[Document], route: str) -> int:
    """The number of the file of this route, or else of the route that claims this intent."""
    names = [FilePath(document.name).stem for document in documents]
    names[0] = ""
    if route in names[1:]:
        return names.index(route)
    claims = [number for number, document in enumerate(documents) if number and route in _intents(document)]
    if not claims:
        known = {*names[1:], *(intent for document in documents[1:] for intent in _intents(document))}
        raise UsageError(f"there is no route or intent {shown(route)}. {did_you_mean(route, known)}")
    return claims[0]


def _intents(document: Document) -> list[str]:
    """The intents that a file claims, whatever else is wrong with it."""
    intents = document.data.get("intents")
    return [intent for intent in intents if isinstance(intent, str)] if isinstance(intents, list) else []


def _changes(source: Source, values: Sequence[str]) -> dict[Path, str]:
    changes: dict[Path, str] = {}
    for name, value in map(_pair, values):
        path = path_of(source, name)
        if path in changes:
            raise UsageError(f"{shown(name)} is given twice. Give it one value.")
        changes[path] = value
    return changes


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"a value is written name=value, such as challenger=20; found {shown(text)}.")
    if not value:
        raise UsageError(f"{shown(text)} names no value. To take the key away, remove its line by hand.")
    return name, value


def _errors(documents: Sequence[Document]) -> list[Finding]:
    findings = examine_stages(documents).findings
    return [finding for finding in findings if finding.problem.severity is Severity.ERROR]


def _changed_lines(before: bytes, after: bytes) -> Iterator[Line]:
    # An edit never adds or takes a line: a scalar of one line is put in place of another.
    lines = (content.decode().splitlines() for content in (before, after))
    for number, (old, new) in enumerate(zip(*lines, strict=True), 1):
        if old != new:
            yield Line(number, old, new)


def _notes(source: Source, changes: Mapping[Path, str], stage: str | None) -> Iterator[str]:
    """What a change does not reach, or reaches besides."""
    for key in sorted({str(path[0]) for path in changes} - {"stages"}):
        own = [name for name in named_stages([source.document]) if key in Source(source.document, name).overrides]
        if stage is not None:
            yield f"stage {stage} has no `{key}` of its own: this holds for every stage without one."
        elif own:
            yield f"stage {', '.join(own)} has its own `{key}`, which stays as it is."


def _print(name: str, lines: Sequence[Line], notes: Sequence[str], refused: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        changed = [{"line": line.number, "before": line.before, "after": line.after} for line in lines]
        written = bool(lines) and not refused
        problems = [as_data(finding) for finding in refused]
        data = {"file": name, "written": written, "changes": changed, "notes": list(notes), "problems": problems}
        typer.echo(to_json(data))
    else:
        for line in lines:
            typer.echo(f"{name}:{line.number}\n- {line.before.strip()}\n+ {line.after.strip()}")
        if not lines:
            typer.echo("It says so already; nothing was written.")
        for note in notes:
            typer.echo(note)
    for complaint in plain(refused):
        typer.echo(complaint, err=True)
    if refused:
        typer.echo("Nothing was written. Mend this together with the edit, or write it anyway with --force.", err=True)
