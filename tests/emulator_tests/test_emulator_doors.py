"""The ways in: which door takes what, and in whose words it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import ACCOUNT, GPT_OSS, LLAMA, MINIMAL, chat_body, end, model, start

pytestmark = pytest.mark.http
Gateway = Callable[..., str]
MESSAGES = [{"role": "user", "content": "hello"}]


@pytest.fixture
def rest(emulator: Running, gateway: Gateway) -> Iterator[httpx.Client]:
    """A client of the REST forms, through the gateway gw."""
    gateway()
    headers = {**emulator.auth, "cf-aig-gateway-id": "gw"}
    base = f"{emulator.control_plane}/accounts/{ACCOUNT}/ai"
    with httpx.Client(base_url=base, headers=headers, verify=False) as client:
        yield client


@pytest.fixture
def routed(control: httpx.Client, gateway: Gateway) -> None:
    gateway()
    elements = [start("m"), model("m", LLAMA), end()]
    control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements}).raise_for_status()


def test_the_native_door_wraps_its_answer(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    answer = data.post(f"/workers-ai/{LLAMA}", json={"messages": MESSAGES}).json()
    assert answer.keys() == {"result", "success", "errors", "messages"}
    assert answer["result"].keys() == {"response", "usage"}


def test_a_newer_model_answers_in_openai_shape_inside_result(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    answer = data.post(f"/workers-ai/{GPT_OSS}", json={"messages": MESSAGES}).json()
    assert answer["result"]["object"] == "chat.completion"


def test_a_prompt_is_as_good_as_messages(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert data.post(f"/workers-ai/{LLAMA}", json={"prompt": "hello"}).json()["success"] is True


def test_the_openai_door_of_workers_ai_takes_bare_ids(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    body = chat_body(LLAMA)
    assert data.post("/workers-ai/v1/chat/completions", json=body).json()["model"] == LLAMA


def test_an_unknown_model_is_5007_in_errors(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    reply = data.post("/workers-ai/@cf/nobody/nothing", json={"messages": MESSAGES})
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (400, 5007)


def test_a_deprecated_model_is_gone(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    reply = data.post("/workers-ai/@cf/meta/llama-3.1-8b-instruct", json={"messages": MESSAGES})
    assert reply.json()["errors"][0]["code"] == 5007


def test_an_alias_leads_to_its_successor(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    body = chat_body("@cf/moonshotai/kimi-k2.5")
    assert data.post("/workers-ai/v1/chat/completions", json=body).json()["model"] == "@cf/moonshotai/kimi-k2.6"


def test_openai_answers_behind_its_own_door(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert data.post("/openai/chat/completions", json=chat_body("gpt-4o")).json()["model"] == "gpt-4o"


def test_openai_answers_behind_compat(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert data.post("/compat/chat/completions", json=chat_body("openai/gpt-4o")).json()["model"] == "gpt-4o"


def test_openai_words_its_own_errors(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    reply = data.post("/openai/chat/completions", json=chat_body("nothing-4"))
    assert (reply.status_code, reply.json()["error"]["type"]) == (404, "invalid_request_error")


def test_anthropic_answers_in_messages(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    body = {"model": "claude-sonnet-4-5", "max_tokens": 100, "system": "be short", "messages": MESSAGES}
    answer = data.post("/anthropic/v1/messages", json=body).json()
    assert (answer["type"], answer["content"][0]["type"], answer["stop_reason"]) == ("message", "text", "end_turn")


def test_anthropic_words_its_own_errors(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme("claude-sonnet-4-5", failures=[{"status": 429, "message": "slow down"}])
    body = {"model": "claude-sonnet-4-5", "max_tokens": 100, "messages": MESSAGES}
    assert data.post("/anthropic/v1/messages", json=body).json() == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "slow down"},
    }


def test_byok_only_wants_a_key(data: httpx.Client, gateway: Gateway) -> None:
    gateway(byok_only=True)
    body = chat_body("gpt-4o")
    assert data.post("/openai/chat/completions", json=body).status_code == 400
    keys = {"cf-aig-authorization": "Bearer " + "test-" * 8, "Authorization": "Bearer test-key-of-openai"}
    assert data.post("/openai/chat/completions", json=body, headers=keys).status_code == 200


def test_a_stored_key_pays(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway(byok_only=True, store_id="store")
    config = {"alias": "default", "default_config": True, "provider_slug": "openai", "secret": "test-key-of-openai"}
    control.post("/ai-gateway/gateways/gw/provider_configs", json=config).raise_for_status()
    assert data.post("/openai/chat/completions", json=chat_body("gpt-4o")).status_code == 200


def test_an_account_without_credits_is_402(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.assume(unified_billing="no-credits")
    assert data.post("/openai/chat/completions", json=chat_body("gpt-4o")).status_code == 402


def test_byok_only_leaves_workers_ai_alone(data: httpx.Client, gateway: Gateway) -> None:
    gateway(byok_only=True)
    assert data.post("/compat/chat/completions", json=chat_body(f"workers-ai/{LLAMA}")).status_code == 200


def step(provider: str, endpoint: str, query: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"provider": provider, "endpoint": endpoint, "headers": {}, "query": query, **more}


def test_the_universal_door_takes_the_first_that_succeeds(
    emulator: Running, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    emulator.programme(LLAMA, failures=[{"status": 500}])
    steps = [step("workers-ai", LLAMA, {"messages": MESSAGES}), step("openai", "chat/completions", chat_body("gpt-4o"))]
    reply = data.post("", json=steps)
    assert (reply.status_code, reply.headers["cf-aig-step"], reply.json()["model"]) == (200, "1", "gpt-4o")


def test_a_step_of_the_universal_door_has_its_own_config(
    emulator: Running, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    emulator.programme(LLAMA, failures=[{"status": 500, "times": 1}])
    steps = [step("workers-ai", LLAMA, {"messages": MESSAGES}, config={"maxAttempts": 2})]
    assert data.post("", json=steps).headers["cf-aig-step"] == "0"


@pytest.mark.parametrize("body", [[], {}, [1], [{"provider": "openai"}]])
def test_the_universal_door_refuses_what_is_no_list_of_steps(data: httpx.Client, gateway: Gateway, body: Any) -> None:
    gateway()
    assert data.post("", json=body).status_code == 400


def test_run_says_who_paid(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    answer = data.post("/run", json={"model": "openai/gpt-4o", "input": {"messages": MESSAGES}}).json()
    assert {name: answer[name] for name in ("state", "usedBYOKKey", "provider", "model")} == {
        "state": "Completed",
        "usedBYOKKey": False,
        "provider": "openai",
        "model": "gpt-4o",
    }


def test_run_knows_no_dynamic_routes(data: httpx.Client, routed: None) -> None:
    reply = data.post("/run", json={"model": "dynamic/chat", "input": {"messages": MESSAGES}})
    assert reply.status_code == 400


def test_rest_run_takes_model_and_input(rest: httpx.Client) -> None:
    answer = rest.post("/run", json={"model": LLAMA, "input": {"messages": MESSAGES}}).json()
    assert answer["result"]["response"]


def test_rest_run_takes_the_model_in_the_path(rest: httpx.Client) -> None:
    reply = rest.post(f"/run/{LLAMA}", json={"messages": MESSAGES})
    assert (reply.json()["success"], "cf-aig-log-id" in reply.headers) == (True, True)


def test_rest_run_works_without_a_gateway(emulator: Running, rest: httpx.Client, control: httpx.Client) -> None:
    del rest.headers["cf-aig-gateway-id"]
    reply = rest.post(f"/run/{LLAMA}", json={"messages": MESSAGES})
    assert ("cf-ai-req-id" in reply.headers, "cf-aig-log-id" in reply.headers) == (True, False)
    assert control.get("/ai-gateway/gateways/default").status_code == 404


def test_rest_run_without_a_gateway_can_be_assumed_to_use_the_default(
    emulator: Running, rest: httpx.Client, control: httpx.Client
) -> None:
    emulator.assume(native_run_is_logged="default")
    del rest.headers["cf-aig-gateway-id"]
    assert "cf-aig-log-id" in rest.post(f"/run/{LLAMA}", json={"messages": MESSAGES}).headers
    assert control.get("/ai-gateway/gateways/default").status_code == 200


def test_workers_ai_on_rest_wants_a_gateway(rest: httpx.Client) -> None:
    del rest.headers["cf-aig-gateway-id"]
    reply = rest.post("/v1/chat/completions", json=chat_body(LLAMA))
    assert (reply.status_code, "cf-aig-gateway-id" in reply.json()["errors"][0]["message"]) == (400, True)


def test_rest_chat_serves_a_dynamic_route(rest: httpx.Client, control: httpx.Client) -> None:
    elements = [start("m"), model("m", LLAMA), end()]
    control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements}).raise_for_status()
    assert rest.post("/v1/chat/completions", json=chat_body()).headers["cf-aig-model"] == LLAMA


def test_a_route_without_its_gateway_is_looked_for_in_the_default_one(
    rest: httpx.Client, control: httpx.Client
) -> None:
    control.post("/ai-gateway/gateways", json={"id": "default", **MINIMAL}).raise_for_status()
    del rest.headers["cf-aig-gateway-id"]
    assert rest.post("/v1/chat/completions", json=chat_body()).status_code == 404


def test_a_route_takes_no_other_format(rest: httpx.Client) -> None:
    body = {"model": "dynamic/chat", "max_tokens": 5, "messages": MESSAGES}
    assert rest.post("/v1/messages", json=body).status_code == 400


def test_the_responses_shape_has_a_summary_of_the_reasoning(rest: httpx.Client) -> None:
    body = {"model": GPT_OSS, "input": "hello", "reasoning": {"effort": "high", "summary": "auto"}}
    answer = rest.post("/v1/responses", json=body).json()
    assert [item["type"] for item in answer["output"]] == ["reasoning", "message"]
    assert answer["output"][0]["summary"][0]["type"] == "summary_text"


def test_more_effort_thinks_longer(rest: httpx.Client) -> None:
    def tokens(effort: str) -> int:
        body = {"model": GPT_OSS, "input": "hello", "reasoning": {"effort": effort}}
        return int(rest.post("/v1/responses", json=body).json()["usage"]["output_tokens"])

    assert tokens("low") < tokens("medium") < tokens("high")


def test_gpt_oss_takes_input_or_messages_but_not_both(rest: httpx.Client) -> None:
    assert rest.post(f"/run/{GPT_OSS}", json={"input": "hello"}).json()["result"]["object"] == "response"
    both = rest.post(f"/run/{GPT_OSS}", json={"input": "hello", "messages": MESSAGES})
    assert (both.status_code, both.json()["errors"][0]["code"]) == (400, 5004)


def test_a_reasoning_model_with_few_tokens_says_nothing(rest: httpx.Client) -> None:
    body = chat_body(GPT_OSS, max_tokens=10)
    choice = rest.post("/v1/chat/completions", json=body).json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")


def test_thinking_can_be_switched_off_where_a_template_allows(rest: httpx.Client) -> None:
    body = chat_body("@cf/zai-org/glm-4.7-flash", chat_template_kwargs={"enable_thinking": False})
    message = rest.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert "reasoning_content" not in message


TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}


def test_a_required_tool_is_called_with_fitting_arguments(rest: httpx.Client) -> None:
    body = chat_body(LLAMA, tools=[TOOL], tool_choice="required")
    choice = rest.post("/v1/chat/completions", json=body).json()["choices"][0]
    call = choice["message"]["tool_calls"][0]["function"]
    assert (choice["finish_reason"], call["name"]) == ("tool_calls", "get_weather")
    assert isinstance(json.loads(call["arguments"])["days"], int)


def test_a_tool_is_called_when_its_name_is_spoken(rest: httpx.Client) -> None:
    body = chat_body(LLAMA, "please get_weather in Rome", tools=[TOOL])
    assert rest.post("/v1/chat/completions", json=body).json()["choices"][0]["finish_reason"] == "tool_calls"


def test_tools_that_are_not_wanted_are_not_called(rest: httpx.Client) -> None:
    body = chat_body(LLAMA, "please get_weather in Rome", tools=[TOOL], tool_choice="none")
    assert rest.post("/v1/chat/completions", json=body).json()["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(("form", "has_field"), [("field", True), ("text", False)])
def test_native_tool_calls_come_as_a_field_or_as_text(
    emulator: Running, rest: httpx.Client, form: str, has_field: bool
) -> None:
    emulator.assume(native_tool_calls=form)
    body = {"messages": MESSAGES, "tools": [TOOL], "tool_choice": "required"}
    result = rest.post(f"/run/{LLAMA}", json=body).json()["result"]
    assert ("tool_calls" in result) is has_field


def test_json_mode_answers_with_json_that_fits(rest: httpx.Client) -> None:
    schema = {"type": "object", "properties": {"score": {"type": "integer", "minimum": 1, "maximum": 5}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    body = chat_body(LLAMA, response_format=wanted)
    content = rest.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]["content"]
    assert 1 <= json.loads(content)["score"] <= 5


def test_a_batch_is_queued_polled_and_done(rest: httpx.Client) -> None:
    requests = [{"prompt": "a", "external_reference": "x"}, {"nothing": 1}]
    queued = rest.post(f"/run/{LLAMA}", params={"queueRequest": "true"}, json={"requests": requests}).json()["result"]
    assert queued["status"] == "queued"
    asked = {"request_id": queued["request_id"]}
    polls = [rest.post(f"/run/{LLAMA}", params={"queueRequest": "true"}, json=asked).json() for _ in range(2)]
    assert polls[0]["result"]["status"] == "running"
    responses = polls[1]["result"]["responses"]
    assert [(one["success"], one["external_reference"]) for one in responses] == [(True, "x"), (False, None)]


def test_polling_an_unknown_batch_is_404(rest: httpx.Client) -> None:
    del rest.headers["cf-aig-gateway-id"]
    assert rest.post(f"/run/{LLAMA}", json={"request_id": "nope"}).status_code == 404


def test_the_url_of_a_gateway_leads_to_its_door(emulator: Running, control: httpx.Client, gateway: Gateway) -> None:
    gateway()
    url = control.get("/ai-gateway/gateways/gw/url/workers-ai").json()["result"]
    reply = httpx.post(f"{url}/{LLAMA}", json={"messages": MESSAGES}, headers=emulator.auth, verify=False)
    assert reply.status_code == 200


def test_the_catalogue_leaves_out_what_is_deprecated(control: httpx.Client) -> None:
    def names(**query: str) -> set[str]:
        found = control.get("/ai/models/search", params={"per_page": "100", **query}).json()["result"]
        return {one["name"] for one in found}

    old = "@cf/meta/llama-3.1-8b-instruct"
    assert LLAMA in names()
    assert old not in names()
    assert old in names(include_deprecated="true")
    assert names(task="Text-to-Image", search="flux-2-dev") == {"@cf/black-forest-labs/flux-2-dev"}


def test_each_step_of_the_universal_door_has_its_own_log(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    emulator.programme(LLAMA, failures=[{"status": 500}])
    steps = [step("workers-ai", LLAMA, {"messages": MESSAGES}), step("openai", "chat/completions", chat_body("gpt-4o"))]
    reply = data.post("", json=steps)
    logs = control.get("/ai-gateway/gateways/gw/logs").json()["result"]
    assert [(entry["success"], entry["step"]) for entry in logs] == [(True, 1), (False, 0)]
    assert reply.headers["cf-aig-log-id"] == logs[0]["id"]
    assert reply.headers["cf-aig-request-id"] == logs[1]["id"]


@pytest.mark.parametrize(("stored", "status"), [(True, 401), (False, 503)])
def test_on_rest_a_rejected_key_is_told_apart_from_billing(
    emulator: Running, rest: httpx.Client, control: httpx.Client, stored: bool, status: int
) -> None:
    if stored:
        control.put("/ai-gateway/gateways/gw", json={**MINIMAL, "store_id": "store"}).raise_for_status()
        config = {"alias": "default", "default_config": True, "provider_slug": "openai", "secret": "test-key-of-openai"}
        control.post("/ai-gateway/gateways/gw/provider_configs", json=config).raise_for_status()
    emulator.programme("gpt-4o", failures=[{"status": 401, "message": "bad key"}])
    assert rest.post("/v1/chat/completions", json=chat_body("openai/gpt-4o")).status_code == status


def test_a_licence_is_agreed_to_once(rest: httpx.Client) -> None:
    vision = "/run/@cf/meta/llama-3.2-11b-vision-instruct"
    refused = rest.post(vision, json={"messages": MESSAGES})
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, 5016)
    rest.post(vision, json={"prompt": "agree"}).raise_for_status()
    assert rest.post(vision, json={"messages": MESSAGES}).status_code == 200


@pytest.mark.parametrize("query", [{}, {"queueRequest": "true"}])
def test_a_batch_is_polled_with_its_id_whatever_the_query(rest: httpx.Client, query: dict[str, str]) -> None:
    body = {"requests": [{"prompt": "a"}]}
    queued = rest.post(f"/run/{LLAMA}", params={"queueRequest": "true"}, json=body).json()["result"]
    asked = {"request_id": queued["request_id"]}
    assert rest.post(f"/run/{LLAMA}", params=query, json=asked).json()["result"]["status"] == "running"
