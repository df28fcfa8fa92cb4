"""Files → config: read everything, say everything that is wrong, and give a config only where nothing is."""

from __future__ import annotations

import datetime
import difflib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway_config.config import NAME_PATTERN, STAGE_PATTERN, GatewayConfig, GatewayFile, Part, Route, Source
from gateway_config.errors import ConfigError, UsageError
from gateway_config.problems import Place, Problem, Severity, printable, shown
from gateway_config.reading import LARGEST_BYTES, Document, Path
from gateway_config.rules import RULES, check
from gateway_config.stray_files import GATEWAY, ROUTES, misnamed, strays

# Of one file; whoever has more of them starts with these.
MOST_PROBLEMS = 100
_PartT = TypeVar("_PartT", bound=Part)


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


def examine(
    directory: FilePath, stage: str, today: datetime.date | None = None
) -> tuple[GatewayConfig | None, list[Problem]]:
    """The config of one stage, if its files can be read at all, and every problem of any severity on that day."""
    return examine_documents(read(directory), stage, today)


def read(directory: FilePath) -> list[Document]:
    """The files of a config folder, gateway.yaml first. Raises UsageError where there is none.

    Files that look like config and are not read are warnings beside the problems of gateway.yaml.
    """
    shown_directory = _shown_path(directory)
    if not (directory / GATEWAY).is_file():
        where = f'there is no {GATEWAY} in "{shown_directory}"'
        raise UsageError(f"{where}. Name the folder of the config with --config DIR.{misnamed(directory)}")
    # Editors leave hidden files.
    found = (file.name for file in (directory / ROUTES).glob("*.y*ml") if not file.name.startswith("."))
    routes = sorted(name for name in found if name.endswith((".yaml", ".yml")))
    names = [GATEWAY, *(f"{ROUTES}/{name}" for name in routes)]
    documents = [_read_file(f"{directory}/{name}", os.path.normpath(f"{shown_directory}/{name}")) for name in names]
    documents[0].problems += strays(directory, shown_directory)
    return documents


def _read_file(path: str, name: str) -> Document:
    name = printable(name)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # a pipe or a device would be read for ever
            return Document.unread(name, "it is no regular file")
        with open(path, "rb") as opened:
            return Document(name, opened.read(min(status.st_size, LARGEST_BYTES) + 1))
    except OSError as error:
        return Document.unread(name, error.strerror or "the system refused")


def examine_documents(
    documents: Sequence[Document], stage: str, today: datetime.date | None = None
) -> tuple[GatewayConfig | None, list[Problem]]:
    """As `examine`, for files that were read already (gateway.yaml first)."""
    if not re.fullmatch(STAGE_PATTERN, stage):
        raise UsageError(
            f'a stage is named like "dev": lower-case letters and digits, at most 16; found {shown(stage)}'
        )
    gateway, *routes = (Source(document, stage) for document in documents)
    problems = [problem for document in documents for problem in document.problems]
    problems += [problem for source in (gateway, *routes) for problem in _stage_problems(source)]
    file = _validated(GatewayFile, gateway, problems)
    parsed = {name: _validated(Route, source, problems) for name, source in _by_name(routes, problems).items()}
    whole = {name: route for name, route in parsed.items() if route is not None}
    if file is None:
        return None, sorted(set(problems))
    config = GatewayConfig(stage, file, whole, gateway, {_name(source): source for source in routes})
    complete = len(whole) == len(routes)
    found = check(config, today or datetime.date.today(), complete=complete)
    return config if complete else None, sorted({*problems, *found})


def _shown_path(path: FilePath) -> str:
    """A path as a user would write it: relative where that is shorter."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(FilePath.cwd()) else str(path)
    except (OSError, RuntimeError):  # a link that leads to itself
        return str(path)


def _name(source: Source) -> str:
    return os.path.splitext(os.path.basename(source.document.name))[0]


def _by_name(sources: Iterable[Source], problems: list[Problem]) -> dict[str, Source]:
    """Routes by their names, which are their files' names."""
    named: dict[str, Source] = {}
    for source in sources:
        name = _name(source)
        if not re.fullmatch(NAME_PATTERN, name):
            message = f'a route is named by its file, like "quick-chat.yaml"; found {shown(name)}. Rename the file.'
            problems.append(Problem(Place(source.document.name, 1, 1), "route-name", message))
        elif name in named:
            message = f'"{named[name].document.name}" is the route "{name}" already. Keep one of the two files.'
            problems.append(Problem(Place(source.document.name, 1, 1), "route-name", message))
        named.setdefault(name, source)
    return named


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
        elif not re.fullmatch(STAGE_PATTERN, stage):
            message = f'a stage is named like "dev": lower-case letters and digits; found {shown(stage)}.'
            yield Problem(source.document.place(("stages", stage), key=True), "wrong-value", message)


