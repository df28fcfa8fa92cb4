"""Which files of a config folder are read, and those that nobody reads, though whoever put them there may think so."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from gateway_config.errors import UsageError
from gateway_config.problems import Place, Problem, Severity, printable

GATEWAY, ROUTES = "gateway.yaml", "routes"
_SUFFIXES = (".yaml", ".yml", ".json")
# Of those that are looked at; a folder of something else is not walked through for ever.
_MOST_FILES = 100_000


def is_route(name: str) -> bool:
    """Whether a file is read as a route, by its name in the config folder (`routes/chat.yaml`); hidden ones are not."""
    folder, _, file = name.rpartition("/")
    return folder == ROUTES and file.endswith((".yaml", ".yml")) and not file.startswith(".")


def strays(directory: Path, shown: str) -> list[Problem]:
    """A warning for each file of a config folder that looks like config and is not read; `shown` names the folder."""
    return ignored((name, os.path.normpath(f"{shown}/{name}")) for name in _names(directory))


def ignored(files: Iterable[tuple[str, str]]) -> list[Problem]:
    """A warning for each of these files that is not read: its name in the config folder, and as a user names it."""
    told = [(shown, way_on) for name, shown in files if (way_on := _way_on(name)) is not None]
    return [
        Problem(Place(printable(shown), 1, 1), "file-ignored", f"this file is not read. {way_on}", Severity.WARNING)
        for shown, way_on in sorted(told)
    ]


def _names(directory: Path) -> Iterator[str]:
    """The files right in a config folder, and all below its routes, as `routes/chat.yaml`."""
    yield from (entry.name for entry in os.scandir(directory) if not entry.is_dir())
    routes = os.path.join(directory, ROUTES)
    below = (
        f"{ROUTES}{folder.removeprefix(routes)}/{name}".replace(os.sep, "/")
        for folder, _, names in os.walk(routes)
        for name in names
    )
    yield from islice(below, _MOST_FILES)


def _way_on(name: str) -> str | None:
    """What to do about a file, or None where it is read, or means to be no config."""
    folder, _, file = name.rpartition("/")
    stem, suffix = os.path.splitext(file)
    if is_route(name) or suffix.lower() not in _SUFFIXES or any(part.startswith(".") for part in name.split("/")):
        return None
    if folder == "":
        wanted = stem.lower() == "gateway" and file != GATEWAY
        return f"Put what it says into {GATEWAY}, and remove it." if wanted else None
    if folder != ROUTES:
        return f"A route is a file right in {ROUTES}: move it there, or out of the folder."
    return f"Rename it to {ROUTES}/{stem.lower()}.yaml, or move it out of the folder."


def require_gateway(directory: Path, shown: str) -> None:
    """Raises UsageError for a folder without gateway.yaml; `shown` is its name as a user would write it."""
    if directory.is_file():
        raise UsageError(f'"{shown}" is a file. Name the folder that it is in with --config DIR.')
    if not (directory / GATEWAY).is_file():
        where = f'there is no {GATEWAY} in "{shown}". Name the folder of the config with --config DIR.'
        raise UsageError(f"{where}{_misnamed(directory)}")


def _misnamed(directory: Path) -> str:
    """A hint for a folder without gateway.yaml that has one under another name; else nothing."""
    try:
        found = sorted(name for name in os.listdir(directory) if _way_on(name) is not None)
    except OSError:
        return ""
    return f" There is {found[0]}: rename it to {GATEWAY}." if found else ""
