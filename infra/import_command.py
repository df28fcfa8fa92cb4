"""`gatewright import`: what exists at Cloudflare becomes part of the config and of the stack."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway_config import patterns
from gateway_config.commands.options import ConfigOption, JsonOption, StageOption
from gateway_config.errors import UsageError
from infra.stage_options import (
    EmulatorOption,
    PluginsOption,
    ProjectOption,
    Wanted,
    engine_of,
    environment_of,
    project_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from gateway_config.cloudflare.control_plane import ControlPlane
    from infra.engine import Engine
    from infra.provider.routes_api import LiveRoute


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("import")(import_)


def import_(
    routes: Annotated[list[str] | None, typer.Argument(metavar="[ROUTE]...", help="These routes only.")] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", metavar="ID", help="Cloudflare's gateway. Default: the config's own.")
    ] = None,
    config: ConfigOption = None,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    emulator: EmulatorOption = None,
    plugins: PluginsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a gateway and its routes into the config and the stack. No file that exists is overwritten.

    \b
    Example: gatewright import --gateway inference-prod --stage prod
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage, 3 could not reach or was refused.
    """
    from gateway_config.cloudflare.control_plane import ControlPlane
    from infra.importing_files import planned

    wanted = Wanted(config, stage, project, emulator, plugins)
    directory = config or project_of(project) / "gateway_config"
    engine = engine_of(wanted)
    id = gateway or _own_gateway(engine, directory)
    _require_its_stage(id, stage)
    with ControlPlane.from_environment(environment_of(wanted, os.environ)) as api:
        account = engine.settings().account
        engine.require_ready()
        settings = _gateway(api, account, id)
        found = list(_live(api, account, id, routes or []))
    plan = planned(directory, stage, settings, found)
    plan.write()
    engine.take_in(id, [(route.name, route.id) for route in found])
    if as_json:
        told = {"gateway": id, "routes": [route.name for route in found], "written": [*map(str, plan.files)]}
        typer.echo(json.dumps({**told, "notices": plan.notices}, indent=2))
        return
    for line in (*(f"wrote {file}" for file in plan.files), *plan.notices):
        typer.echo(line)
    typer.echo(f"in the stack: {', '.join(['gateway', *(route.name for route in found)])}")
    typer.echo(f"`gatewright preview --stage {stage}` shows what the next `up` would change.")


def _own_gateway(engine: Engine, directory: Path) -> str:
    if not (directory / "gateway.yaml").is_file():
        raise UsageError(
            f'There is no gateway.yaml in "{directory}" that says which gateway is meant. Name one with --gateway ID, '
            "or the folder of the config with --config DIR."
        )
    return engine.gateway_id


def _require_its_stage(id: str, stage: str) -> None:
    if not re.fullmatch(patterns.GATEWAY_ID, id):
        raise UsageError(f'A gateway is named like {patterns.EXAMPLES[patterns.GATEWAY_ID]}; found "{id}".')
    if id.endswith(f"-{stage}"):
        return
    rest, _, last = id.rpartition("-")
    way_on = (
        f"Name the stage by the last part of its name: --stage {last}."
        if rest and re.fullmatch(patterns.STAGE, last)
        else "Declare a new one with `gatewright up`, and lead the applications to it."
    )
    raise UsageError(
        f'Gateway "{id}" cannot be the one of stage {stage}: a gateway is named "<id>-<stage>", and Cloudflare '
        f"cannot rename one. {way_on}"
    )


def _gateway(api: ControlPlane, account: str, id: str) -> Mapping[str, Any]:
    from gateway_config.cloudflare.errors import NotFoundError

    path = f"/accounts/{account}/ai-gateway/gateways"
    try:
        settings: Mapping[str, Any] = api.get(f"{path}/{id}")
    except NotFoundError:
        known = sorted(str(one["id"]) for one in api.pages(path, "gateways", per_page=50))
        raise UsageError(f'The account has no gateway "{id}". It has {", ".join(known) or "none"}.') from None
    return settings


def _live(api: ControlPlane, account: str, gateway: str, names: list[str]) -> Iterator[LiveRoute]:
    from infra.provider.routes_api import Routes

    all_routes = Routes(api, account, gateway)
    known = all_routes.names()
    for name in dict.fromkeys(names) or sorted(known):
        live = all_routes.get(known[name]) if name in known else None
        if live is None:
            raise UsageError(f'Gateway "{gateway}" has no route "{name}". It has {", ".join(sorted(known)) or "none"}.')
        yield live
