"""What may have been meant by a value that cannot be: slips that many hands make, and how it would be right."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic_core import ErrorDetails

from gateway_config import patterns
from gateway_config.problems import looks_like_credential
from gateway_config.rules.registry import near_miss

# Nothing longer is said again, as `shown` would cut it.
_LONGEST = 60
_LISTS, _MAPPINGS = ("tuple_type", "list_type"), ("dict_type", "model_type")


def of_value(detail: ErrorDetails, words: Sequence[str], required: Sequence[str]) -> str:
    """A sentence about what may have been meant, with a space before it, or nothing.

    `words` are those that may stand there; `required` the keys that a mapping there would need.
    """
    found, type = detail["input"], detail["type"]
    if isinstance(found, dict) and type in _LISTS:
        return " Put brackets around it, or a hyphen before it."
    if not isinstance(found, str) or not found or len(found) > _LONGEST or looks_like_credential(found):
        return ""
    if near := near_miss(found, words) or _as_a_name(found, detail):
        return f' Did you mean "{near}"?'
    return _slip(found, detail) or _short_form(found, type, required)


def _as_a_name(found: str, detail: ErrorDetails) -> str | None:
    """The text in the letters of the pattern that it does not match."""
    pattern = str(detail.get("ctx", {}).get("pattern", ""))
    lower = found.lower()
    written = (re.sub("[ _]+", "-", lower), re.sub("[ -]+", "_", lower), found.upper())
    return next((own for own in written if pattern and re.fullmatch(pattern, own)), None)


def _slip(found: str, detail: ErrorDetails) -> str:
    is_name = detail["type"] == "string_pattern_mismatch"
    if (is_name or detail["type"] in _MAPPINGS) and re.search(r"\w[:=]\w", found):
        return " A colon and a space go between a key and its value."
    if is_name and detail["ctx"]["pattern"] == patterns.NAME and "/" in found:
        return " Models have names in gateway.yaml, beside their ids."
    strange = next((one for one in found if not one.isascii()), None)
    return f" Names, numbers and words are plain ASCII, and U+{ord(strange):04X} is not." if strange else ""


def _short_form(found: str, type: str, required: Sequence[str]) -> str:
    """How a name would be written that stands where a list or mapping does."""
    if not re.fullmatch(patterns.NAME, found):
        return ""
    if type in _LISTS:
        return f" Write it as [{found}]."
    return f" Write it as {{{required[0]}: {found}}}." if type == "model_type" and len(required) == 1 else ""
