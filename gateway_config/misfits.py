"""What the config classes find wrong, in our words: what is expected, what was found, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway_config.config import Source
from gateway_config.hints import of_value
from gateway_config.patterns import EXAMPLES
from gateway_config.problems import Problem, shown
from gateway_config.reading import Path
from gateway_config.rules.registry import near_miss, replaced


def problems_of(part: type[BaseModel], source: Source, error: ValidationError) -> list[Problem]:
    """A problem for each thing that is wrong with a file of this class."""
    details = error.errors(include_url=False)
    keys = {detail["loc"][:-1] for detail in details if detail["loc"][-1] == "[key]"}
    told = (own for own in details if not _is_other_branch(own) and not _is_without_value(own, keys))
    return [_problem(part, source, detail) for detail in told]


def _is_other_branch(detail: ErrorDetails) -> bool:
    """Whether this is about a word that a mapping could have been instead; what is wrong inside of it is told, too."""
    return str(detail["loc"][-1]).startswith("literal[") and isinstance(detail["input"], dict)


def _is_without_value(detail: ErrorDetails, wrong_keys: set[tuple[int | str, ...]]) -> bool:
    """Whether nothing stands behind a key that is wrong itself, as in {champion:90}."""
    return detail["input"] is None and not wrong_keys.isdisjoint((detail["loc"], detail["loc"][:-1]))


def _problem(part: type[BaseModel], source: Source, detail: ErrorDetails) -> Problem:
    data = source.data()
    path = _written_path(data, detail["loc"], detail["type"] == "missing")
    if detail["type"] == "extra_forbidden":
        message = f"the key {shown(str(path[-1]))} is not known here.{_of_key(part, data, path)}"
        return Problem(source.place(path, key=True), "unknown-key", message)
    if detail["type"] == "missing":
        message = f'the key "{path[-1]}" is missing here. Add it.{_elsewhere(part, path) or replaced(source, path[0])}'
        return Problem(source.place(path[:-1]), "missing-key", message)
    name = ".".join(str(step) for step in path)
    rule = "wrong-value" if detail["type"] in _EXPECTED_VALUE else "wrong-type"
    hint = _deeper(part, path, detail) or _elsewhere(part, path)
    hint = hint or of_value(detail, _words(detail), _required_texts(part, path))
    is_key = detail["loc"][-1] == "[key]"
    return Problem(
        source.place(path, key=is_key), rule, f"`{name}` {_expected(detail)}; found {shown(detail['input'])}.{hint}"
    )


def _words(detail: ErrorDetails) -> list[str]:
    """The words that may stand where this does."""
    return ["rest"] if _is_share(detail) else re.findall("'([^']*)'", detail.get("ctx", {}).get("expected", ""))


def _required_texts(part: type[BaseModel], path: Path) -> list[str]:
    fields = [field for own in _classes_at(part, path) for field in own.model_fields.items()]
    return [name for name, field in fields if field.is_required() and field.annotation is str]


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


def _of_key(part: type[BaseModel], data: Any, path: Path) -> str:
    """What may have been meant by a key that is not known, or else what is known there."""
    known = [*fields_at(part, path[:-1]), *(["stages"] if len(path) == 1 else [])]
    name = str(path[-1]).partition(".")[0]
    near = own if (own := _OTHER_WORDS.get(name)) in known else near_miss(name, known)
    if near:
        return f' Did you mean "{near}"?'
    for step in path[:-1]:
        data = data[step]
    hint = _elsewhere(part, path) or _of_the_keys_above(known, data, str(path[-1]))
    return hint or (f" Known here: {', '.join(known)}." if known else "")


def _elsewhere(part: type[BaseModel], path: Path) -> str:
    """A hint at a key of the file itself that stands within another one."""
    for number, step in enumerate(path[1:], 1):
        own = _OTHER_WORDS.get(str(step), step)
        if own in part.model_fields and step not in fields_at(part, path[:number]):
            itself = f"`{own}` is a key of the file itself; does it stand too deep?"
            return f" {itself}" if own == step else f" `{own}`, a key of the file itself, says that."
    return ""


def _deeper(part: type[BaseModel], path: Path, detail: ErrorDetails) -> str:
    """A hint at a key that stands beside the one to which it belongs."""
    is_beside = detail["type"] == "model_type" and path[-1] in fields_at(part, path)
    return f" Indent `{path[-1]}` if it belongs to the key above." if is_beside else ""


def _of_the_keys_above(known: Collection[str], data: Mapping[str, Any], name: str) -> str:
    """What to do about a key that belongs to the one above, or about a comma in a number."""
    if data[name] is None and name.isdecimal():
        return " A comma ends a value; a decimal is written with a point, such as 0.3."
    above = None
    for key in islice(data, list(data).index(name)):
        above = key if key in known else above
    held = data[above] if above is not None else ()
    if held is None:
        return f" Indent it if it belongs to `{above}`, which has nothing."
    is_alike = isinstance(held, dict) and held and all(isinstance(own, dict) for own in (data[name], *held.values()))
    return f" Indent it if it belongs to `{above}`." if is_alike else ""


# What others call what has a name of its own here.
_OTHER_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("experiment", "share", "shares", "weight", "weights", "traffic"), "split"),
    **dict.fromkeys(("variants", "targets", "candidates"), "arms"),
    **dict.fromkeys(("timeout", "timeout_ms"), "first_byte_ms"),
    **dict.fromkeys(("type", "task"), "kind"),
    **dict.fromkeys(("environments", "environment"), "stages"),
    "provider": "upstream",
}


def fields_at(part: type[BaseModel], path: Path) -> list[str]:
    """The keys that the class at this path knows."""
    return [field.alias or name for own in _classes_at(part, path) for name, field in own.model_fields.items()]


def _classes_at(part: type[BaseModel], path: Path) -> list[type[BaseModel]]:
    """The config classes that may stand at this path."""
    found: list[type[BaseModel]] = [part]
    for step in path:
        inner: list[type[BaseModel]] = []
        for candidate in found:
            field = candidate.model_fields.get(str(step))
            inner += _classes(field.annotation) if field else []
        found = inner or found
    return found


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
    return template.format(**told) + (', or "rest"' if _is_share(detail) else "")


def _is_share(detail: ErrorDetails) -> bool:
    """Whether a share is meant: the one number that a word may stand for."""
    return detail["loc"][-1] == "constrained-int"
