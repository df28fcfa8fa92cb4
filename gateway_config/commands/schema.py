"""`gatewright schema`: JSON Schemas for the editors of those who write the YAML."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from gateway_config import schema as schemas
from gateway_config.commands.lookup import to_json
from gateway_config.commands.options import ConfigOption, JsonOption, config_directory


class File(StrEnum):
    """The sorts of YAML files."""

    GATEWAY = "gateway"
    ROUTE = "route"


def schema(
    file: Annotated[File | None, typer.Argument(metavar="gateway|route", help="Print this schema, write none.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say which files are not up to date.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the JSON Schemas of the YAML files.

    They go into the folder `schemas` beside gateway.yaml, where a first line of a file names its own for editors:

    \b
    # yaml-language-server: $schema=../schemas/route.schema.json

    \b
    Example: gatewright schema --check
    Exit codes: 0 written, printed or up to date, 1 not up to date (with --check), 2 wrong usage.
    """
    texts = schemas.texts()
    if file is not None:
        typer.echo(texts[schemas.file_name(file.value)], nl=False)
        return
    folder = config_directory(config) / schemas.FOLDER
    stale = schemas.stale(folder)
    for path in () if check else stale:
        folder.mkdir(exist_ok=True)
        path.write_text(texts[path.name], "utf-8")
    if as_json:
        typer.echo(to_json({"stale" if check else "written": [str(path) for path in stale]}))
    for path in () if as_json else stale:
        typer.echo(f"{path}: {'not up to date; gatewright schema writes it' if check else 'written'}")
    if check and stale:
        raise typer.Exit(1)
