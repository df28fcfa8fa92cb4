"""What a question can be besides a text: pictures, tools, schemas, reasoning, tiers, adapters."""

import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import DoneEvent, InputError, KindMismatchError, ToolCall, UnfitAnswerError
from gateway_config.runtime.records.segments import read_records
from tests.runtime.test_decoder import OPENAI
from tests.runtime.world import GEMMA, GPT_OSS, Gateway, answering, completion

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
MODELS = """
version: 1
gateway: {id: inference}
models:
  gemma:
    upstream: workers-ai
    model: "@cf/google/gemma-4-26b-a4b-it"
    kind: vision
    price: {in_usd_per_mtok: "0.100", out_usd_per_mtok: "0.300", as_of: 2026-08-28}
  gpt-oss: {upstream: workers-ai, model: "@cf/openai/gpt-oss-120b", kind: chat}
  gpt-4o: {upstream: openai, model: gpt-4o, kind: chat}
  mistral:
    upstream: workers-ai
    model: "@cf/mistral/mistral-7b-instruct-v0.2-lora"
    kind: chat
    capabilities: [lora]
prompts:
  brief: {system: Be brief.}
adapters:
  acme-tone: {model: mistral, folder: adapters/acme}
tenants:
  acme: {adapters: [acme-tone]}
tier: edge
"""
DAILY = """
kind: chat
intents: [daily]
arms: {one: {model: gemma}}
cache:
  key: "daily_horo_{sign}_{date}"
  fields: {sign: text, date: {form: "%Y_%m_%d", time_zone: Europe/Berlin}}
  ttl_s: 3600
"""
ROUTES = {
    "seeing": "kind: vision\nintents: [seer]\narms: {one: {model: gemma}}",
    "thinking": ("kind: chat\nintents: [think]\narms: {one: {model: gpt-oss, reasoning_effort: low, prompt: brief}}"),
    "explaining": (
        "kind: chat\nintents: [explain]\ndirect: true\n"
        "arms: {one: {model: gpt-oss, reasoning_effort: low, reasoning_summary: auto, prompt: brief}}"
    ),
    "editing": (
        "kind: chat\nintents: [edit]\narms: {near: {model: gemma}, far: {model: gpt-4o}}\n"
        "tiers: {edge: {near: 100}, frontier: {far: 100}}"
    ),
    "tiered": (
        "kind: chat\nintents: [tiered]\narms: {near: {model: gemma}, far: {model: gpt-4o}}\n"
        "tiers: {edge: {near: 100}, frontier: {far: 100}}\n"
        "cache: {key: 'k_{sign}', fields: {sign: text}, ttl_s: 3600, shared: [arm]}"
    ),
    "voicing": "kind: chat\nintents: [voice]\ndirect: true\narms: {one: {model: mistral, adapter: tenant}}",
    "elsewhere": "kind: chat\nintents: [elsewhere]\ndirect: true\narms: {one: {model: gpt-4o}}\nfallback: [gemma]",
    "daily": DAILY,
    "shared": DAILY.replace("[daily]", "[shared]") + "  shared: [tenant, prompt]\n",
}


# --- pictures and tools -------------------------------------------------------------------------------------------


def test_bytes_of_a_picture_travel_as_a_data_uri(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    gateway.client(rich).ask("seer", "What is this?", images=[PNG, "https://example.com/cat.jpg"])
    text, first, second = gateway.bodies[0]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What is this?"}
    assert first["image_url"]["url"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert second["image_url"]["url"] == "https://example.com/cat.jpg"


def test_a_picture_is_refused_by_a_route_that_cannot_see(rich: CompiledConfig) -> None:
    with pytest.raises(KindMismatchError, match="without images"):
        Gateway().client(rich).ask("think", "What is this?", images=[PNG])


@pytest.mark.parametrize("image", ["http://example.com/a.png", "file:///etc/passwd", b"", 5])
def test_a_picture_that_is_none_is_refused(rich: CompiledConfig, image: Any) -> None:
    with pytest.raises(InputError, match="image"):
        Gateway().client(rich).ask("seer", "What is this?", images=[image])


def test_tools_are_sent_and_their_calls_come_back(rich: CompiledConfig) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Ulm"}'}}
    body = completion(None)
    body["choices"][0]["message"]["tool_calls"] = [call]
    gateway = Gateway(answering(body, model=GEMMA))
    tools = [{"type": "function", "function": {"name": "weather", "parameters": {}}}]
    answer = gateway.client(rich).ask("seer", "Weather?", tools=tools, tool_choice="auto")
    assert gateway.bodies[0]["tools"] == tools
    assert answer.tool_calls == (ToolCall("call_1", "weather", '{"city":"Ulm"}'),)
    assert answer.text == ""


# --- answers that fit ---------------------------------------------------------------------------------------------


class Plan(BaseModel):
    name: str
    score: int


SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "score": {"type": "integer", "minimum": 0, "maximum": 10}},
    "required": ["name", "score"],
    "additionalProperties": False,
}


