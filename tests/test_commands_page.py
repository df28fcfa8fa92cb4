"""docs/commands.md is what the commands say of themselves; `pytest --accept` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from typer.main import get_command

from gateway_config.commands.app import app_for
from tests.small_config import run

HEAD = """\
# The command

What each command says with `--help`. Every one takes the config from `--config DIR`, else from `GATEWRIGHT_CONFIG`,
else from `./gateway_config`, else from the installed package; most take `--stage NAME` (`GATEWRIGHT_STAGE`, default
`dev`) and `--json`.

| exit code | means |
|---|---|
| 0 | fine |
| 1 | problems were found |
| 2 | wrong usage: an option, a route, an arm or a revision that does not exist |
| 3 | something could not be reached, or refused |
| 7 | changes or drift where none were expected |
| 130 | interrupted (Ctrl-C) |
"""


def words_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words that name each command, those of groups included."""
    inner = getattr(command, "commands", {})
    for name in inner:
        yield from words_of(inner[name], (*words, name))
    if not inner:
        yield words


def page() -> str:
    sections = [HEAD]
    for words in words_of(get_command(app_for([]))):
        said = run(*words, "--help").stdout.strip()
        said = "\n".join(line.rstrip() for line in said.splitlines())
        sections.append(f"## gatewright {' '.join(words)}\n\n```text\n{said}\n```\n")
    return "\n".join(sections)


def test_the_page_of_commands_is_what_they_say(golden: Callable[[str, str], None]) -> None:
    golden("../../docs/commands.md", page())
