"""Properties on the engine's wire and as Python: secrets, unknowns, and numbers that arrive as floats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
"""What the engine sends, and takes, for a value that only `up` will know."""


@dataclass(frozen=True, slots=True)
class Secret:
    """An output that the engine must encrypt in its state."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties as Python: secrets unwrapped, integral floats as integers, unknowns as UNKNOWN."""
    return dict(_plain(json_format.MessageToDict(struct)))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        if _is_wrapped_secret(value):
            return _plain(value.get("value"))
        return {key: _plain(item) for key, item in value.items()}
    return value


def secret_keys(struct: struct_pb2.Struct) -> frozenset[str]:
    """The top-level properties in which something is secret."""
    return frozenset(key for key, value in json_format.MessageToDict(struct).items() if _has_secret(value))


def _has_secret(value: Any) -> bool:
    if isinstance(value, list):
        return any(_has_secret(item) for item in value)
    if isinstance(value, dict):
        return _is_wrapped_secret(value) or any(_has_secret(item) for item in value.values())
    return False


def _is_wrapped_secret(value: Mapping[str, Any]) -> bool:
    return value.get(rpc._special_sig_key) == rpc._special_secret_sig


def struct(properties: Mapping[str, Any], secrets: frozenset[str] = frozenset()) -> struct_pb2.Struct:
    """Properties for the engine; those in `secrets`, and every Secret, are wrapped. None is left out."""
    told = {
        key: _wire(Secret(value) if key in secrets else value) for key, value in properties.items() if value is not None
    }
    return json_format.ParseDict(told, struct_pb2.Struct())


def _wire(value: Any) -> Any:
    if isinstance(value, Secret):
        inner = value.value.value if isinstance(value.value, Secret) else value.value
        return {rpc._special_sig_key: rpc._special_secret_sig, "value": _wire(inner)}
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_wire(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether anything in a value is known only after `up`."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)