def test_an_answer_that_fits_comes_as_the_class(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(completion('{"name": "a", "score": 3}'), model=GEMMA))
    answer = gateway.client(rich).ask("seer", "Plan", schema=Plan)
    assert answer.data == Plan(name="a", score=3)
    form = gateway.bodies[0]["response_format"]
    assert (form["type"], form["json_schema"]["name"]) == ("json_schema", "Plan")


def test_an_answer_that_fits_a_schema_is_plain_data_even_in_a_fence(rich: CompiledConfig) -> None:
    fenced = '```json\n{"name": "a", "score": 3}\n```'
    answer = Gateway(answering(completion(fenced), model=GEMMA)).client(rich).ask("seer", "Plan", schema=SCHEMA)
    assert answer.data == {"name": "a", "score": 3}


@pytest.mark.parametrize("schema", [Plan, SCHEMA], ids=["class", "schema"])
def test_an_answer_that_does_not_fit_is_repaired_once(rich: CompiledConfig, schema: Any, tmp_path: Path) -> None:
    wrong, right = completion('{"name": "a"}'), completion('{"name": "a", "score": 3}')
    gateway = Gateway(answering(wrong, model=GEMMA), answering(right, model=GEMMA))
    with gateway.client(rich, records=tmp_path) as client:
        answer = client.ask("seer", "Plan", schema=schema)
    assert len(gateway.requests) == 2
    assert "score" in gateway.bodies[1]["messages"][-1]["content"]
    assert answer.usage is not None
    assert (answer.usage.tokens_in, answer.cost_usd) == (20, Decimal("0.000005"))
    (record,) = read_records(tmp_path)
    assert (record["tokens_in"], len(record["attempts"])) == (20, 2)


def test_an_answer_that_does_not_fit_twice_is_an_error_with_the_answer(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(completion("no JSON"), model=GEMMA))
    with pytest.raises(UnfitAnswerError, match="it is not JSON") as caught:
        gateway.client(rich).ask("seer", "Plan", schema=SCHEMA)
    assert caught.value.answer.text == "no JSON"
    assert len(gateway.requests) == 2


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ({"name": 5, "score": 1}, "the answer.name is of the type string"),
        ({"name": "a", "score": True}, "integer"),
        ({"name": "a", "score": 11}, "maximum"),
        ({"name": "a", "score": -1}, "minimum"),
        ({"name": "a", "score": 1, "more": 1}, "not wanted"),
        ([], "object"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(rich: CompiledConfig, value: Any, complaint: str) -> None:
    with pytest.raises(UnfitAnswerError, match=complaint):
        Gateway(answering(completion(json.dumps(value)), model=GEMMA)).client(rich).ask("seer", "P", schema=SCHEMA)


def test_a_schema_that_could_not_be_checked_is_refused(rich: CompiledConfig) -> None:
    with pytest.raises(InputError, match="'oneOf', which is not checked"):
        Gateway().client(rich).ask("seer", "Plan", schema={"oneOf": []})


# --- reasoning ----------------------------------------------------------------------------------------------------

RESPONSES = {
    "object": "response",
    "status": "completed",
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Weighed both."}]},
        {"type": "message", "content": [{"type": "output_text", "text": "Yes."}]},
    ],
    "usage": {"input_tokens": 9, "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 12}},
}


def test_a_reasoning_summary_goes_to_the_model_itself_and_comes_back(rich: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(200, json={"result": RESPONSES, "success": True}))
    answer = gateway.client(rich).ask("explain", "Why?", effort="high", max_tokens=500)
    assert gateway.requests[0].url.path.endswith(f"/workers-ai/{GPT_OSS}")
    assert gateway.bodies[0] == {
        "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "reasoning": {"summary": "auto", "effort": "high"},
        "max_output_tokens": 500,
    }
    assert (answer.text, answer.reasoning, answer.finish_reason) == ("Yes.", "Weighed both.", "stop")
    assert answer.usage is not None
    assert (answer.usage.tokens_out, answer.usage.reasoning_tokens) == (20, 12)


def test_a_summary_that_the_caller_wants_leaves_the_dynamic_route(rich: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(200, json={"result": RESPONSES, "success": True}))
    answer = gateway.client(rich).ask("think", "Why?", summary="concise")
    assert gateway.bodies[0]["reasoning"]["summary"] == "concise"
    assert answer.served_by.arm == "one"


def test_a_dynamic_route_is_told_the_effort_and_the_prompt_but_no_summary(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GPT_OSS))
    gateway.client(rich).ask("think", "Why?")
    assert gateway.bodies[0] == {
        "model": "dynamic/thinking",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}],
        "reasoning_effort": "low",
    }


@pytest.mark.parametrize("options", [{"effort": "max"}, {"summary": "long"}])
def test_an_unknown_effort_or_summary_is_refused(rich: CompiledConfig, options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="is one of"):
        Gateway().client(rich).ask("think", "Why?", **options)


