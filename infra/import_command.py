"""`gatewright import`: what exists at Cloudflare becomes part of the config and of the stack."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway_config.commands.options import ConfigOption, StageOption
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
    from gateway_config.cloudflare.control_plane import ControlPlane
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
) -> None:
    """Take a gateway and its routes into the config and the stack. No file that exists is overwritten.

    \b
    Example: gatewright import --gateway inference-prod --stage prod
    Exit codes: 0 fine, 1 problems in the config, 2 wrong usage, 3 could not reach or was refused.
    """
    from gateway_config.cloudflare.control_plane import ControlPlane

    wanted = Wanted(config, stage, project, emulator, plugins)
    directory = config or project_of(project) / "gateway_config"
    engine = engine_of(wanted)
    id = gateway or engine.gateway_id
    if not id.endswith(f"-{stage}"):
        raise UsageError(
            f'Gateway "{id}" cannot be the one of stage {stage}: a gateway is named "<id>-<stage>", and Cloudflare '
            f"cannot rename one. Name the stage by the last part of its name: --stage {id.rsplit('-', 1)[-1]}."
        )
    with ControlPlane.from_environment(environment_of(wanted, os.environ)) as api:
        account = engine.settings().account
        settings = api.get(f"/accounts/{account}/ai-gateway/gateways/{id}")
        found = list(_live(api, account, id, routes or []))
    for line in _write(settings, stage, directory, found):
        typer.echo(line)
    engine.take_in(id, [(route.name, route.id) for route in found])
    typer.echo(f"in the stack: {', '.join(['gateway', *(route.name for route in found)])}")
    typer.echo(f"`gatewright preview --stage {stage}` shows what the next `up` would change.")


def _live(api: ControlPlane, account: str, gateway: str, names: list[str]) -> Iterator[LiveRoute]:
    from infra.provider.routes_api import Routes

    all_routes = Routes(api, account, gateway)
    known = all_routes.names()
    for name in names or sorted(known):
        live = all_routes.get(known[name]) if name in known else None
        if live is None:
            raise UsageError(f'Gateway "{gateway}" has no route "{name}". It has {", ".join(sorted(known)) or "none"}.')
        yield live


def _write(settings: Mapping[str, Any], stage: str, directory: Path, found: list[LiveRoute]) -> Iterator[str]:
    from gateway_config.load import load
    from infra import importing
    from infra.importing_gateway import gateway_yaml

    if strange := [route.name for route in found if not importing.can_be_a_file(route.name)]:
        raise UsageError(f'Route "{strange[0]}" has a name that no file of a route can have: rename it first.')
    gateway = gateway_yaml(settings, settings["id"].removesuffix(f"-{stage}"), importing.models_of(found))
    if importing.write_new(directory / "gateway.yaml", gateway.text):
        yield f"wrote {directory / 'gateway.yaml'}"
        yield from (f"  not carried over, so the next `up` takes it away: {sentence}" for sentence in gateway.left_out)
        for variable, url in gateway.variables.items():
            yield f"  export {variable} before `preview` and `up`: what authorizes {url} stands in no file"
    models = load(directory, stage).file.models  # what was there already may name them otherwise, or lack some
    for route in found:
        written = importing.route_yaml(route, stage, models)
        if importing.write_new(directory / "routes" / f"{route.name}.yaml", written.text):
            yield f"wrote {directory / 'routes' / f'{route.name}.yaml'}"
            if not written.is_exact:
                yield "  its graph has a form that compiles to another one; preview shows the difference"
