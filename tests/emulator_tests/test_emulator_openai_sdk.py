"""The openai SDK, sync and async, whole and streamed, through the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.emulator.server import TEST_TOKEN, Running
from tests.emulator_tests.given import ACCOUNT, GPT_OSS, LLAMA, end, model, start

pytestmark = pytest.mark.http
MESSAGES: Any = [{"role": "user", "content": "hello"}]
BGE = "@cf/baai/bge-base-en-v1.5"


@pytest.fixture
def url(emulator: Running, route: Callable[..., Any]) -> str:
    """The gateway gw, with a route named chat."""
    route([start("m"), model("m", LLAMA), end()])
    return f"{emulator.data_plane}/{ACCOUNT}/gw"


def client(url: str) -> OpenAI:
    return OpenAI(base_url=url, api_key=TEST_TOKEN, max_retries=0)


@pytest.fixture
def compat(url: str) -> Iterator[OpenAI]:
    with client(f"{url}/compat") as made:
        yield made


@pytest.fixture
def workers_ai(url: str) -> Iterator[OpenAI]:
    with client(f"{url}/workers-ai/v1") as made:
        yield made


def test_a_route_answers(compat: OpenAI) -> None:
    answer = compat.chat.completions.create(model="dynamic/chat", messages=MESSAGES)
    assert answer.choices[0].message.content
    assert answer.usage
    assert answer.usage.total_tokens > 0


def test_a_route_streams(compat: OpenAI) -> None:
    whole = compat.chat.completions.create(model="dynamic/chat", messages=MESSAGES)
    options: Any = {"include_usage": True}
    stream = compat.chat.completions.create(
        model="dynamic/chat", messages=MESSAGES, stream=True, stream_options=options
    )
    chunks = list(stream)
    said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert said == whole.choices[0].message.content
    assert chunks[-1].usage == whole.usage


def test_a_route_answers_asynchronously_many_at_once(url: str) -> None:
    async def ask() -> list[str | None]:
        async with AsyncOpenAI(base_url=f"{url}/compat", api_key=TEST_TOKEN, max_retries=0) as made:
            answers = await asyncio.gather(
                *(made.chat.completions.create(model="dynamic/chat", messages=MESSAGES) for _ in range(20))
            )
        return [answer.choices[0].message.content for answer in answers]

    assert len(set(asyncio.run(ask()))) == 1


def test_a_tool_is_called(workers_ai: OpenAI) -> None:
    tool: Any = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
    answer = workers_ai.chat.completions.create(model=LLAMA, messages=MESSAGES, tools=[tool], tool_choice="required")
    calls: Any = answer.choices[0].message.tool_calls
    assert [call.function.name for call in calls] == ["look"]


def test_embeddings_are_made(workers_ai: OpenAI) -> None:
    answer = workers_ai.embeddings.create(model=BGE, input=["a", "b"], encoding_format="float")
    assert [len(one.embedding) for one in answer.data] == [768, 768]


def test_responses_are_made_and_streamed(emulator: Running, url: str) -> None:
    headers = {"cf-aig-gateway-id": "gw"}
    base = f"{emulator.control_plane}/accounts/{ACCOUNT}/ai/v1"
    with client(base) as made:
        whole = made.responses.create(model=GPT_OSS, input="hello", extra_headers=headers)
        stream = made.responses.create(model=GPT_OSS, input="hello", stream=True, extra_headers=headers)
        said = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
    assert said == whole.output_text != ""


def test_openai_models_answer_behind_their_own_door(url: str) -> None:
    with client(f"{url}/openai") as made:
        assert made.chat.completions.create(model="gpt-4o", messages=MESSAGES).model == "gpt-4o"
        with pytest.raises(openai.NotFoundError):
            made.chat.completions.create(model="nothing", messages=MESSAGES)


def test_errors_arrive_as_the_sdk_names_them(emulator: Running, compat: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError):
        compat.chat.completions.create(model="dynamic/nope", messages=MESSAGES)
    emulator.programme(LLAMA, failures=[{"status": 500}])
    with pytest.raises(openai.BadRequestError) as refused:
        compat.chat.completions.create(model="dynamic/chat", messages=MESSAGES)
    body: Any = refused.value.body  # the singular `error` is a list, so the SDK finds no message in it
    assert body[0]["message"] == "Failed to get response from provider"
