"""`gatewright preview | up | destroy`: the commands that this package adds to the command line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway_config.commands.options import ConfigOption, JsonOption, StageOption
from gateway_config.errors import UsageError
from infra.keys import register as register_keys

if TYPE_CHECKING:
    from infra.changes import Outcome
    from infra.engine import Engine

CHANGES = 7

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", metavar="DIR", help="The folder with Pulumi.yaml. Default: here, or further up."),
]
EmulatorOption = Annotated[
    str | None,
    typer.Option("--emulator", metavar="URL", help="Work on an emulator instead of Cloudflare."),
]
PluginsOption = Annotated[
    Path | None,
    typer.Option("--plugins", metavar="DIR", help="A folder with further Pulumi plugins, looked at first."),
]


@dataclass(frozen=True, slots=True)
class _Wanted:
    """The options that all commands share."""

    config: Path | None
    stage: str
    project: Path | None
    emulator: str | None
    plugins: Path | None


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (preview, up, destroy):
        app.command()(command)
    register_keys(app)


def preview(
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    plugins: PluginsOption = None,
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit 7 where there is a change: the drift check.")
    ] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a comment for a pull request.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", metavar="REV", help="With --markdown: say what the config's change means.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what `up` would do, hand edits included. Changes nothing.

    \b
    Example: gatewright preview --stage prod --expect-no-changes
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage, 3 could not reach or was refused,
    7 changes where none was expected.
    """
    if since and not as_markdown:
        raise UsageError("--since says what a change of config means in a comment: add --markdown.")
    wanted = _Wanted(config, stage, project, emulator, plugins)
    outcome = _comment(wanted, since) if as_markdown else _run(wanted, "preview", as_json)
    if expect_no_changes and outcome.changes:
        raise typer.Exit(CHANGES)


def up(
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    plugins: PluginsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the stage as declared, and finish what an interrupted run left half done.

    \b
    Example: gatewright up --stage dev
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage, 3 could not reach or was refused.
    """
    _run(_Wanted(config, stage, project, emulator, plugins), "up", as_json)


def destroy(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    plugins: PluginsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove everything that the stage has at Cloudflare.

    \b
    Example: gatewright destroy --stage dev --yes
    Exit codes: 0 fine, 2 wrong usage or not confirmed, 3 could not reach or was refused.
    """
    if not yes and not (sys.stdin.isatty() and typer.confirm(f'Remove everything of stage "{stage}"?')):
        raise UsageError("Nothing was removed: destroy asks for a confirmation, or for --yes.")
    _run(_Wanted(config, stage, project, emulator, plugins), "destroy", as_json)


def _run(wanted: _Wanted, verb: str, as_json: bool) -> Outcome:
    from infra import report

    with _progress(quiet=as_json) as progress:
        outcome: Outcome = getattr(_engine(wanted, progress), verb)()
    if as_json:
        typer.echo(json.dumps(report.as_json(outcome), indent=2))
    else:
        for line in report.lines(outcome, done=verb != "preview"):
            typer.echo(line)
    return outcome


def _comment(wanted: _Wanted, since: str | None) -> Outcome:
    """Previews, and prints the comment."""
    from infra.comment import comment, meaning_of

    outcome = _engine(wanted, lambda step: None).preview()
    directory = wanted.config or _project(wanted.project) / "gateway_config"
    meaning = meaning_of(directory, wanted.stage, since) if since else None
    typer.echo(comment(wanted.stage, outcome, meaning), nl=False)
    return outcome


def _engine(wanted: _Wanted, progress: Callable[[str], None]) -> Engine:
    from infra.engine import Engine

    environment = _environment(wanted, os.environ)
    return Engine(_project(wanted.project), wanted.stage, wanted.config, environment, progress)


def _project(named: Path | None) -> Path:
    start = (named or Path.cwd()).resolve()
    for folder in (start,) if named else (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise UsageError(
        f"there is no Pulumi.yaml in {start}{'' if named else ' or above'}. Name its folder with --project."
    )


def _environment(wanted: _Wanted, told: Mapping[str, str]) -> dict[str, str]:
    environment = dict(told)
    if wanted.emulator:
        url = wanted.emulator.rstrip("/")
        environment |= {"CLOUDFLARE_BASE_URL": f"{url}/client/v4", "GATEWRIGHT_URL": f"{url}/v1"}
        environment.setdefault("CLOUDFLARE_API_TOKEN", "test-" * 8)
        environment.setdefault("CLOUDFLARE_ACCOUNT_ID", "test-account")
    if wanted.plugins:
        environment["PATH"] = f"{wanted.plugins.resolve()}{os.pathsep}{environment.get('PATH', '')}"
    return environment


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line that changes, on a terminal; nothing where lines are kept, such as in CI."""
    if quiet or not sys.stdout.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("working") as status:
        yield lambda step: status.update(step)
