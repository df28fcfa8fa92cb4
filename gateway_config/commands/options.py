"""The options that every command shares, so that they are spelled and explained once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from gateway_config.stray_files import GATEWAY, require_gateway

CONFIG_VARIABLE = "GATEWRIGHT_CONFIG"
STAGE_VARIABLE = "GATEWRIGHT_STAGE"
STAGE = "dev"
_HERE = Path("gateway_config")
_INSTALLED = Path(__file__).parent.parent

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="DIR",
        envvar=CONFIG_VARIABLE,
        help="The folder with gateway.yaml. Default: ./gateway_config, else the installed package's own.",
    ),
]
StageOption = Annotated[
    str, typer.Option("--stage", metavar="NAME", envvar=STAGE_VARIABLE, help="The stage to look at.")
]
# For commands in which a stage narrows what is meant: only what stands in the command line counts.
OneStageOption = Annotated[str | None, typer.Option("--stage", metavar="NAME", help="This stage only.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def config_directory(config: Path | None) -> Path:
    """The folder of the config: what was named, else ./gateway_config, else the installed package's."""
    if config is None:
        return _HERE if (_HERE / GATEWAY).is_file() else _INSTALLED
    require_gateway(config, os.fspath(config))
    return config
