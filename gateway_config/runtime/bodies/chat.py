"""The shape of OpenAI chat completions: the one body that every text model takes, and what comes back."""

from __future__ import annotations

import json
import math
from codecs import BOM_UTF8
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.runtime.answer import ToolCall, Usage
from gateway_config.runtime.bodies.characters import whole_characters
from gateway_config.runtime.bodies.thinking import split_thinking
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import no_text, shown

Message = Mapping[str, Any]
# Cloudflare neither caches nor logs larger requests (limits page); a base64 image of 18 MB still fits.
LARGEST_BODY = 25_000_000
LARGEST_ANSWER = 16_000_000
MOST_TOKENS = 10**15


class MalformedError(ValueError):
    """An answer that is not in the promised form; the flow adds trace and status."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What the body of an answer says."""

    text: str
    reasoning: str | None
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str | None
    usage: Usage | None


def messages_of(text: str | Sequence[Message]) -> list[Message]:
    """A text as the one message of a user; a list of messages as it is. Raises InputError for what is neither."""
    if isinstance(text, str):
        if not text.strip():
            raise InputError("there is nothing to ask: the text is empty.")
        return [{"role": "user", "content": text}]
    if not isinstance(text, Sequence) or isinstance(text, bytes):
        raise InputError(f"what is asked is a text or a list of messages; found {shown(text)}.")
    if not text:
        raise InputError("there is nothing to ask: give a text, or at least one message.")
    for number, message in enumerate(text, 1):
        _check_message(number, message)
    return [*text]


def _check_message(number: int, message: object) -> None:
    if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
        raise InputError(
            f'message {number} is a mapping like {{"role": "user", "content": "…"}}; found {shown(message)}.'
        )
    content = message.get("content")
    if content is None and (message.get("tool_calls") or message.get("function_call")):
        return
    if not isinstance(content, str | list | tuple):
        raise InputError(f"the content of message {number} is a text or a list of parts; found {shown(content)}.")
    if message["role"] == "user" and not (content.strip() if isinstance(content, str) else content):
        raise InputError(f"message {number} says nothing: its content is empty.")


