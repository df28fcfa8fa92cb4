"""The ways a completion is written down: OpenAI's and Workers AI's own."""

from __future__ import annotations

from typing import Any

from tests.emulator.upstreams.chat import Completion


def usage(completion: Completion) -> dict[str, int]:
    return {
        "prompt_tokens": completion.tokens_in,
        "completion_tokens": completion.tokens_out,
        "total_tokens": completion.tokens_in + completion.tokens_out,
    }


def openai_completion(completion: Completion, answer_id: str, created_s: float) -> dict[str, Any]:
    """An OpenAI chat completion."""
    message = {"role": "assistant", "content": completion.text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    return {
        "id": f"chatcmpl-{answer_id}",
        "object": "chat.completion",
        "created": int(created_s),
        "model": completion.model,
        "choices": [choice],
        "usage": usage(completion),
    }