@pytest.mark.parametrize("options", [{"schema": SCHEMA}, {"tools": []}, {"parameters": {"seed": 1}}])
def test_what_a_summary_cannot_carry_is_refused_before_any_request(
    rich: CompiledConfig, options: dict[str, Any]
) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="leave one of them out"):
        gateway.client(rich).ask("think", "Why?", summary="auto", **options)
    assert gateway.requests == []


def test_a_summary_is_not_streamed(rich: CompiledConfig) -> None:
    with pytest.raises(InputError, match="use ask instead"):
        Gateway().client(rich).stream("think", "Why?", summary="auto")


# --- direct chat and adapters -------------------------------------------------------------------------------------


def test_a_direct_route_names_the_model_at_the_endpoint_of_its_upstream(rich: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(500), httpx.Response(200, json=completion()))
    answer = gateway.client(rich).ask("elsewhere", "Hi")
    paths = [request.url.path.partition("/inference-dev/")[2] for request in gateway.requests]
    assert paths == ["compat/chat/completions", "workers-ai/v1/chat/completions"]
    assert [body["model"] for body in gateway.bodies] == ["openai/gpt-4o", GEMMA]
    assert answer.served_by.name == "gemma"


def test_a_direct_route_streams_and_falls_back_before_the_first_event_only(rich: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(500), httpx.Response(200, content=OPENAI))
    *events, done = gateway.client(rich).stream("elsewhere", "Hi")
    assert isinstance(done, DoneEvent)
    assert done.answer.served_by.name == "gemma"
    assert "".join(event.text for event in events if event.type == "text") == done.answer.text


def test_a_tenant_speaks_with_its_own_adapter(rich: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(200, json={"result": {"response": "Hi"}, "success": True}))
    client = gateway.client(rich)
    client.ask("voice", "Hi", tenant="acme")
    client.ask("voice", "Hi", tenant="other")
    assert gateway.bodies[0]["lora"] == "acme-tone"
    assert gateway.requests[0].url.path.endswith("/workers-ai/@cf/mistral/mistral-7b-instruct-v0.2-lora")
    assert "lora" not in gateway.bodies[1]


# --- tiers --------------------------------------------------------------------------------------------------------


def test_a_tier_is_told_to_the_graph_and_recorded(rich: CompiledConfig) -> None:
    gateway = Gateway(answering(model=GEMMA))
    client = gateway.client(rich)
    assert client.ask("edit", "Hi").tier == "edge"
    answer = client.ask("edit", "Hi", tier="frontier")
    assert (answer.tier, answer.assigned_arm) == ("frontier", "far")
    assert [metadata["tier"] for metadata in gateway.metadata] == ["edge", "frontier"]


def test_going_deeper_asks_the_same_on_the_frontier_and_links_the_records(rich: CompiledConfig, tmp_path: Path) -> None:
    gateway = Gateway(answering(model=GEMMA))
    with gateway.client(rich, records=tmp_path) as client:
        near = client.ask("edit", "Hi", user="ada", temperature=0.1)
        far = client.deeper(near)
    assert gateway.bodies[0]["messages"] == gateway.bodies[1]["messages"]
    assert gateway.bodies[1]["temperature"] == 0.1
    assert (far.tier, far.assigned_arm) == ("frontier", "far")
    records = list(read_records(tmp_path))
    assert [record["deeper_of"] for record in records] == [None, near.trace]
    assert [record["user"] for record in records] == ["ada", "ada"]


def test_going_deeper_asks_what_was_asked_whatever_became_of_the_messages(rich: CompiledConfig) -> None:
    gateway, messages = Gateway(answering(model=GEMMA)), [{"role": "user", "content": "Hi"}]
    client = gateway.client(rich)
    near = client.ask("edit", messages)
    messages.append({"role": "assistant", "content": near.text})
    client.deeper(near)
    assert gateway.bodies[0]["messages"] == gateway.bodies[1]["messages"]


def test_nothing_is_deeper_where_there_are_no_tiers(rich: CompiledConfig) -> None:
    client = Gateway(answering(model=GEMMA)).client(rich)
    answer = client.ask("seer", "Hi")
    with pytest.raises(InputError, match='"seeing" has no tiers, so nothing is deeper'):
        client.deeper(answer)


def test_nothing_is_deeper_than_the_frontier(rich: CompiledConfig) -> None:
    client = Gateway(answering(model=GEMMA)).client(rich)
    with pytest.raises(InputError, match="nothing is deeper"):
        client.deeper(client.ask("edit", "Hi", tier="frontier"))


def test_a_route_without_tiers_takes_none(rich: CompiledConfig) -> None:
    client = Gateway(answering(model=GEMMA)).client(rich)
    with pytest.raises(InputError, match="has no tiers"):
        client.ask("seer", "Hi", tier="edge")
    with pytest.raises(InputError, match="a tier is edge or frontier"):
        client.ask("edit", "Hi", tier="cloud")  # type: ignore[arg-type]
