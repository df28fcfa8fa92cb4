"""What people write and are answered, for the records of the routes that ask for it (`records: [prompt, answer]`).

Text only, and bounded: no pictures, recordings or vectors, no system prompts of the config, neither token of ours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

LONGEST_KEPT = 20_000  # characters of a prompt, and of an answer
# Of a message of the OpenAI shape, the keys that hold words; of one made otherwise, nothing is known.
_WORDED = ("role", "name", "content", "tool_calls", "tool_call_id")
_DATA = re.compile(r"(data:[\w.+/-]+[\w.+;=/-]*;base64,)[A-Za-z0-9+/=_\s-]*")


def kept(said: str | Sequence[Any] | Mapping[str, Any]) -> str:
    """A text as it is; messages, several texts or a mapping of them as JSON. What is too long ends with a mark."""
    text = said if isinstance(said, str) else json.dumps(_worded(said), ensure_ascii=False, default=str)
    return _cut(_DATA.sub(r"\1…", text))


def _cut(text: str) -> str:
    left = len(text) - LONGEST_KEPT
    return f"{text[:LONGEST_KEPT]}… ({left:,} more characters)" if left > 0 else text


def _worded(said: Any) -> Any:
    """Messages without what is no text in them."""
    if isinstance(said, Mapping):
        return said
    return [_message(item) if isinstance(item, Mapping) else item for item in said]


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    own = {key: message[key] for key in _WORDED if message.get(key) is not None}
    if isinstance(own.get("content"), Sequence) and not isinstance(own["content"], str):
        own["content"] = [_part(part) for part in own["content"]]
    return own


def _part(part: Any) -> Any:
    """A part of a message: its text, or only of what type it is."""
    if not isinstance(part, Mapping):
        return part
    return part if part.get("type") == "text" else {"type": part.get("type")}
