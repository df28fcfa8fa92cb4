"""`gatewright preview | up | destroy`: the commands that this package adds to the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from gateway_config.commands.options import ConfigOption, JsonOption, StageOption
from gateway_config.errors import UsageError
from infra.import_command import register as register_import
from infra.keys import register as register_keys
from infra.rotation import register as register_rotation
from infra.route_commands import register as register_routes
from infra.stage_options import EmulatorOption, PluginsOption, ProjectOption, Wanted, engine_of, project_of

if TYPE_CHECKING:
    from infra.changes import Outcome

CHANGES = 7


def register(app: typer.Typer) -> None:
    """Adds the commands. Raises ModuleNotFoundError where the extra is missing, since they import late."""
    if find_spec("pulumi") is None:
        raise ModuleNotFoundError("No module named 'pulumi'", name="pulumi")
    for command in (preview, up, destroy):
        app.command()(command)
    register_routes(app)
    register_import(app)
    register_rotation(app)
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
    if as_markdown and as_json:
        raise UsageError("--markdown and --json are two ways to say the same. Choose one.")
    wanted = Wanted(config, stage, project, emulator, plugins)
    outcome = _comment(wanted, since) if as_markdown else _run(wanted, "preview", as_json)
    if expect_no_changes and outcome.changes:
        raise typer.Exit(CHANGES)


def up(
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    plugins: PluginsOption = None,
    override: Annotated[
        bool, typer.Option("--override", help="Let this one run pass the thresholds of the stage.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make the stage as declared, and finish what an interrupted run left half done.

    \b
    Example: gatewright up --stage dev
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage, 3 could not reach or was refused.
    """
    _run(Wanted(config, stage, project, emulator, plugins), "up", as_json, override=override)


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
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage or not confirmed, 3 could not reach or was refused.
    """
    if not yes and not (sys.stdin.isatty() and typer.confirm(f'Remove everything of stage "{stage}"?')):
        raise UsageError("Nothing was removed: destroy asks for a confirmation, or for --yes.")
    _run(Wanted(config, stage, project, emulator, plugins), "destroy", as_json)


def _run(wanted: Wanted, verb: str, as_json: bool, **options: bool) -> Outcome:
    from infra import report
    from infra.engine_errors import stopped

    with stopped(verb), _progress(quiet=as_json) as progress:
        outcome: Outcome = getattr(engine_of(wanted, progress), verb)(**options)
    if as_json:
        typer.echo(json.dumps(report.as_json(outcome), indent=2))
    else:
        for line in report.lines(outcome, done=verb != "preview"):
            typer.echo(line)
    return outcome


def _comment(wanted: Wanted, since: str | None) -> Outcome:
    """Previews, and prints the comment."""
    from infra.comment import comment, meaning_of
    from infra.engine_errors import stopped

    with stopped("preview"):
        outcome = engine_of(wanted).preview()
    directory = wanted.config or project_of(wanted.project) / "gateway_config"
    meaning = meaning_of(directory, wanted.stage, since) if since else None
    typer.echo(comment(wanted.stage, outcome, meaning), nl=False)
    return outcome


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line that changes, on a terminal; nothing where lines are kept, such as in CI."""
    if quiet or not sys.stdout.isatty():
        yield lambda step: None
        return
    from rich.console import Console

    with Console(stderr=True).status("working") as status:
        yield lambda step: status.update(step)
