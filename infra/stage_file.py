"""Pulumi.<stage>.yaml: what is wrong in it, each with its place, what was expected, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway_config.misfits import fields_at
from gateway_config.problems import Place, Problem, looks_like_credential, shown
from gateway_config.rules.registry import near_miss

RULE = "stage-config"
NAMESPACE = "gatewright:"
Keys = Sequence[str | int]


def problems_of(error: ValidationError, model: type[BaseModel], file: Path) -> list[Problem]:
    """One problem for each complaint about the config of a stage, in order of place."""
    found = [_problem(one, model, file) for one in error.errors(include_url=False)]
    return sorted(found, key=lambda problem: problem.place)


def credentials_in(config: Mapping[str, Any], file: Path) -> Iterator[Problem]:
    """A token in plain text would end up in version control. It is never shown."""
    for keys, text in _texts(config, ()):
        # An account id is 32 hexadecimal digits and no secret, although it looks like one.
        if looks_like_credential(text, is_id=keys == (f"{NAMESPACE}account",)):
            name = ".".join(map(str, keys))
            yield Problem(
                place_of(file, keys),
                RULE,
                f"{name} looks like a credential. Remove it, revoke it, and export a new one as a variable.",
            )


def _texts(value: Any, keys: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, Mapping) and value.keys() != {"secure"}:  # what Pulumi has encrypted
        for key, item in value.items():
            yield from _texts(item, (*keys, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, (*keys, number))


def place_of(file: Path, keys: Keys, *, key: bool = False) -> Place:
    """Where a value of `config:` stands, or its key; the nearest thing around it where it is not written."""
    name = str(file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file)
    text = file.read_text() if file.exists() else ""
    node, mark = yaml.compose(text, Loader=yaml.SafeLoader) if text else None, None
    for step in ("config", *keys):
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in pairs if pair[0].value == str(step)), None)
        if found is None:
            break
        mark = found[0].start_mark if key or isinstance(found[1], yaml.CollectionNode) else found[1].start_mark
        node = found[1]
    return Place(name, mark.line + 1, mark.column + 1) if mark else Place(name, 1, 1)


def _problem(error: ErrorDetails, model: type[BaseModel], file: Path) -> Problem:
    # Pydantic marks what is wrong with a key itself by a last step of its own.
    steps = [step for step in error["loc"] if step != "[key]"]
    keys = [f"{NAMESPACE}{steps[0]}", *steps[1:]] if steps else []
    is_key = error["type"] == "extra_forbidden" or "[key]" in error["loc"]
    if is_key:
        message = f"{'.'.join(map(str, keys))} is not known. {_known(str(steps[-1]), error, model, steps[:-1])}"
    elif error["type"] == "missing":
        message = f"{'.'.join(map(str, keys))} is missing. Write it there."
    else:
        message = f"{'.'.join(map(str, keys))}: found {shown(error['input'])}; expected {_expected(error)}."
    return Problem(place_of(file, keys, key=is_key), RULE, message)


def _known(name: str, error: ErrorDetails, model: type[BaseModel], above: Sequence[str | int]) -> str:
    names = _literals(error) or fields_at(model, tuple(above))
    near = near_miss(name, names)
    prefix = "" if above else NAMESPACE
    meant = f'Did you mean "{prefix}{near}"? ' if near else ""
    return f"{meant}Known here: {', '.join(f'{prefix}{one}' for one in names)}."


def _literals(error: ErrorDetails) -> list[str]:
    expected = str(error.get("ctx", {}).get("expected", ""))
    return [word.strip("' ") for word in expected.replace(" or ", ",").split(",") if word.strip()]


def _expected(error: ErrorDetails) -> str:
    """What should stand there, in words."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return f"one of {', '.join(_literals(error))}"
    if kind.startswith(("date", "value_error")):
        return 'a day in quotes, such as "2027-06-01"' if kind.startswith("date") else str(context.get("error"))
    if kind.startswith("int"):
        return "a whole number"
    if kind.startswith("bool"):
        return "true or false"
    if kind in ("greater_than_equal", "less_than_equal"):
        bound = "at least" if kind == "greater_than_equal" else "at most"
        return f"{bound} {context.get('ge', context.get('le'))}"
    if kind.startswith("string"):
        return "a text"
    return "a mapping of keys" if kind in ("model_type", "mapping_type", "dict_type") else "another value"
