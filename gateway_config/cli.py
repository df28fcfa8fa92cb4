"""The `gatewright` command. It starts fast: a command's module is imported when its word is given."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line; ends by SystemExit with a documented code, never with a traceback for a user's mistake."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an arrow that a terminal cannot show is no reason to fail
    try:
        from gateway_config.commands.app import app_for

        app_for(sys.argv[1:])(prog_name="gatewright")
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        print('the command line needs the extra "cli": pip install "gatewright[cli]"', file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
