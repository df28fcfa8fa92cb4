"""What the config classes find wrong, in our words: what is expected, what was found, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway_config.config import Source
from gateway_config.patterns import EXAMPLES
from gateway_config.problems import Problem, shown
from gateway_config.reading import Path
from gateway_config.rules.registry import near_miss


def problems_of(part: type[BaseModel], source: Source, error: ValidationError) -> list[Problem]:
    """A problem for each thing that is wrong with a file of this class."""
    details = error.errors(include_url=False)
    return [_problem(part, source, detail) for detail in details if not _is_other_branch(detail)]


def _is_other_branch(detail: ErrorDetails) -> bool:
    """Whether this is about a word that a mapping could have been instead; what is wrong inside of it is told, too."""
    return str(detail["loc"][-1]).startswith("literal[") and isinstance(detail["input"], dict)


def _problem(part: type[BaseModel], source: Source, detail: ErrorDetails) -> Problem:
    path = _written_path(source.data(), detail["loc"], detail["type"] == "missing")
    if detail["type"] == "extra_forbidden":
        return Problem(source.place(path, key=True), "unknown-key", _unknown_key(part, path))
    if detail["type"] == "missing":
        return Problem(source.place(path[:-1]), "missing-key", f'the key "{path[-1]}" is missing here. Add it.')
    name = ".".join(str(step) for step in path)
    rule = "wrong-value" if detail["type"] in _EXPECTED_VALUE else "wrong-type"
    found = f"found {shown(detail['input'])}.{_meant(detail)}"
    return Problem(source.place(path), rule, f"`{name}` {_expected(detail)}; {found}")


def _meant(detail: ErrorDetails) -> str:
    """A question about a word that is almost one of those that are expected."""
    found = detail["input"]
    if detail["type"] != "literal_error" or not isinstance(found, str) or not found:
        return ""
    near = near_miss(found, re.findall("'([^']*)'", detail["ctx"]["expected"]))
    return f' Did you mean "{near}"?' if near else ""


def _written_path(data: Any, loc: tuple[int | str, ...], is_missing: bool) -> Path:
    """pydantic's location without the steps that are not in the YAML (the branches of a union, `[key]`)."""
    path: list[int | str] = []
    for number, step in enumerate(loc):
        if isinstance(data, dict) and (step in data or (is_missing and number == len(loc) - 1)):
            path.append(step)
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            path.append(step)
            data = data[step]
    return tuple(path)


def _unknown_key(part: type[BaseModel], path: Path) -> str:
    known = [*fields_at(part, path[:-1]), *(["stages"] if len(path) == 1 else [])]
    near = near_miss(str(path[-1]), known)
    hint = f' Did you mean "{near}"?' if near else f" Known here: {', '.join(known)}." if known else ""
    return f"the key {shown(str(path[-1]))} is not known here.{hint}"


def fields_at(part: type[BaseModel], path: Path) -> list[str]:
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
    "literal_error": "is {expected}",
    "string_pattern_mismatch": "is written like {pattern}",
    "string_too_long": "has at most {max_length} characters",
    "string_too_short": "has at least {min_length} characters",
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
    if detail["type"] == "string_too_short" and not detail["input"]:
        return "is not empty"
    told = {key: EXAMPLES.get(str(value), str(value)).replace("'", '"') for key, value in detail.get("ctx", {}).items()}
    # The one number that a word may stand for is a share.
    return template.format(**told) + (', or "rest"' if detail["loc"][-1] == "constrained-int" else "")
