"""What a field may be.  A check looks at a value and yields what is wrong, as Cloudflare words it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
Wrong: TypeAlias = tuple[Path, str]
Check: TypeAlias = Callable[[Any, Path], Iterator[Wrong]]

REQUIRED = "Required"


@dataclass(frozen=True)
class Field:
    """A field of an object; an optional one that is left out has its default."""

    check: Check
    required: bool = False
    default: Any = None


KINDS: dict[type, str] = {
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def kind_of(value: object) -> str:
    """The JSON type of a value, by the name a JavaScript validator has for it."""
    return KINDS.get(type(value), "null" if value is None else "object")


def _expect(kind: str, value: object, path: Path) -> Iterator[Wrong]:
    if kind_of(value) != kind:
        yield path, f"Expected {kind}, received {kind_of(value)}"


def number(
    least: float | None = None, most: float | None = None, *, above: float | None = None, whole: bool = True
) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        yield from _expect("number", value, path)
        if kind_of(value) != "number":
            return
        if whole and isinstance(value, float) and not value.is_integer():
            yield path, "Expected integer, received float"
        if least is not None and value < least:
            yield path, f"Number must be greater than or equal to {least}"
        if above is not None and value <= above:
            yield path, f"Number must be greater than {above}"
        if most is not None and value > most:
            yield path, f"Number must be less than or equal to {most}"

    return check


def boolean(value: Any, path: Path) -> Iterator[Wrong]:
    yield from _expect("boolean", value, path)


def anything(value: Any, path: Path) -> Iterator[Wrong]:
    yield from ()


def text(least: int = 0, most: int | None = None, pattern: str | None = None) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        yield from _expect("string", value, path)
        if not isinstance(value, str):
            return
        if len(value) < least:
            yield path, f"String must contain at least {least} character(s)"
        if most is not None and len(value) > most:
            yield path, f"String must contain at most {most} character(s)"
        if pattern and not re.fullmatch(pattern, value):
            yield path, "Invalid"

    return check


def one_of(*choices: str) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        if value not in choices:
            expected = " | ".join(f"'{choice}'" for choice in choices)
            yield path, f"Invalid enum value. Expected {expected}, received '{value}'"

    return check


def nullable(inner: Check) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        if value is not None:
            yield from inner(value, path)

    return check


def list_of(inner: Check, most: int | None = None) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        yield from _expect("array", value, path)
        if not isinstance(value, list):
            return
        if most is not None and len(value) > most:
            yield path, f"Array must contain at most {most} element(s)"
        for index, item in enumerate(value):
            yield from inner(item, (*path, index))

    return check


def map_of(inner: Check) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        yield from _expect("object", value, path)
        for key, item in value.items() if isinstance(value, dict) else ():
            yield from inner(item, (*path, key))

    return check


def object_of(fields: Mapping[str, Field]) -> Check:
    def check(value: Any, path: Path) -> Iterator[Wrong]:
        yield from _expect("object", value, path)
        if not isinstance(value, dict):
            return
        for name, wanted in fields.items():
            if name in value:
                yield from wanted.check(value[name], (*path, name))
            elif wanted.required:
                yield (*path, name), REQUIRED

    return check


def any_of(*checks: Check) -> Check:
    """Valid where one of the checks has nothing to say; else the first one's complaints."""

    def check(value: Any, path: Path) -> Iterator[Wrong]:
        complaints = [list(alternative(value, path)) for alternative in checks]
        yield from [] if any(not wrong for wrong in complaints) else complaints[0]

    return check


def filled(fields: Mapping[str, Field], body: Mapping[str, Any]) -> dict[str, Any]:
    """The known fields of a body with defaults for those that were left out."""
    return {name: body.get(name, wanted.default) for name, wanted in fields.items()}
