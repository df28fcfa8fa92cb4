"""The commands of the client: `gatewright ask`, `image`, `embed`, `transcribe`, `speak`, and those on records."""

from __future__ import annotations

import typer

from gateway_config.runtime.commands import asking as asking_commands
from gateway_config.runtime.commands import records as record_commands


def register(app: typer.Typer) -> None:
    """Adds the commands to the app."""
    for command in (*asking_commands.COMMANDS, *record_commands.COMMANDS):
        app.command()(command)
