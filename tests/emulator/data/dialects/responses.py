"""OpenAI's Responses shape, the only one with a summary of the reasoning."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.emulator.data.dialects import openai
from tests.emulator.data.dialects.sse import event, pieces
from tests.emulator.upstreams.answers import Completion


def whole(completion: Completion, answer_id: str, created_s: float) -> dict[str, Any]:
    """A finished response."""
    tokens = {
        "input_tokens": completion.tokens_in,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": completion.tokens_out,
        "output_tokens_details": {"reasoning_tokens": len(completion.reasoning or "") // 4},
        "total_tokens": completion.tokens_in + completion.tokens_out,
    }
    cut = completion.finish_reason == "length"
    return {
        "id": f"resp_{answer_id}",
        "object": "response",
        "created_at": int(created_s),
        "status": "incomplete" if cut else "completed",
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "error": None,
        "instructions": None,
        "metadata": {},
        "model": completion.model,
        "output": [*_reasoning(completion, answer_id), *_items(completion, answer_id)],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": tokens,
    }


def _reasoning(completion: Completion, answer_id: str) -> list[dict[str, Any]]:
    if not completion.reasoning:
        return []
    summary = [{"type": "summary_text", "text": completion.reasoning}]
    return [{"id": f"rs_{answer_id}", "type": "reasoning", "summary": summary}]


def _items(completion: Completion, answer_id: str) -> list[dict[str, Any]]:
    if completion.tool_calls:
        return [
            {"type": "function_call", "id": f"fc_{call['id']}", "call_id": call["id"], "status": "completed"}
            | call["function"]
            for call in openai.tool_calls(completion)
        ]
    text = {"type": "output_text", "text": completion.text, "annotations": []}
    message = {"id": f"msg_{answer_id}", "type": "message", "role": "assistant", "status": "completed"}
    return [{**message, "content": [text]}]


def chunks(completion: Completion, answer_id: str, created_s: float) -> Iterator[bytes]:
    """The same as events: created, text deltas, completed."""
    done = whole(completion, answer_id, created_s)
    begun = {**done, "status": "in_progress", "output": [], "usage": None}
    place: dict[str, Any] = {"item_id": f"msg_{answer_id}", "output_index": len(done["output"]) - 1}
    place |= {"content_index": 0, "logprobs": []}
    sent: list[tuple[str, dict[str, Any]]] = [("response.created", {"response": begun})]
    for piece in pieces(completion.text):
        sent.append(("response.output_text.delta", {**place, "delta": piece}))
    sent.append(("response.output_text.done", {**place, "text": completion.text}))
    sent.append(("response.completed", {"response": done}))
    for number, (name, value) in enumerate(sent):
        yield event(name, {"type": name, "sequence_number": number, **value})
