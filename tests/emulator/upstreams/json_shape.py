"""JSON that fits a schema, decided by a text: for tool arguments and JSON mode."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Any

from tests.emulator.upstreams.text import WORDS

DEEPEST = 20


def fitting(schema: Any, decided_by: str) -> Any:
    """An instance of a JSON schema, the rest decided by the text; raises ValueError for what is no schema."""
    try:
        return _fit(schema if isinstance(schema, dict) else {}, _numbers(decided_by), 0)
    except (TypeError, AttributeError, KeyError, IndexError) as error:
        raise ValueError(f"this is no JSON schema: {error}") from error


def _numbers(text: str) -> Iterator[int]:
    for round_number in count():
        yield from sha256(f"{round_number} {text}".encode(errors="replace")).digest()


def _fit(schema: dict[str, Any], numbers: Iterator[int], depth: int) -> Any:
    if depth > DEEPEST:
        return None
    if "const" in schema:
        return schema["const"]
    if choices := schema.get("enum"):
        return choices[next(numbers) % len(choices)]
    if alternatives := schema.get("anyOf") or schema.get("oneOf"):
        return _fit(alternatives[0], numbers, depth + 1)
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return _of_kind(kind[0] if isinstance(kind, list) else kind, schema, numbers, depth)


def _of_kind(kind: str, schema: dict[str, Any], numbers: Iterator[int], depth: int) -> Any:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: _fit(inner, numbers, depth + 1) for name, inner in properties.items()}
        case "array":
            return [_fit(schema.get("items", {}), numbers, depth + 1) for _ in range(schema.get("minItems", 2))]
        case "integer" | "number":
            least = schema.get("minimum", 0)
            return least + next(numbers) % (int(schema.get("maximum", least + 10) - least) + 1)
        case "boolean":
            return next(numbers) % 2 == 0
        case "null":
            return None
        case _:
            words = [WORDS[next(numbers) % len(WORDS)] for _ in range(3)]
            return " ".join(words).ljust(schema.get("minLength", 0), ".")
