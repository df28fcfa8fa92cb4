"""Inputs against the schema, since neither the engine nor every SDK looks: there, known, and of their types."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway_config.problems import shown
from infra.provider.resource import Complaint, Properties
from infra.provider.values import UNKNOWN

_KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "integer": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "number": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "array": ("a list", lambda value: isinstance(value, list)),
    "object": ("a mapping", lambda value: isinstance(value, Mapping)),
}
_TYPES = "#/types/"


def wrong_inputs(inputs: Properties, schema: Properties, types: Properties) -> Iterator[Complaint]:
    """One complaint for each input that is missing, not known, or of another type; what is unknown yet passes."""
    known = schema["inputProperties"]
    for key in schema["requiredInputs"]:
        if inputs.get(key) in (None, ""):
            yield Complaint(key, "is required" if inputs.get(key) is None else "is required; found an empty text")
    for key, value in inputs.items():
        if key in known:
            found = _misfits(value, known[key], types, ())
            yield from (Complaint(key, _hidden(sentence, known[key])) for sentence in found)
        elif not key.startswith("__"):  # those are the engine's
            yield Complaint(key, _unknown(key, known))


def _misfits(value: Any, shape: Properties, types: Properties, path: tuple[str, ...]) -> Iterator[str]:
    """What is wrong within a value; `path` leads to it from the input."""
    if value is None or value == UNKNOWN:
        return
    reference = str(shape.get("$ref", ""))
    if reference.startswith(_TYPES):
        shape = types[reference.removeprefix(_TYPES)]
    if "type" not in shape:  # anything
        return
    words, fits = _KINDS[shape["type"]]
    if not fits(value):
        yield f"{_at(path)}is {words}; found {shown(value)}"
    elif isinstance(value, Mapping):
        yield from _within(value, shape, types, path)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _misfits(item, shape["items"], types, (*path, str(number)))


def _within(value: Properties, shape: Properties, types: Properties, path: tuple[str, ...]) -> Iterator[str]:
    known: Properties = shape.get("properties", {})
    for key in shape.get("required", ()):
        if value.get(key) is None:
            yield f'{_at(path)}needs "{key}"'
    for key, item in value.items():
        if key in known or "additionalProperties" in shape:
            yield from _misfits(item, known.get(key) or shape["additionalProperties"], types, (*path, key))
        else:
            yield f'{_at(path)}has "{key}", which {_unknown(key, known)}'


def _unknown(key: str, known: Properties) -> str:
    near = difflib.get_close_matches(key, known, 1)
    return "is not known. " + (f'Did you mean "{near[0]}"?' if near else f"Known are {', '.join(known)}.")


def _at(path: tuple[str, ...]) -> str:
    return f"{'.'.join(path)} " if path else ""


def _hidden(sentence: str, shape: Properties) -> str:
    return sentence.partition(";")[0] if shape.get("secret") else sentence
