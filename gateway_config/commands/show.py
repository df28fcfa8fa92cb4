"""`gatewright show`: what a route compiles to."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from pydantic_core import to_jsonable_python

from gateway_config.commands.lookup import compiled_config, named_route, to_json
from gateway_config.commands.options import STAGE, ConfigOption, JsonOption, StageOption
from gateway_config.compiled import CompiledRoute
from gateway_config.errors import UsageError
from gateway_config.telling import show as drawing


class Format(StrEnum):
    """What a route is shown as."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"
    WIRE = "wire"


def show(
    route: Annotated[str | None, typer.Argument(metavar="ROUTE", help="A route or an intent.")] = None,
    format: Annotated[
        Format, typer.Option("--format", help="wire: the elements as Cloudflare takes them.")
    ] = Format.TREE,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Show a route as it is compiled. Without one: a table of all routes.

    \b
    Example: gatewright show quick-chat --format mermaid
    Exit codes: 0 shown, 1 the config has problems, 2 there is no such route.
    """
    compiled = compiled_config(config, stage)
    format = Format.JSON if as_json else format
    if route is None and format in (Format.MERMAID, Format.WIRE):
        raise UsageError(f"{format.value} is a form of one route. Name it: {', '.join(compiled.routes)}.")
    if route is None:
        typer.echo(to_json(drawing.table_data(compiled)) if format is Format.JSON else drawing.table(compiled))
    else:
        typer.echo(_drawn(named_route(compiled, route), format))


def _drawn(route: CompiledRoute, format: Format) -> str:
    if format is Format.TREE:
        return drawing.tree(route)
    if format is Format.MERMAID:
        return drawing.mermaid(route)
    return to_json(list(route.elements) if format is Format.WIRE else to_jsonable_python(route))
