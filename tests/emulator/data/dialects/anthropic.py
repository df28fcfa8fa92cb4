"""Anthropic's Messages shape."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.emulator.data.dialects import openai
from tests.emulator.data.dialects.sse import event, pieces
from tests.emulator.upstreams.answers import Completion

STOP = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def chat_body(body: dict[str, Any]) -> dict[str, Any]:
    """A Messages body as a chat body."""
    if not body.get("system") or not isinstance(body.get("messages"), list):
        return body
    return {**body, "messages": [{"role": "system", "content": body["system"]}, *body["messages"]]}


def whole(completion: Completion, answer_id: str) -> dict[str, Any]:
    """A message."""
    calls = zip(openai.tool_calls(completion), completion.tool_calls, strict=True)
    used = [
        {"type": "tool_use", "id": one["id"], "name": call["name"], "input": call["arguments"]} for one, call in calls
    ]
    return {
        "id": f"msg_{answer_id}",
        "type": "message",
        "role": "assistant",
        "model": completion.model,
        "content": used or [{"type": "text", "text": completion.text}],
        "stop_reason": STOP[completion.finish_reason],
        "stop_sequence": None,
        "usage": {"input_tokens": completion.tokens_in, "output_tokens": completion.tokens_out},
    }


def chunks(completion: Completion, answer_id: str) -> Iterator[bytes]:
    """The same as events."""
    done = whole(completion, answer_id)
    begun = {**done, "content": [], "stop_reason": None}
    begun["usage"] = {"input_tokens": completion.tokens_in, "output_tokens": 0}
    end = {"stop_reason": done["stop_reason"], "stop_sequence": None}
    sent: list[tuple[str, dict[str, Any]]] = [("message_start", {"message": begun})]
    sent += [("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})]
    for piece in pieces(completion.text):
        sent.append(("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}}))
    sent += [("content_block_stop", {"index": 0})]
    sent += [("message_delta", {"delta": end, "usage": {"output_tokens": completion.tokens_out}})]
    sent += [("message_stop", {})]
    for name, value in sent:
        yield event(name, {"type": name, **value})