# --- what pydantic found, in our words ----------------------------------------------------------------------------


def _validated(part: type[_PartT], source: Source, problems: list[Problem]) -> _PartT | None:
    """The config class of a file, or None, with what is wrong added to the problems."""
    if not source.document.is_whole:
        return None
    try:
        return part.model_validate(source.data())
    except ValidationError as error:
        taken = {problem.place for problem in source.document.problems}
        found = [_problem(part, source, detail) for detail in error.errors(include_url=False)[:MOST_PROBLEMS]]
        fresh = {problem.place: problem for problem in reversed(found) if problem.place not in taken}
        problems.extend(fresh.values())
        return None


def _problem(part: type[BaseModel], source: Source, detail: ErrorDetails) -> Problem:
    path = _written_path(source.data(), detail["loc"])
    if detail["type"] == "extra_forbidden":
        return Problem(source.place(path, key=True), "unknown-key", _unknown_key(part, path))
    if detail["type"] == "missing":
        return Problem(source.place(path[:-1]), "missing-key", f'the key "{path[-1]}" is missing here. Add it.')
    name = ".".join(str(step) for step in path)
    rule = "wrong-value" if detail["type"] in _EXPECTED_VALUE else "wrong-type"
    return Problem(source.place(path), rule, f"`{name}` {_expected(detail)}; found {shown(detail['input'])}.")


def _written_path(data: Any, loc: tuple[int | str, ...]) -> Path:
    """pydantic's location without the steps that are not in the YAML (the branches of a union, `[key]`)."""
    path: list[int | str] = []
    for number, step in enumerate(loc):
        last = number == len(loc) - 1
        if isinstance(data, dict) and (step in data or (last and step not in _UNWRITTEN)):
            path.append(step)
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            path.append(step)
            data = data[step]
    return tuple(path)


_UNWRITTEN = frozenset({"[key]", "int", "str", "constrained-int", "constrained-str", "literal['rest']"})


def _unknown_key(part: type[BaseModel], path: Path) -> str:
    known = _fields_at(part, path[:-1])
    near = difflib.get_close_matches(str(path[-1]), known, 1)
    hint = f' Did you mean "{near[0]}"?' if near else f" Known here: {', '.join(known)}." if known else ""
    return f"the key {shown(str(path[-1]))} is not known here.{hint}"


def _fields_at(part: type[BaseModel], path: Path) -> list[str]:
    """The keys that the class at this path knows."""
    found: list[type[BaseModel]] = [part]
    for step in path:
        inner: list[type[BaseModel]] = []
        for candidate in found:
            field = candidate.model_fields.get(str(step))
            inner += _classes(field.annotation) if field else []
        found = inner or found
    return [field.alias or name for candidate in found for name, field in candidate.model_fields.items()]


def _classes(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for argument in get_args(annotation) for found in _classes(argument)]


_EXPECTED_VALUE: Mapping[str, str] = {
    "literal_error": "is one of {expected}",
    "string_pattern_mismatch": "is written like {pattern}",
    "string_too_long": "has at most {max_length} characters",
    "string_too_short": "is not empty",
    "greater_than": "is greater than {gt}",
    "greater_than_equal": "is at least {ge}",
    "less_than": "is less than {lt}",
    "less_than_equal": "is at most {le}",
    "too_short": "has at least {min_length} entry",
    "too_long": "has at most {max_length} entries",
    "value_error": "{error}",
}
_EXPECTED_TYPE: Mapping[str, str] = {
    "int_type": "is a whole number, without quotes",
    "float_type": "is a number, without quotes",
    "decimal_type": 'is an amount of money, such as "0.100"',
    "is_instance_of": 'is an amount of money, such as "0.100"',
    "bool_type": "is true or false, without quotes",
    "string_type": "is a text",
    "date_type": "is a day, such as 2027-02-01, without quotes",
    "dict_type": "is a mapping of keys",
    "model_type": "is a mapping of keys",
    "model_attributes_type": "is a mapping of keys",
    "tuple_type": "is a list",
    "list_type": "is a list",
}


def _expected(detail: ErrorDetails) -> str:
    template = _EXPECTED_VALUE.get(detail["type"]) or _EXPECTED_TYPE.get(detail["type"], "is not as expected")
    return template.format(**{key: _readable(value) for key, value in detail.get("ctx", {}).items()})


def _readable(value: Any) -> str:
    """Patterns as an example, everything else as it is."""
    return _EXAMPLES.get(str(value), str(value))


_EXAMPLES: Mapping[str, str] = {
    NAME_PATTERN: '"quick-chat" (lower-case letters, digits and hyphens)',
    STAGE_PATTERN: '"dev" (lower-case letters and digits)',
}
