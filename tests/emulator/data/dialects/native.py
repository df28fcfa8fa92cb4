"""Workers AI's own shapes."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from tests.emulator.assumptions import Choices, assumption
from tests.emulator.data.dialects import openai, responses
from tests.emulator.data.dialects.sse import DONE, data, pieces
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer, Completion, Output
from tests.emulator.upstreams.catalogue import WORKERS_AI

TOOL_CALLS = assumption(
    "native-tool-calls", "Do tool calls of llama models come as a field, or as JSON text in `response`?",
    "field", "text",
)  # fmt: skip
PADDING = "abcdefghijklmnopqrstuvwxyz"


def speaks_openai(model: str) -> bool:
    """Newer models answer in OpenAI's shape also natively."""
    known = WORKERS_AI.get(model)
    return known is not None and "openai" in known.traits


@behaviour(
    "newer models put an OpenAI chat completion into `result`",
    "LIVE",
    "workers-ai-provider tests",
)
def result(answer: Answer, answer_id: str, created_s: float, body: dict[str, Any], assumes: Choices) -> Any:
    """What stands in `result`."""
    if isinstance(answer, Output):
        is_sound = isinstance(answer.body, bytes)
        return {"audio": b64encode(answer.body).decode()} if is_sound else answer.body
    if "input" in body:
        return responses.whole(answer, answer_id, created_s)
    if speaks_openai(answer.model):
        return openai.whole(answer, answer_id, created_s)
    if not answer.tool_calls:
        return {"response": answer.text, "usage": openai.usage(answer)}
    if assumes(TOOL_CALLS) == "text":
        return {"response": json.dumps(answer.tool_calls[0]), "usage": openai.usage(answer)}
    return {"response": None, "tool_calls": answer.tool_calls, "usage": openai.usage(answer)}


@behaviour(
    "a native stream is padded, has no finish_reason and ends with zeros",
    "LIVE",
    "workers-ai-provider tests",
)
def chunks(completion: Completion, answer_id: str, created_s: float, body: dict[str, Any]) -> Iterator[bytes]:
    """The same as a stream: {"response", "p"} …, the usage, a zero-valued terminator."""
    if "input" in body:
        yield from responses.chunks(completion, answer_id, created_s)
        return
    if speaks_openai(completion.model):
        yield from openai.chunks(completion, answer_id, created_s, body)
        return
    for number, piece in enumerate(pieces(completion.text)):
        yield data({"response": piece, "p": PADDING[: 4 + (number + len(piece)) % 20]})
    if completion.tool_calls:
        yield data({"response": "", "tool_calls": completion.tool_calls, "p": PADDING[:6]})
    yield data({"response": "", "usage": openai.usage(completion)})
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    yield data({"response": "", "usage": zeros})
    yield DONE
