"""`gatewright rollback | resume`: what a person does to one live route, without the engine."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from gateway_config.commands.options import ConfigOption, JsonOption, StageOption
from infra.stage_options import EmulatorOption, ProjectOption, Wanted, engine_of, environment_of, project_of

if TYPE_CHECKING:
    from infra.rollback import Past, RouteHistory

RouteArgument = Annotated[str, typer.Argument(metavar="ROUTE", help="The route's name.")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    for command in (rollback, resume):
        app.command()(command)


def rollback(
    route: RouteArgument,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="VERSION", help="The version, or how its id begins. Default: the last."),
    ] = None,
    only_list: Annotated[bool, typer.Option("--list", help="List the versions, and change nothing.")] = False,
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Deploy an earlier version of a route at once. It is then held: `up` leaves it until the config agrees.

    \b
    Example: gatewright rollback quick-chat --stage prod
    Exit codes: 0 fine, 2 wrong usage, 3 could not reach or was refused.
    """
    from infra.rollback import commits_by_digest

    wanted = Wanted(config, stage, project, emulator, None)
    with _history(wanted, route) as history:
        directory = config or project_of(project) / "gateway_config"
        versions = history.versions(commits_by_digest(directory, stage, route))
        target = None if only_list else history.roll_back(versions, to)
    if as_json:
        told = {"versions": [asdict(version) for version in versions], "deployed": target and target.version_id}
        typer.echo(json.dumps(told, indent=2))
    else:
        for line in _told(route, versions, target):
            typer.echo(line)


def resume(
    route: RouteArgument,
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a route that was rolled back follow the config again, from the next `up` on. Traffic does not change now.

    \b
    Example: gatewright resume quick-chat --stage prod
    Exit codes: 0 fine, 2 wrong usage, 3 could not reach or was refused.
    """
    with _history(Wanted(config, stage, project, emulator, None), route) as history:
        version = history.resume()
    if as_json:
        typer.echo(json.dumps({"route": route, "deployed": version}, indent=2))
        return
    typer.echo(f"{route} follows the config again: what is live is now also its newest version, {version}.")
    typer.echo(f"`gatewright preview --stage {stage}` shows what the next `up` changes.")


@contextmanager
def _history(wanted: Wanted, route: str) -> Iterator[RouteHistory]:
    from gateway_config.cloudflare.control_plane import ControlPlane
    from infra.rollback import RouteHistory

    engine = engine_of(wanted)
    with ControlPlane.from_environment(environment_of(wanted, os.environ)) as api:
        yield RouteHistory(api, engine.settings().account, engine.gateway_id, route)


def _told(route: str, versions: list[Past], target: Past | None) -> Iterator[str]:
    for version in versions:
        yield _line(version, target)
    if target is None:
        return
    yield f"{route} is rolled back to version {target.version_id}, and held: `up` leaves it as it is."
    if target.commit:
        yield f"To keep it: git checkout {target.commit} -- routes/{route}.yaml in the config's folder, and commit."
    else:
        yield "To keep it: bring the config to agree with it; no past commit of the config compiles to this graph."
    yield f"To follow the config again: gatewright resume {route}"


def _line(version: Past, target: Past | None) -> str:
    mark = "*" if version is target or (target is None and version.is_live) else " "
    live = f"live {version.last_live_at}" if version.last_live_at else "never live"
    commit = f"commit {version.commit}" if version.commit else "no commit known"
    return f"{mark} {version.version_id}  graph {version.graph_digest[:12]}  {live}  {commit}"
