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
from gateway_config.commands.report import Finding, plain
from gateway_config.config import Source
from gateway_config.edit import edited, path_of, write_atomically
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import read
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
    route: Annotated[str, typer.Argument(metavar="ROUTE", help="The route whose file is edited.")],
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

    Nothing else in the file changes. An edit that would leave problems is refused.

    \b
    Example: gatewright edit quick-chat challenger=20 arms.champion.retries=2
    Exit codes: 0 written, 1 it would leave problems (nothing is written), 2 no such route or value.
    """
    documents = read(config_directory(config))
    index = _index(documents, route)
    document, file = documents[index], FilePath(documents[index].name)
    if document.problems:
        raise ConfigError(document.problems)
    source = Source(document, stage or "")
    changes = {path_of(source, name): value for name, value in map(_pair, values)}
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
    names = [FilePath(document.name).stem for document in documents]
    names[0] = ""
    if route not in names[1:]:
        raise UsageError(f"there is no route {shown(route)}. {did_you_mean(route, names[1:])}")
    return names.index(route)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise UsageError(f"a value is written name=value, such as challenger=20; found {shown(text)}.")
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
        typer.echo(to_json({"file": name, "written": written, "changes": changed, "notes": list(notes)}))
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
