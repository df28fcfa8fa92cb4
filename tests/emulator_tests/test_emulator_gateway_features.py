"""What a gateway does besides passing on: cache, limits, retries, guardrails."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import GPT_OSS, LLAMA, MINIMAL, chat_body, end, model, start

pytestmark = pytest.mark.http
CHAT = "/compat/chat/completions"
DIRECT = f"workers-ai/{LLAMA}"
Gateway = Callable[..., str]


def ask(data: httpx.Client, text: str = "hello", model_name: str = DIRECT, **headers: str) -> httpx.Response:
    named = {f"cf-aig-{name.replace('_', '-')}": value for name, value in headers.items()}
    return data.post(CHAT, json=chat_body(model_name, text), headers=named)


def statuses(data: httpx.Client, *texts: str, **headers: str) -> list[str | None]:
    return [ask(data, text, **headers).headers.get("cf-aig-cache-status") for text in texts]


def test_the_second_of_two_equal_requests_is_a_hit(data: httpx.Client, gateway: Gateway) -> None:
    gateway(cache_ttl=60)
    assert statuses(data, "a", "a", "b") == ["MISS", "HIT", "MISS"]


def test_without_a_ttl_nothing_is_cached(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert statuses(data, "a", "a") == [None, None]


def test_a_hit_ends_with_the_ttl(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(cache_ttl=60)
    statuses(data, "a")
    emulator.admin("POST", "/clock", {"advance_s": 61})
    assert statuses(data, "a") == ["MISS"]


def test_a_header_sets_the_ttl_and_at_least_a_minute(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert statuses(data, "a", "a", cache_ttl="1") == ["MISS", "HIT"]


def test_a_key_alone_caches_for_five_minutes(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert statuses(data, "a", "another text", cache_key="k") == ["MISS", "HIT"]
    emulator.admin("POST", "/clock", {"advance_s": 301})
    assert statuses(data, "a", cache_key="k") == ["MISS"]


def test_the_cache_can_be_skipped(data: httpx.Client, gateway: Gateway) -> None:
    gateway(cache_ttl=60)
    statuses(data, "a")
    assert statuses(data, "a", skip_cache="true") == [None]


def test_status_without_a_cache_can_be_assumed_a_miss(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.assume(cache_status_without_cache="MISS")
    assert statuses(data, "a") == ["MISS"]


def test_an_update_of_the_gateway_can_invalidate_its_cache(
    control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway(cache_ttl=60, cache_invalidate_on_update=True)
    statuses(data, "a")
    body = {**MINIMAL, "cache_ttl": 60, "cache_invalidate_on_update": True}
    control.put("/ai-gateway/gateways/gw", json=body).raise_for_status()
    assert statuses(data, "a") == ["MISS"]


@pytest.mark.parametrize(("when", "tried"), [("before", 1), ("after", 2)])
def test_a_cached_route_is_asked_before_or_after_it_is_walked(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway, when: str, tried: int
) -> None:
    gateway(cache_ttl=60)
    emulator.assume(cache_before_route=when)
    elements = [start("m"), model("m", LLAMA), end()]
    control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements}).raise_for_status()
    replies = [ask(data, model_name="dynamic/chat") for _ in range(2)]
    assert [reply.headers["cf-aig-cache-status"] for reply in replies] == ["MISS", "HIT"]
    assert replies[1].headers["cf-aig-model"] == LLAMA
    assert sum("elements" in seen for seen in emulator.journal(CHAT)) == tried


def test_a_hit_can_be_assumed_to_hide_its_model(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway(cache_ttl=60)
    emulator.assume(model_headers_on_hit="absent")
    elements = [start("m"), model("m", LLAMA), end()]
    control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements}).raise_for_status()
    replies = [ask(data, model_name="dynamic/chat") for _ in range(2)]
    assert ["cf-aig-model" in reply.headers for reply in replies] == [True, False]


def test_a_gateway_answers_429_over_its_rate_limit(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(rate_limiting_interval=60, rate_limiting_limit=2, rate_limiting_technique="fixed")
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:59Z"})
    replies = [ask(data) for _ in range(3)]
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert replies[2].json()["error"][0]["code"] == 2003
    emulator.admin("POST", "/clock", {"advance_s": 1})
    assert ask(data).status_code == 200


def test_a_sliding_rate_limit_looks_back(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(rate_limiting_interval=60, rate_limiting_limit=1, rate_limiting_technique="sliding")
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:59Z"})
    ask(data)
    emulator.admin("POST", "/clock", {"advance_s": 2})
    assert ask(data).status_code == 429


def test_throttling_can_look_like_a_bad_token(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(rate_limiting_interval=60, rate_limiting_limit=1)
    emulator.assume(rate_limit_answer="401/2009")
    assert [ask(data).status_code for _ in range(2)] == [200, 401]


def spend(**rule: Any) -> dict[str, Any]:
    given = {"limitType": "cost", "limit": 0.0000001, "window": 3600, **rule}
    return {"enabled": True, "rules": [given]}


def test_a_spend_limit_refuses_after_it_is_overshot(data: httpx.Client, gateway: Gateway) -> None:
    gateway(spend_limits=spend())
    priced = f"workers-ai/{GPT_OSS}"
    assert [ask(data, model_name=priced).status_code for _ in range(2)] == [200, 429]


def test_a_spend_limit_can_be_for_some_models(data: httpx.Client, gateway: Gateway) -> None:
    gateway(spend_limits=spend(model={"mode": "filter", "values": ["@cf/zai-org/glm-4.7-flash"]}))
    assert [ask(data, model_name=f"workers-ai/{GPT_OSS}").status_code for _ in range(2)] == [200, 200]


def test_a_spend_limit_can_be_per_metadata_value(data: httpx.Client, gateway: Gateway) -> None:
    gateway(spend_limits=spend(metadata={"tenant": {"mode": "partition"}}))
    found = [
        ask(data, model_name=f"workers-ai/{GPT_OSS}", metadata=f'{{"tenant": "{tenant}"}}').status_code
        for tenant in ("a", "a", "b")
    ]
    assert found == [200, 429, 200]


def test_a_spend_limit_on_a_route_leads_to_the_fallback(
    control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway(spend_limits=spend(model={"mode": "filter", "values": [GPT_OSS]}))
    elements = [start("a"), model("a", GPT_OSS, fallback="b"), model("b", LLAMA), end()]
    control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements}).raise_for_status()
    served = [ask(data, model_name="dynamic/chat").headers["cf-aig-model"] for _ in range(2)]
    assert served == [GPT_OSS, LLAMA]


def test_a_gateway_retries_as_it_is_told(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(retry_max_attempts=3, retry_delay=0)
    emulator.programme(LLAMA, failures=[{"status": 500, "times": 2}])
    assert ask(data).status_code == 200


def test_a_header_says_how_often_to_try(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(retry_max_attempts=3)
    emulator.programme(LLAMA, failures=[{"status": 500, "times": 2}])
    assert ask(data, max_attempts="1").status_code == 500


def test_a_client_error_is_not_retried(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(retry_max_attempts=3)
    emulator.programme(LLAMA, failures=[{"status": 400, "code": 5004, "times": 1}])
    assert ask(data).status_code == 400


def test_retries_wait_longer_and_longer(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(retry_max_attempts=3, retry_delay=20, retry_backoff="exponential")
    emulator.programme(LLAMA, failures=[{"status": 500, "times": 2}])
    began = time.perf_counter()
    ask(data)
    assert time.perf_counter() - began >= 0.06


def test_the_only_attempt_has_a_time_limit(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, latency={"p50_ms": 10_000})
    assert ask(data, request_timeout="20").status_code == 408


def test_the_last_of_several_attempts_waits(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, latency={"p50_ms": 60})
    assert ask(data, request_timeout="20", max_attempts="2").status_code == 200


GUARDED = {"prompt": {"S4": "BLOCK", "S9": "FLAG"}, "response": {"S2": "BLOCK"}}


def test_a_blocked_prompt_is_424_and_2016(data: httpx.Client, gateway: Gateway) -> None:
    gateway(guardrails=GUARDED)
    reply = ask(data, "please hazard:S4")
    assert (reply.status_code, reply.json()["error"][0]["code"]) == (424, 2016)


def test_a_blocked_response_is_424_and_2017(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(guardrails=GUARDED)
    emulator.programme(LLAMA, answers=["how to do a burglary"])
    reply = ask(data)
    assert (reply.status_code, reply.json()["error"][0]["code"]) == (424, 2017)


def test_a_flagged_prompt_is_served_and_noted(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(guardrails=GUARDED)
    assert ask(data, "a bomb").status_code == 200
    assert emulator.journal(CHAT)[-1]["guardrails"] == ["S9"]


def test_on_run_a_blocked_prompt_is_422_and_2017(data: httpx.Client, gateway: Gateway) -> None:
    gateway(guardrails=GUARDED)
    given = {"messages": [{"role": "user", "content": "hazard:S4"}]}
    reply = data.post("/run", json={"model": LLAMA, "input": given})
    assert (reply.status_code, reply.json()["error"][0]["code"]) == (422, 2017)


def test_a_guarded_gateway_does_not_stream(data: httpx.Client, gateway: Gateway) -> None:
    gateway(guardrails=GUARDED)
    reply = data.post(CHAT, json=chat_body(DIRECT, stream=True))
    assert reply.headers["content-type"] == "application/json"
    assert reply.json()["object"] == "chat.completion"


@pytest.mark.parametrize(
    ("rules", "failure", "status", "code"),
    [
        ({"prompt": {"S1": "BLOCK"}, "response": {}}, {"status": 500}, 503, 7013),
        ({"prompt": {"S1": "BLOCK"}, "response": {}}, {"status": 402}, 402, 2021),
        ({"prompt": {"S1": "FLAG"}, "response": {}}, {"status": 500}, 200, None),
    ],
)
def test_a_scanner_that_is_down_stops_only_what_would_be_blocked(
    emulator: Running,
    data: httpx.Client,
    gateway: Gateway,
    rules: dict[str, Any],
    failure: dict[str, Any],
    status: int,
    code: int | None,
) -> None:
    gateway(guardrails=rules)
    emulator.programme("@cf/meta/llama-guard-3-8b", failures=[failure])
    reply = ask(data)
    assert (reply.status_code, reply.json().get("internalCode")) == (status, code)


def test_the_code_of_a_spend_limit_can_be_assumed(emulator: Running, data: httpx.Client, gateway: Gateway) -> None:
    gateway(spend_limits=spend())
    emulator.assume(spend_limit_code="2003")
    replies = [ask(data, model_name=f"workers-ai/{GPT_OSS}") for _ in range(2)]
    assert replies[1].json()["error"][0]["code"] == 2003


def test_unified_billing_pays_two_hundred_requests_a_minute(
    emulator: Running, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:00Z"})
    assert {ask(data, model_name="openai/gpt-4o").status_code for _ in range(200)} == {200}
    assert ask(data, model_name="openai/gpt-4o").status_code == 429
    emulator.admin("POST", "/clock", {"advance_s": 61})
    assert ask(data, model_name="openai/gpt-4o").status_code == 200
