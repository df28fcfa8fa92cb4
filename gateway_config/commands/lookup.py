"""From what a command line names to what it means: the compiled config, and a route of it."""

from __future__ import annotations

import json
from pathlib import Path

from gateway_config.commands.options import config_directory
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.errors import UsageError
from gateway_config.load import load
from gateway_config.problems import shown
from gateway_config.rules.registry import did_you_mean


def compiled_config(config: Path | None, stage: str) -> CompiledConfig:
    """The compiled config of a stage; raises ConfigError with all its problems."""
    return compile_config(load(config_directory(config), stage))


def named_route(compiled: CompiledConfig, name: str) -> CompiledRoute:
    """The route of this name, or the one that claims this intent."""
    known = compiled.routes.get(name) or compiled.routes.get(compiled.intents.get(name, ""))
    if known is None:
        names = {*compiled.routes, *compiled.intents}
        raise UsageError(f"there is no route or intent {shown(name)}. {did_you_mean(name, names)}")
    return known


def to_json(data: object) -> str:
    """JSON as every command prints it."""
    return json.dumps(data, indent=2, ensure_ascii=False)
