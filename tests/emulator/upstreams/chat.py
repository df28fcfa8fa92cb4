"""A text model: messages in, a completion out, in no particular dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulator.upstreams.programme import Programme
from tests.emulator.upstreams.text import (
    TOKENS_PER_MESSAGE,
    answer_text,
    cut_to_tokens,
    prompt_of,
    token_count,
)

ToolCall = dict[str, Any]  # {"name": …, "arguments": {…}}
DEFAULT_MAX_TOKENS = 256


@dataclass
class Completion:
    """What a text model said, and how many tokens it took."""

    model: str
    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str = "stop"
    tool_calls: list[ToolCall] = field(default_factory=list)
    reasoning: str | None = None


def complete(model: str, body: dict[str, Any], programme: Programme) -> Completion:
    """The answer of `model` to a chat body; a programmed answer comes before the usual text."""
    prompt = prompt_of(body.get("messages", body.get("prompt", "")))
    messages = body.get("messages")
    tokens_in = token_count(prompt) + TOKENS_PER_MESSAGE * (len(messages) if isinstance(messages, list) else 1)
    said = str(programme.answers.popleft()) if programme.answers else answer_text(model, prompt)
    most = body.get("max_tokens") or body.get("max_completion_tokens") or DEFAULT_MAX_TOKENS
    text = cut_to_tokens(said, most)
    reason = "stop" if len(text) == len(said) else "length"
    return Completion(model, text, tokens_in, token_count(text), reason)
