"""What the commands of infra share: the options that say where to work, and what they mean."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway_config import patterns
from gateway_config.errors import UsageError
from gateway_config.problems import shown

if TYPE_CHECKING:
    from infra.engine import Engine

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
    typer.Option(
        "--plugins",
        metavar="DIR",
        help="A folder with further Pulumi plugins, looked at first.",
        exists=True,
        file_okay=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stage, of which config, in which project."""

    config: Path | None
    stage: str
    project: Path | None
    emulator: str | None
    plugins: Path | None


def engine_of(wanted: Wanted, progress: Callable[[str], None] = lambda step: None) -> Engine:
    """The engine on the stage that is wanted."""
    from infra.engine import Engine

    require_stage(wanted.stage)
    environment = environment_of(wanted, os.environ)
    return Engine(project_of(wanted.project), wanted.stage, wanted.config, environment, progress)


def require_stage(name: str) -> None:
    """Raises UsageError for what can be no stage, before it becomes a part of a file's name."""
    if not re.fullmatch(patterns.STAGE, name):
        raise UsageError(f"A stage is named like {patterns.EXAMPLES[patterns.STAGE]}; found {shown(name)}.")


def project_of(named: Path | None) -> Path:
    """The folder with Pulumi.yaml: the named one, else the first on the way up from here."""
    start = (named or Path.cwd()).resolve()
    for folder in (start,) if named else (start, *start.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise UsageError(
        f"there is no Pulumi.yaml in {start}{'' if named else ' or above'}. Name its folder with --project."
    )


def environment_of(wanted: Wanted, told: Mapping[str, str]) -> dict[str, str]:
    """The environment, pointed at an emulator where one is named."""
    environment = dict(told)
    if wanted.emulator:
        url = wanted.emulator.rstrip("/")
        environment |= {"CLOUDFLARE_BASE_URL": f"{url}/client/v4", "GATEWRIGHT_URL": f"{url}/v1"}
        environment.setdefault("CLOUDFLARE_API_TOKEN", "test-" * 8)
        environment.setdefault("CLOUDFLARE_ACCOUNT_ID", "test-account")
    if wanted.plugins:
        environment["PATH"] = f"{wanted.plugins.resolve()}{os.pathsep}{environment.get('PATH', '')}"
    return environment