def encoded(body: Mapping[str, Any]) -> bytes:
    """The body as JSON. Raises InputError for what JSON cannot say, or what is too large to send."""
    try:
        content = json.dumps(body, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise no_text("the request", "\ud800") from None
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the request cannot be written as JSON: {error}.") from None
    return sendable(content)


def sendable(content: bytes) -> bytes:
    """The body itself. Raises InputError for one that is too large to send."""
    if len(content) > LARGEST_BODY:
        raise InputError(
            f"the request has {len(content):,} bytes; at most {LARGEST_BODY:,} are sent. Send less at once."
        )
    return content


def read_json(content: bytes | str) -> Any:
    """What JSON says, with lone surrogates replaced: nobody could print them, or send them on. Raises ValueError."""
    text = content if isinstance(content, str) else content.removeprefix(BOM_UTF8).decode()
    data = json.loads(text)
    if "\\ud" in text or "\\uD" in text:
        data = json.loads(whole_characters(json.dumps(data, ensure_ascii=False)))
    return data


def decoded(body: bytes) -> dict[str, Any]:
    """A JSON object, out of Cloudflare's envelope where it is in one. Raises MalformedError."""
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        raise MalformedError(f"not JSON: {excerpt(body)}") from None
    if isinstance(data, dict) and isinstance(data.get("result"), dict):
        data = data["result"]
    if not isinstance(data, dict):
        raise MalformedError(f"JSON, but no object: {excerpt(body)}")
    return data


def excerpt(body: bytes) -> str:
    """The beginning of a body, as a message may show it."""
    text = " ".join(body[:400].decode("utf-8", "replace").split())
    return f'"{text[:120]}{"…" if len(text) > 120 else ""}"' if text else "nothing"


def read_chat(body: bytes) -> Spoken:
    """What a whole answer says, in the OpenAI shape or in that of Workers AI. Raises MalformedError."""
    return chat_in(decoded(body))


def chat_in(data: Mapping[str, Any]) -> Spoken:
    """The same of an answer that is read already."""
    if isinstance(data.get("output"), list):
        return _read_responses(data)
    choices = data.get("choices")
    if isinstance(choices, list):
        choice = choices[0] if choices and isinstance(choices[0], dict) else {}
        message, reason = choice.get("message"), choice.get("finish_reason")
    elif "response" in data or "tool_calls" in data:
        message, reason = {**data, "content": data.get("response")}, None
    else:
        message, reason = None, None
    if not isinstance(message, dict):
        raise MalformedError(f"an object without an answer: {excerpt(json.dumps(data).encode())}")
    said, thought = split_thinking(text_of(message.get("content")))
    apart = message.get("reasoning_content") or message.get("reasoning")
    return Spoken(
        text=said,
        reasoning=apart if isinstance(apart, str) else thought,
        tool_calls=tool_calls_of(message.get("tool_calls")),
        finish_reason=reason if isinstance(reason, str) else None,
        usage=usage_of(data.get("usage")),
    )


def _read_responses(data: Mapping[str, Any]) -> Spoken:
    """The Responses shape: `output` holds what was thought, as a summary, and what was said."""
    texts: dict[str, list[str]] = {"summary_text": [], "output_text": []}
    for item in data["output"]:
        parts = [*_parts(item, "summary"), *_parts(item, "content")]
        for part in parts:
            texts.setdefault(str(part.get("type")), []).append(str(part.get("text") or ""))
    said, thought = split_thinking("".join(texts["output_text"]))
    usage = data.get("usage")
    return Spoken(
        text=said,
        reasoning="\n\n".join(texts["summary_text"]) or thought,
        tool_calls=(),
        finish_reason="stop" if data.get("status") == "completed" else None,
        usage=_responses_usage(usage) if isinstance(usage, dict) else None,
    )


def _parts(item: Any, key: str) -> list[Mapping[str, Any]]:
    found = item.get(key) if isinstance(item, dict) else None
    return [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []


def _responses_usage(found: Mapping[str, Any]) -> Usage | None:
    named = {"prompt_tokens": found.get("input_tokens"), "completion_tokens": found.get("output_tokens")}
    details = {"prompt_tokens_details": found.get("input_tokens_details")}
    return usage_of({**named, **details, "completion_tokens_details": found.get("output_tokens_details")})


def text_of(content: Any) -> str:
    """Content as text. Workers AI can answer a number or, in JSON mode, an object; a list holds parts."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return json.dumps(content)


def tool_calls_of(found: Any) -> tuple[ToolCall, ...]:
    """Tool calls of either shape: `{"function": {"name", "arguments": text}}` or `{"name", "arguments": {}}`."""
    if not isinstance(found, list):
        return ()
    return tuple(_tool_call(number, call) for number, call in enumerate(found) if isinstance(call, dict))


def _tool_call(number: int, call: Mapping[str, Any]) -> ToolCall:
    inner = call.get("function")
    function: Mapping[str, Any] = inner if isinstance(inner, dict) else call
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments if arguments is not None else {})
    return ToolCall(str(call.get("id") or f"call_{number}"), str(function.get("name") or ""), text)


def usage_of(found: Any) -> Usage | None:
    """The token counts of an answer; a count that is missing stays unknown."""
    if not isinstance(found, dict):
        return None
    tokens_in, tokens_out = _count(found, "prompt_tokens"), _count(found, "completion_tokens")
    if tokens_in is None and tokens_out is None:
        return None
    cached = _count(found.get("prompt_tokens_details"), "cached_tokens")
    thought = _count(found.get("completion_tokens_details"), "reasoning_tokens")
    return Usage(tokens_in, tokens_out, cached, thought)


def _count(found: Any, key: str) -> int | None:
    value = found.get(key) if isinstance(found, dict) else None
    return value if type(value) is int and 0 <= value <= MOST_TOKENS else None


def number_of(value: Any) -> float | None:
    """A number of JSON that one can count with: finite, and no boolean; else None."""
    if type(value) not in (int, float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None
