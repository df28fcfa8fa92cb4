"""The typer app: where its commands come from, and the one place where an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points, version
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gateway_config.errors import GatewrightError

OWN = ("check", "show", "explain", "diff", "edit", "schema")
EXTENSIONS = "gatewright.commands"
RUNTIME = EntryPoint("runtime", "gateway_config.runtime.commands:register", EXTENSIONS)
CANNOT, INTERRUPTED, BROKEN_PIPE = 3, 130, 141


class Commands(TyperGroup):
    """A group that ends as documented, whatever its commands raise."""

    def invoke(self, ctx: Any) -> Any:
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result
        except GatewrightError as error:
            raise _end(str(error), error.exit_code) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            # The reader has gone; what is still buffered must not be complained about when Python exits.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(BROKEN_PIPE) from None
        except OSError as error:
            what = f'"{error.filename}": ' if error.filename else ""
            raise _end(f"{what}{error.strerror or error}.", CANNOT) from error


def _end(sentence: str, code: int) -> typer.Exit:
    typer.echo(sentence, err=True)
    return typer.Exit(code)


def app_for(words: Sequence[str]) -> typer.Typer:
    """The app with the commands that these words of a command line can mean; with all of them where none is named."""
    app = typer.Typer(
        name="gatewright",
        cls=Commands,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(gatewright)
    word = next((word for word in words if not word.startswith("-")), None)
    for own in OWN if word not in OWN else (word,):
        app.command()(getattr(import_module(f"gateway_config.commands.{own}"), own))
    if word not in OWN:
        _extend(app, word)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gatewright {version('gatewright')}")
        raise typer.Exit


def gatewright(
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=_show_version)
    ] = False,
) -> None:
    """Cloudflare AI Gateway as code: one routing config, checked, deployed and lived by.

    \b
    Example: gatewright check --stage prod
    Exit codes: 0 fine, 1 problems found, 2 wrong usage, 3 could not reach or was refused,
    7 changes or drift where none was expected.
    """


def _extend(app: typer.Typer, word: str | None) -> None:
    """Let other packages add their commands, until one knows the word. Those whose extra is missing are left out."""
    hints = []
    for extension in _extensions():
        try:
            register: Callable[[typer.Typer], None] = extension.load()
            register(app)
        except ModuleNotFoundError as error:
            extra = f'pip install "gatewright[{extension.name}]"'
            hints.append(f"The commands of {extension.name} need {error.name}: {extra}")
            continue
        if word in _names(app):
            return
    app.info.epilog = "\n\n".join(hints)
    if word is not None and hints:
        typer.echo(app.info.epilog, err=True)


def _extensions() -> Iterator[EntryPoint]:
    if find_spec(RUNTIME.module):
        yield RUNTIME
    yield from entry_points(group=EXTENSIONS)


def _names(app: typer.Typer) -> set[str]:
    commands = {own.name or own.callback.__name__.replace("_", "-") for own in app.registered_commands if own.callback}
    return commands | {group.name for group in app.registered_groups if group.name}
