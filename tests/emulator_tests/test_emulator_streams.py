"""Streams in each dialect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import GPT_OSS, LLAMA, chat_body

pytestmark = pytest.mark.http
Gateway = Callable[..., str]
CHAT = "/compat/chat/completions"
MESSAGES = [{"role": "user", "content": "hello"}]


def events(reply: httpx.Response) -> list[Any]:
    """What the data lines of a stream carry; [DONE] as it is."""
    assert reply.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def stream(data: httpx.Client, **more: Any) -> list[Any]:
    return events(data.post(CHAT, json=chat_body(f"workers-ai/{LLAMA}", stream=True, **more)))


def contents(chunks: list[Any]) -> list[Any]:
    return [chunk["choices"][0]["delta"]["content"] for chunk in chunks if "content" in _delta(chunk)]


def _delta(chunk: Any) -> dict[str, Any]:
    return chunk["choices"][0]["delta"] if isinstance(chunk, dict) and chunk.get("choices") else {}


def test_a_stream_says_what_the_whole_answer_says(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    whole = data.post(CHAT, json=chat_body(f"workers-ai/{LLAMA}")).json()["choices"][0]["message"]["content"]
    chunks = stream(data)
    assert ("".join(contents(chunks)), chunks[-1]) == (whole, "[DONE]")


def test_usage_comes_only_where_it_is_asked_for(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert not any("usage" in chunk for chunk in stream(data)[:-1])
    asked = stream(data, stream_options={"include_usage": True})
    assert asked[-2]["usage"]["total_tokens"] > 0


def test_content_can_be_a_number(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, answers=["take 1 or 2"], number_chunks=True)
    assert contents(stream(data)) == ["", "take ", 1, " or ", 2]


def test_a_stream_can_break_off_in_the_middle(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, break_after_chunks=3)
    with pytest.raises(httpx.RemoteProtocolError):
        stream(data)


def test_a_native_stream_is_padded_and_ends_with_zeros(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    chunks = events(data.post(f"/workers-ai/{LLAMA}", json={"messages": MESSAGES, "stream": True}))
    assert chunks[0].keys() == {"response", "p"}
    assert chunks[-3]["usage"]["total_tokens"] > 0
    assert chunks[-2]["usage"]["total_tokens"] == 0
    assert chunks[-1] == "[DONE]"
    assert "finish_reason" not in json.dumps(chunks)


def test_a_newer_model_streams_openai_chunks_natively(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    chunks = events(data.post(f"/workers-ai/{GPT_OSS}", json={"messages": MESSAGES, "stream": True}))
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert any("reasoning_content" in _delta(chunk) for chunk in chunks)


def test_a_tool_call_is_streamed(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    chunks = stream(data, tools=[tool], tool_choice="required")
    calls = [_delta(chunk)["tool_calls"][0] for chunk in chunks if "tool_calls" in _delta(chunk)]
    assert [call["function"]["name"] for call in calls] == ["look"]


def test_anthropic_streams_events(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    body = {"model": "claude-sonnet-4-5", "max_tokens": 99, "messages": MESSAGES, "stream": True}
    kinds = [event["type"] for event in events(data.post("/anthropic/v1/messages", json=body))]
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop")


def test_a_cached_answer_can_be_streamed(data: httpx.Client, gateway: Gateway) -> None:
    gateway(cache_ttl=60)
    assert stream(data) == stream(data)


def test_a_client_may_hang_up_in_the_middle(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, chunk_delay_ms=20)
    with data.stream("POST", CHAT, json=chat_body(f"workers-ai/{LLAMA}", stream=True)) as reply:
        next(reply.iter_bytes())
    emulator.programme(LLAMA)
    assert data.post(CHAT, json=chat_body(f"workers-ai/{LLAMA}")).status_code == 200
