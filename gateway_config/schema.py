"""JSON Schemas of the YAML files, made from the config classes, so that editors complete and explain.

A schema knows the shape of one file. What needs more than one value (sums, names of models, kinds) is what the rules
are for, and whether a value is quoted is known to the loader only.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from gateway_config import patterns
from gateway_config.config import GatewayFile, Route
from gateway_config.rules import RULES

VERSION = 1
FOLDER = "schemas"
# Draft 7 is what YAML editors understand best.
_DRAFT = "http://json-schema.org/draft-07/schema#"
_FILES: Mapping[str, type[BaseModel]] = {"gateway": GatewayFile, "route": Route}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_MONEY = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"}],
    "description": 'US dollars as a decimal, such as "0.100".',
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each sort of file: `gateway` and `route`."""
    return {name: _schema(name, part) for name, part in _FILES.items()}


def file_name(name: str) -> str:
    """`route.schema.json`."""
    return f"{name}.schema.json"


def texts() -> dict[str, str]:
    """What the schema files hold, by their names."""
    return {file_name(name): json.dumps(own, indent=2, ensure_ascii=False) + "\n" for name, own in schemas().items()}


def stale(folder: Path) -> list[Path]:
    """The schema files of a folder that are missing or not as the classes have it."""
    wanted = {folder / name: text for name, text in texts().items()}
    return [file for file, text in wanted.items() if not file.is_file() or file.read_text("utf-8") != text]


def _schema(name: str, part: type[BaseModel]) -> dict[str, Any]:
    own = _tidied(part.model_json_schema(schema_generator=_Generator))
    keys = own["properties"]
    for tuned in keys.keys() & {"rules", "allow"}:
        keys[tuned]["propertyNames"] = {"enum": sorted(RULES)}
    overrides = {key: {"$ref": f"#/properties/{key}"} for key in keys if key != "version"}
    own["$defs"]["Stage"] = {
        "description": "What this stage has instead: each key here takes the place of the whole key of that name.",
        "type": "object",
        "properties": overrides,
        "additionalProperties": False,
    }
    keys["stages"] = {
        "description": "What differs in a stage, such as dev or prod.",
        "type": "object",
        "patternProperties": {_anchored(patterns.STAGE): {"$ref": "#/$defs/Stage"}},
        "additionalProperties": False,
    }
    return {"$schema": _DRAFT, "$id": f"urn:gatewright:schema:{name}:{VERSION}", **own}


class _Generator(GenerateJsonSchema):
    """Says in JSON Schema what our validators take besides."""

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        return dict(_MONEY)

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        inner = super().function_before_schema(schema)
        if schema["function"]["type"] == "no-info" and _takes_a_name(schema["function"]["function"]):
            return {"anyOf": [inner, {"type": "string", "pattern": _anchored(patterns.NAME)}]}
        return inner


def _takes_a_name(validator: Callable[[Any], Any]) -> bool:
    """Whether a validator makes a mapping of a text: then a name alone may stand for the whole."""
    try:
        return isinstance(validator("name"), dict)
    except ValueError:
        return False


def _anchored(pattern: str) -> str:
    return f"^{pattern.removeprefix('^').removesuffix('$')}$"


def _tidied(schema: Any) -> Any:
    """Without generated titles and null defaults; bounds by their JSON names; mappings of names closed to others."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    own = {key: _tidied(value) for key, value in schema.items() if not _is_noise(key, value)}
    numeric = own.get("type") in ("number", "integer")
    for ours, theirs in _BOUNDS.items():
        if ours in own and not isinstance(own[ours], dict):
            bound = own.pop(ours)
            own.update({theirs: bound} if numeric else {})
    if "patternProperties" in own:
        own["additionalProperties"] = False
    return _or_null(own)


def _or_null(own: dict[str, Any]) -> dict[str, Any]:
    """`anyOf` a type and null as one schema, so that editors point at what is wrong inside."""
    choices = own.get("anyOf", [])
    if len(choices) != 2 or choices[1] != {"type": "null"} or not isinstance(choices[0].get("type"), str):
        return own
    inner = {**choices[0], "type": [choices[0]["type"], "null"]}
    if "enum" in inner:
        inner["enum"] = [*inner["enum"], None]
    return {**inner, **{key: value for key, value in own.items() if key != "anyOf"}}


def _is_noise(key: str, value: Any) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value is None)
