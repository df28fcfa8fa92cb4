"""OpenAI's shapes: chat completions and embeddings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from tests.emulator.data.dialects.sse import DONE, data, typed
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Completion, Output


def usage(answer: Completion | Output) -> dict[str, int]:
    return token_usage(answer.tokens_in, answer.tokens_out)


def token_usage(tokens_in: int, tokens_out: int) -> dict[str, int]:
    total = tokens_in + tokens_out
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": total}


def tool_calls(completion: Completion) -> list[dict[str, Any]]:
    """Calls with ids, arguments as JSON text."""
    return [
        {
            "id": "call_" + sha256(json.dumps([index, call]).encode()).hexdigest()[:24],
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call["arguments"])},
        }
        for index, call in enumerate(completion.tool_calls)
    ]


def whole(completion: Completion, answer_id: str, created_s: float) -> dict[str, Any]:
    """A chat completion."""
    message: dict[str, Any] = {"role": "assistant", "content": completion.text}
    if completion.tool_calls:
        message |= {"content": None, "tool_calls": tool_calls(completion)}
    if completion.reasoning:
        message["reasoning_content"] = completion.reasoning
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": completion.finish_reason}
    head = _head("chat.completion", completion, answer_id, created_s)
    return {**head, "choices": [choice], "usage": usage(completion)}


def _head(kind: str, completion: Completion, answer_id: str, created_s: float) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer_id}",
        "object": kind,
        "created": int(created_s),
        "model": completion.model,
    }


@behaviour("a stream has usage only with stream_options.include_usage", "LIVE", "alchemy LanguageModel.ts")
def chunks(completion: Completion, answer_id: str, created_s: float, body: dict[str, Any]) -> Iterator[bytes]:
    """The same as a stream."""
    head = _head("chat.completion.chunk", completion, answer_id, created_s)

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        return data({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]})

    yield chunk({"role": "assistant", "content": ""})
    for thought in typed(completion.reasoning or "", completion.pace):
        yield chunk({"reasoning_content": thought})
    for piece in typed(completion.text, completion.pace):
        yield chunk({"content": piece})
    for index, call in enumerate(tool_calls(completion)):
        yield chunk({"tool_calls": [{"index": index, **call}]})
    yield chunk({}, completion.finish_reason)
    options = body.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage"):
        yield data({**head, "choices": [], "usage": usage(completion)})
    yield DONE


def embeddings(output: Output) -> dict[str, Any]:
    """Embeddings as a list of objects."""
    vectors = output.body["data"]
    items = [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)]
    tokens = {"prompt_tokens": output.tokens_in, "total_tokens": output.tokens_in}
    return {"object": "list", "data": items, "model": output.model, "usage": tokens}
