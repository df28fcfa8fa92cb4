"""Answers that must be JSON of a certain shape: a pydantic class, or a JSON Schema of the usual keywords."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway_config.runtime.bodies.chat import read_json
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import shown

# Who gives a pydantic class has imported it; nobody else waits for it.
if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "integer": (int,),
}
_SIZES = ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength", "pattern")
_CHECKED = {"type", "properties", "required", "additionalProperties", "items", "enum", "const", *_SIZES}
_TOLD = {"title", "description", "default", "examples", "$schema", "$id", "format"}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_size(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)


def _are_types(value: Any) -> bool:
    names = [value] if isinstance(value, str) else value
    return _are_texts(names) and bool(names) and _TYPES.keys() >= set(names)


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and re.compile(value) is not None
    except (re.error, RecursionError, OverflowError):
        return False


# What the value of a keyword must be, so that an answer can be held against it.
_RIGHT: Mapping[str, Callable[[Any], bool]] = {
    "type": _are_types,
    "properties": lambda value: isinstance(value, Mapping) and _are_texts([*value]),
    "required": _are_texts,
    "enum": lambda value: isinstance(value, list | tuple),
    "pattern": _is_pattern,
    **dict.fromkeys(("minimum", "maximum"), _is_number),
    **dict.fromkeys(("minItems", "maxItems", "minLength", "maxLength"), _is_size),
}
_EXPECTED = "schema is a pydantic class or a JSON Schema"
_FENCED = re.compile(r"\s*```(?:json)?\s*\n(.*)\n\s*```\s*", re.DOTALL)


class UnfitError(ValueError):
    """An answer that does not fit; the message is what the model is told to repair it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What an answer must fit: the JSON Schema that the model is shown, and the class that reads it, if any."""

    name: str
    schema: Mapping[str, Any]
    model: type[BaseModel] | None = None

    @property
    def response_format(self) -> dict[str, Any]:
        """As a chat body says it."""
        return {"type": "json_schema", "json_schema": {"name": self.name, "schema": self.schema, "strict": True}}

    def read(self, text: str) -> Any:
        """The value that a text holds, as the class or as plain data. Raises UnfitError."""
        fenced = _FENCED.fullmatch(text)
        try:
            value = read_json(fenced.group(1) if fenced else text)
        except (ValueError, RecursionError) as error:
            raise UnfitError(f"it is not JSON: {error}") from None
        if self.model is None:
            if complaint := next(_complaints(value, self.schema, "the answer"), None):
                raise UnfitError(complaint)
            return value
        return _as_class(self.model, value)


def _as_class(model: type[BaseModel], value: Any) -> BaseModel:
    from pydantic import ValidationError

    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UnfitError(first_wrong(error)) from None


def first_wrong(error: ValidationError) -> str:
    """The first place where a value does not fit its class, and why."""
    first = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']}"


def shape_of(schema: object) -> Shape:
    """The shape that a caller gives. Raises InputError for a schema that we could not check."""
    if isinstance(schema, type):
        return _shape_of_class(schema)
    if not isinstance(schema, Mapping):
        raise InputError(f"{_EXPECTED}; found {type(schema).__name__}.")
    try:
        _check(schema)
    except RecursionError:
        raise InputError("the schema is nested too deeply, or contains itself.") from None
    return Shape(str(schema.get("title") or "answer"), schema)


def _shape_of_class(given: type) -> Shape:
    from pydantic import BaseModel, PydanticUserError

    if not issubclass(given, BaseModel):
        raise InputError(f"{_EXPECTED}; found the class {given.__name__}.")
    try:
        # OpenAI takes letters, digits, "_" and "-" here; a generic class has brackets in its name.
        name = re.sub(r"[^0-9A-Za-z_-]", "_", given.__name__)[:64]
        return Shape(name, given.model_json_schema(), given)
    except (PydanticUserError, AttributeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise InputError(f"{given.__name__} has no JSON Schema: {reason}.") from None


def _check(schema: Any) -> None:
    if isinstance(schema, bool):
        return
    if not isinstance(schema, Mapping):
        raise InputError(f"a JSON Schema is a mapping; found {schema!r:.60}.")
    if unknown := schema.keys() - _CHECKED - _TOLD:
        raise InputError(
            f"the schema uses {min(unknown, key=str)!r}, which is not checked here."
            " Give a pydantic class, or leave it out."
        )
    for key, right in _RIGHT.items():
        if key in schema and not right(schema[key]):
            raise InputError(f"the schema has a {key!r} that says nothing: {shown(schema[key])}.")
    for inner in schema.get("properties", {}).values():
        _check(inner)
    for key in ("items", "additionalProperties"):
        if key in schema:
            _check(schema[key])


def _complaints(value: Any, schema: Any, place: str) -> Iterator[str]:
    """Everything about a value that does not fit, in words."""
    if isinstance(schema, bool):
        if not schema:
            yield f"{place} is not wanted"
        return
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{place} is of the type {schema['type']}; found {json.dumps(value)[:60]}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is one of {json.dumps(schema['enum'])}; found {json.dumps(value)[:60]}"
    if "const" in schema and value != schema["const"]:
        yield f"{place} is {json.dumps(schema['const'])}; found {json.dumps(value)[:60]}"
    yield from _sizes(value, schema, place)
    if isinstance(value, dict):
        yield from _properties(value, schema, place)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _complaints(item, schema["items"], f"{place}[{number}]")


def _is(value: Any, types: str | list[str]) -> bool:
    names = [types] if isinstance(types, str) else types
    for name in names:
        if name in ("number", "integer") and isinstance(value, bool):
            continue
        if isinstance(value, _TYPES.get(name, ())) or (
            name == "integer" and isinstance(value, float) and value.is_integer()
        ):
            return True
    return False


def _sizes(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    number = value if _is_number(value) else None
    length = len(value) if isinstance(value, str) else None
    count = len(value) if isinstance(value, list) else None
    measured = (("minimum", number), ("minLength", length), ("minItems", count))
    for key, found in measured:
        if found is not None and key in schema and found < schema[key]:
            yield f"{place} has {key} {schema[key]}; found {found}"
    for key, found in (("maximum", number), ("maxLength", length), ("maxItems", count)):
        if found is not None and key in schema and found > schema[key]:
            yield f"{place} has {key} {schema[key]}; found {found}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{place} is written like {schema['pattern']}; found {json.dumps(value)[:60]}"


def _properties(value: dict[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    known = schema.get("properties") or {}
    for name in schema.get("required") or ():
        if name not in value:
            yield f'{place} lacks "{name}"'
    for name, item in value.items():
        if name in known:
            yield from _complaints(item, known[name], f"{place}.{name}")
        elif "additionalProperties" in schema:
            yield from _complaints(item, schema["additionalProperties"], f"{place}.{name}")
