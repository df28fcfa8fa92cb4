"""Properties on the engine's wire and as Python: secrets, unknowns, and numbers that arrive as floats."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

UNKNOWN = rpc.UNKNOWN
"""What the engine sends, and takes, for a value that only `up` will know."""


@dataclass(frozen=True, slots=True)
class Secret:
    """An output that the engine must encrypt in its state."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(***)"


# A preview converts every route several times, and protobuf's own JSON conversion takes four times as long as this.
def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties as Python: secrets unwrapped, integral floats as integers, unknowns as UNKNOWN."""
    return {key: _plain(value) for key, value in struct.fields.items()}


def _plain(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return value.string_value
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _is_wrapped_secret(fields):
            return _plain(fields["value"]) if "value" in fields else None
        return {key: _plain(item) for key, item in fields.items()}
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return value.bool_value if kind == "bool_value" else None


def secret_keys(struct: struct_pb2.Struct) -> frozenset[str]:
    """The top-level properties in which something is secret."""
    return frozenset(key for key, value in struct.fields.items() if _has_secret(value))


def _has_secret(value: struct_pb2.Value) -> bool:
    # The mark is text, which protobuf writes as it is: most values can be told without a walk.
    if _SECRET_BYTES not in value.SerializeToString():
        return False
    if value.HasField("list_value"):
        return any(_has_secret(item) for item in value.list_value.values)
    fields = value.struct_value.fields
    return _is_wrapped_secret(fields) or any(_has_secret(item) for item in fields.values())


SECRET_KEY, SECRET_MARK = next(iter(rpc.wrap_rpc_secret(None).items()))
"""A mapping that has this key with this value holds a secret: on the wire under `value`."""
_SECRET_BYTES = SECRET_MARK.encode()


def _is_wrapped_secret(fields: Mapping[str, struct_pb2.Value]) -> bool:
    return SECRET_KEY in fields and fields[SECRET_KEY].string_value == SECRET_MARK


def struct(properties: Mapping[str, Any], secrets: frozenset[str] = frozenset()) -> struct_pb2.Struct:
    """Properties for the engine; those in `secrets`, and every Secret, are wrapped. None is left out."""
    made = struct_pb2.Struct()
    for key, value in properties.items():
        if value is not None:
            _write(made.fields[key], Secret(value) if key in secrets else value)
    return made


def _write(to: struct_pb2.Value, value: Any) -> None:
    if isinstance(value, str):
        to.string_value = value
    elif isinstance(value, bool):  # before numbers: a bool is an int
        to.bool_value = value
    elif isinstance(value, int | float):
        to.number_value = value
    elif value is None:
        to.null_value = struct_pb2.NULL_VALUE
    elif isinstance(value, Secret):
        inner = value.value.value if isinstance(value.value, Secret) else value.value
        _write(to, rpc.wrap_rpc_secret(inner))
    elif isinstance(value, Mapping):
        inside = to.struct_value
        inside.SetInParent()  # an empty one is there, too
        for key, item in value.items():
            _write(inside.fields[key], item)
    elif isinstance(value, list | tuple):
        to.list_value.SetInParent()
        for item in value:
            _write(to.list_value.values.add(), item)
    else:
        raise TypeError(f"a property is plain data; found {type(value).__name__}")


def has_unknown(value: Any) -> bool:
    """Whether anything in a value is known only after `up`."""
    if isinstance(value, str):
        return value == UNKNOWN
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(has_unknown(item) for item in value)
    return False
