"""Whatever a caller gives: it is sent, or an InputError before any request."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, InputError, MissingSettingError, Settings, UnknownIntentError
from tests.runtime.world import Gateway


class Nameless:
    """Something that cannot even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError


OPTIONS: list[dict[str, Any]] = [
    {"user": "\ud800"},
    {"metadata": {"a": 10**5000}},
    {"metadata": {"a": "\ud800"}},
    {"metadata": [1]},
    {"metadata": "ab"},
    {"arm": []},
    {"deadline_ms": 10**5000},
    {"parameters": 5},
    {"parameters": [1]},
    {"images": 5},
    {"cache": 5},
    {"user": "x" * 257},
    {"tenant": Nameless()},
    {"tier": "x" * 100_000},
    {"temperature": "0.5"},
    {"temperature": float("nan")},
    {"max_tokens": 0},
    {"max_tokens": True},
    {"tools": {"type": "function"}},
    {"tools": ["search"]},
    {"tool_choice": 1},
    {"effort": ["low"]},
]
SCHEMAS: list[Any] = [
    BaseModel,
    {1: 2, "foo": 3},
    {"properties": ["a"]},
    {"pattern": "("},
    {"required": 5},
    {"minimum": "a"},
    {"maxLength": 1.5},
    {"type": 5},
    {"type": "strng"},
    {"enum": 5},
]


@pytest.mark.parametrize("options", [*OPTIONS, *({"schema": schema} for schema in SCHEMAS)])
def test_what_cannot_be_sent_is_refused_before_any_request(config: CompiledConfig, options: dict[str, Any]) -> None:
    gateway = Gateway()
    with pytest.raises(InputError):
        gateway.client(config).ask("sprinter", "Hi", **options)
    assert gateway.requests == []


def test_pictures_to_start_from_are_a_list(config: CompiledConfig) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="references is a list"):
        gateway.client(config).image("artist", "A cat", references=5)  # type: ignore[arg-type]
    assert gateway.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "half \ud83d",
        None,
        5,
        [],
        ["Hi"],
        [{"role": "user"}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": []}],
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " "}],
        [{"role": "user", "content": 5}],
        [{"role": "user", "content": "half \ud83d"}],
        [{"role": 1, "content": "Hi"}],
    ],
)
def test_a_question_that_says_nothing_is_refused_before_any_request(config: CompiledConfig, text: Any) -> None:
    gateway = Gateway()
    with pytest.raises(InputError) as caught:
        gateway.client(config).ask("sprinter", text)
    assert len(str(caught.value)) < 200
    assert gateway.requests == []


def test_a_conversation_with_tools_is_sent_as_it_is(config: CompiledConfig) -> None:
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "What is the time?"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": {"name": "time"}}]},
        {"role": "tool", "tool_call_id": "1", "content": ""},
    ]
    gateway = Gateway()
    gateway.client(config).ask("sprinter", messages)
    assert gateway.bodies[0]["messages"] == messages


def test_writing_of_every_language_is_sent_as_it_is(config: CompiledConfig) -> None:
    gateway = Gateway()
    gateway.client(config).ask("sprinter", "潮汐 \U0001f30a é")
    assert "潮汐 \U0001f30a é".encode() in gateway.requests[0].content


@pytest.mark.parametrize("intent", ["x" * 100_000, None, 5, [], Nameless()])
def test_an_odd_intent_is_told_in_a_sentence(config: CompiledConfig, intent: Any) -> None:
    with pytest.raises(UnknownIntentError) as caught:
        Gateway().client(config).ask(intent, "Hi")
    assert len(str(caught.value)) < 300


HALF = "half \ud800"
OTHERS: list[Callable[[Client], object]] = [
    lambda client: client.image("artist", "half \ud83d"),
    lambda client: client.embed("chained", ["a", "half \ud83d"]),
    lambda client: client.transcribe("hear", b"RIFF", language=5),  # type: ignore[arg-type]
    lambda client: client.transcribe("listen", b"RIFF", prompt=["a"]),  # type: ignore[arg-type]
    lambda client: client.speak("announce", "Hi", voice=5),  # type: ignore[arg-type]
    lambda client: client.speak("say", "Hi", language=""),
    lambda client: client.deeper("Hi"),  # type: ignore[arg-type]
    lambda client: client.batch("sage", iter(["a"])),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("call", OTHERS)
def test_what_other_calls_cannot_send_is_refused_before_any_request(
    kinds: CompiledConfig, call: Callable[[Client], object]
) -> None:
    gateway = Gateway()
    with pytest.raises(InputError):
        call(gateway.client(kinds))
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda client: client.embed("vectors", ["a", HALF]), "number 2 of the texts holds half a character"),
        (lambda client: client.embed("vectors", ["a", ""]), "number 2 of the texts is a text that is not empty"),
        (lambda client: client.embed("vectors", 5), "texts are one text or several; found 5"),
        (lambda client: client.rerank("sort", HALF, ["a"]), "the query holds half a character"),
        (lambda client: client.speak("say", HALF), "what to say holds half a character"),
        (lambda client: client.classify("guard", HALF), "the request holds half a character"),
    ],
)
def test_what_is_wrong_with_a_text_is_said(
    kinds: CompiledConfig, call: Callable[[Client], object], sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        call(Gateway().client(kinds))


@pytest.mark.parametrize(("account", "token"), [(None, "test-"), ("account", None), ("a/b", "test-"), ("a", "te st")])
def test_settings_that_are_none_are_missing(account: Any, token: Any) -> None:
    with pytest.raises(MissingSettingError):
        Settings(account, token)
