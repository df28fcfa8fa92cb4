"""docs/commands.md is what the commands say of themselves; `pytest --accept` writes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from typer.main import get_command

from gateway_config.commands.app import app_for
from tests.small_config import run

HEAD = """\
# The command

What each command says with `--help`. [The config](config.md) is the folder of `--config DIR`, else of
`GATEWRIGHT_CONFIG`, else `./gateway_config`, else that of the installed package; most commands take `--stage NAME`
(`GATEWRIGHT_STAGE`, default `dev`) and `--json`.

| exit code | means |
|---|---|
| 0 | fine |
| 1 | problems were found |
| 2 | wrong usage: an option, a route, an arm or a revision that does not exist |
| 3 | something could not be reached, or refused |
| 7 | changes or drift where none were expected |
| 130 | interrupted (Ctrl-C) |

| variable | means |
|---|---|
| `CLOUDFLARE_ACCOUNT_ID` | the account |
| `CLOUDFLARE_API_TOKEN` | the token for Cloudflare's API: `up`, `preview`, `verify`, … ([which one](stages.md)) |
| `GATEWRIGHT_TOKEN` | the serve token: `ask`, `image` and the others that ask a model |
| `GATEWRIGHT_STAGE`, `GATEWRIGHT_CONFIG`, `GATEWRIGHT_RECORDS` | defaults of `--stage`, `--config`, `--records` |
| `PULUMI_CONFIG_PASSPHRASE`, `PULUMI_CONFIG_PASSPHRASE_FILE`, `PULUMI_BACKEND_URL` | [the state](stages.md) |
| `GATEWRIGHT_CALLS_PER_S` | at most so many calls of our provider a second ([Cloudflare's limit](speed.md)) |
| `GATEWRIGHT_CONFIG_BUCKET`, `GATEWRIGHT_CONFIG_KEY` | where [a client](client.md) reads the published config |
| `GATEWRIGHT_CONFIG_TOKEN_ID`, `GATEWRIGHT_CONFIG_TOKEN` | … and with which token |
| `GATEWRIGHT_USAGE_BUCKET`, `GATEWRIGHT_USAGE_TOKEN_ID`, `GATEWRIGHT_USAGE_TOKEN` | where `ship` brings records |
| `GATEWRIGHT_R2_JURISDICTION` | that of those buckets, where it is not the default |
| `GATEWRIGHT_CACHE_NAMESPACE` | a part of every cache key ([client](client.md)) |
| `CLOUDFLARE_BASE_URL`, `GATEWRIGHT_URL`, `GATEWRIGHT_R2_URL` | [an emulator](emulator.md) instead |
| `GATEWRIGHT_PYTHON` | the Python that has Gatewright, where plain `pulumi` finds none by itself |
| `GATEWRIGHT_PULUMI_RELEASES`, `PYTHON` | of `scripts/setup`: a mirror of Pulumi's releases, the interpreter |
| `NO_COLOR` | no colours |
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
