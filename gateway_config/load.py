"""Files → config: read everything, say everything that is wrong, and give a config only where nothing is."""

from __future__ import annotations

import datetime
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import ValidationError

from gateway_config import patterns
from gateway_config.collection import without_collection
from gateway_config.config import GatewayConfig, GatewayFile, Part, Route, Source
from gateway_config.errors import ConfigError, UsageError
from gateway_config.misfits import problems_of
from gateway_config.problems import Place, Problem, Severity, printable, shown
from gateway_config.reading import LARGEST_BYTES, Document
from gateway_config.rules import RULES, check
from gateway_config.stray_files import GATEWAY, ROUTES, is_route, require_gateway, strays

# Of one file; whoever has more of them starts with these.
MOST_PROBLEMS = 100
_PartT = TypeVar("_PartT", bound=Part)


@without_collection()
def load(directory: FilePath, stage: str) -> GatewayConfig:
    """The config of one stage. Raises ConfigError with all problems of all files, in order of place."""
    return load_documents(read(directory), stage)


def load_documents(documents: Sequence[Document], stage: str) -> GatewayConfig:
    """As `load`, for files that were read already (gateway.yaml first)."""
    config, problems = examine_documents(documents, stage)
    errors = [problem for problem in problems if _stops(problem)]
    if errors or config is None:
        raise ConfigError(errors)
    return config


def _stops(problem: Problem) -> bool:
    """Whether nothing can go on; what depends on the day fails `check`, and never a program that worked yesterday."""
    dated = problem.rule in RULES and RULES[problem.rule].dated
    return problem.severity is Severity.ERROR and not dated


@without_collection()
def examine(
    directory: FilePath, stage: str, today: datetime.date | None = None
) -> tuple[GatewayConfig | None, list[Problem]]:
    """The config of one stage, if its files can be read at all, and every problem of any severity on that day."""
    return examine_documents(read(directory), stage, today)


@without_collection()
def read(directory: FilePath) -> list[Document]:
    """The files of a config folder, gateway.yaml first. Raises UsageError where there is none.

    Files that look like config and are not read are warnings beside the problems of gateway.yaml.
    """
    shown_directory = _shown_path(directory)
    require_gateway(directory, shown_directory)
    names = [GATEWAY, *(f"{ROUTES}/{name}" for name in _route_files(directory, shown_directory))]
    documents = [_read_file(f"{directory}/{name}", os.path.normpath(f"{shown_directory}/{name}")) for name in names]
    documents[0].problems += strays(directory, shown_directory)
    return documents


def _route_files(directory: FilePath, shown_directory: str) -> list[str]:
    try:
        found = os.listdir(directory / ROUTES)
    except FileNotFoundError:  # a gateway may do without routes
        return []
    except OSError as error:
        raise UsageError(f'the folder "{shown_directory}/{ROUTES}" cannot be read: {error.strerror}.') from None
    return sorted(name for name in found if is_route(f"{ROUTES}/{name}"))


def _read_file(path: str, name: str) -> Document:
    name = printable(name)
    try:
        return Document(name, _content(path))
    except OSError as error:
        return Document.unread(name, error.strerror or "the system refused")


def _content(path: str) -> bytes:
    """What a file holds, as far as it is read at all; a pipe is not waited for."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file")
        content = os.read(descriptor, min(status.st_size, LARGEST_BYTES) + 1)
        if len(content) != min(status.st_size, LARGEST_BYTES + 1):  # half of what is being saved is a wrong value
            raise OSError(errno.EAGAIN, "it has changed while it was read")
        return content
    finally:
        os.close(descriptor)


@without_collection()
def examine_documents(
    documents: Sequence[Document], stage: str, today: datetime.date | None = None
) -> tuple[GatewayConfig | None, list[Problem]]:
    """As `examine`, for files that were read already (gateway.yaml first)."""
    require_stage(stage)
    gateway, *routes = (Source(document, stage) for document in documents)
    problems = [problem for document in documents for problem in document.problems]
    problems += [problem for source in (gateway, *routes) for problem in _stage_problems(source)]
    file = _validated(GatewayFile, gateway, problems)
    named = _by_name(routes, problems)
    parsed = {name: _validated(Route, source, problems) for name, source in named.items()}
    whole = {name: route for name, route in parsed.items() if route is not None and _names_a_route(name)}
    if file is None:
        return None, sorted(set(problems))
    config = GatewayConfig(stage, file, whole, gateway, named)
    complete = len(whole) == len(routes)
    found = check(config, today or datetime.date.today(), complete=complete)
    return config if complete else None, sorted({*problems, *found})


def require_stage(stage: str) -> None:
    """Raises UsageError for a text that no stage can be called."""
    if not re.fullmatch(patterns.STAGE, stage):
        expected = 'a stage is named like "dev": lower-case letters and digits, at most 16'
        raise UsageError(f"{expected}; found {shown(stage)}.")


def _shown_path(path: FilePath) -> str:
    """A path as a user would write it: relative where that is shorter."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(FilePath.cwd()) else str(path)
    except (OSError, RuntimeError):  # a link that leads to itself
        return str(path)


def _by_name(sources: Iterable[Source], problems: list[Problem]) -> dict[str, Source]:
    """Routes by their names, which are their files' names."""
    named: dict[str, Source] = {}
    for source in sources:
        name = os.path.splitext(os.path.basename(source.document.name))[0]
        if not _names_a_route(name):
            expected = (
                f'a route is named by its file, like "quick-chat.yaml", in at most {patterns.LONGEST_NAME} characters'
            )
            message = f"{expected}; found {shown(name)}. Rename the file, or remove it if it is a copy."
            problems.append(Problem(Place(source.document.name, 1, 1), "route-name", message))
        elif name in named:
            message = f'"{named[name].document.name}" is the route "{name}" already. Keep one of the two files.'
            problems.append(Problem(Place(source.document.name, 1, 1), "route-name", message))
        named.setdefault(name, source)
    return named


def _names_a_route(name: str) -> bool:
    return re.fullmatch(patterns.NAME, name) is not None and len(name) <= patterns.LONGEST_NAME


def _stage_problems(source: Source) -> Iterator[Problem]:
    stages = source.document.data.get("stages")
    if stages is None:
        return
    if not isinstance(stages, dict):
        message = f"`stages` maps a stage to the keys that it replaces; found {shown(stages)}."
        yield Problem(source.document.place(("stages",)), "wrong-type", message)
        return
    for stage, keys in stages.items():
        if not isinstance(keys, dict):
            message = f'the stage "{stage}" lists the keys that it replaces, such as `split`; found {shown(keys)}.'
            yield Problem(source.document.place(("stages", stage)), "wrong-type", message)
        elif "stages" in keys:
            message = "a stage cannot have stages of its own. Name each under the `stages` of the route."
            yield Problem(source.document.place(("stages", stage, "stages"), key=True), "unknown-key", message)
        elif not re.fullmatch(patterns.STAGE, stage):
            message = f'a stage is named like "dev": lower-case letters and digits; found {shown(stage)}.'
            yield Problem(source.document.place(("stages", stage), key=True), "wrong-value", message)


def _validated(part: type[_PartT], source: Source, problems: list[Problem]) -> _PartT | None:
    """The config class of a file, or None, with what is wrong added to the problems."""
    if not source.document.is_whole:
        return None
    try:
        return part.model_validate(source.data())
    except ValidationError as error:
        taken = {problem.place for problem in source.document.problems}
        found = problems_of(part, source, error)[:MOST_PROBLEMS]
        fresh = {problem.place: problem for problem in reversed(found) if problem.place not in taken}
        problems.extend(fresh.values())
        return None
