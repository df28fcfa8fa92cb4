"""Requests to a dynamic route, walked from its deployed version."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import (
    ACCOUNT,
    GPT_OSS,
    LLAMA,
    Elements,
    chat_body,
    conditional,
    end,
    model,
    percentage,
    rate,
    start,
)

pytestmark = pytest.mark.http
MakeRoute = Callable[[Elements], dict[str, Any]]
CHAT = "/compat/chat/completions"
SPLIT = [start("p"), percentage("p", p10="b", p90="a"), model("a", LLAMA), model("b", GPT_OSS), end()]
CHAIN = [start("a"), model("a", LLAMA, fallback="b"), model("b", GPT_OSS), end()]
LIMITED = [start("r"), rate("r", "a", "b"), model("a", LLAMA), model("b", GPT_OSS), end()]


def ask(data: httpx.Client, body: dict[str, Any] | None = None, **metadata: Any) -> httpx.Response:
    headers = {"cf-aig-metadata": json.dumps(metadata)} if metadata else {}
    return data.post(CHAT, json=body or chat_body(), headers=headers)


def served(data: httpx.Client, **metadata: Any) -> str:
    reply = ask(data, **metadata)
    assert reply.status_code == 200, reply.text
    return reply.headers["cf-aig-model"]


def branch(conditions: Any) -> Elements:
    return [start("c"), conditional("c", conditions, "a", "b"), model("a", LLAMA), model("b", GPT_OSS), end()]


def test_the_answer_is_a_chat_completion_with_usage(data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    answer = ask(data).json()
    assert answer["object"] == "chat.completion"
    assert answer["usage"]["total_tokens"] == sum(
        answer["usage"][name] for name in ("prompt_tokens", "completion_tokens")
    )


def test_headers_say_who_served_and_under_which_id(data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    headers = ask(data).headers
    assert (headers["cf-aig-model"], headers["cf-aig-provider"]) == (LLAMA, "workers-ai")
    assert headers["cf-aig-log-id"] == headers["cf-aig-event-id"] == headers["cf-aig-request-id"]


def test_the_same_model_and_prompt_give_the_same_text(data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    texts = [ask(data).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize(("draw", "wanted"), [(0, GPT_OSS), (9, GPT_OSS), (10, LLAMA), (99, LLAMA)])
def test_a_draw_falls_on_the_output_whose_running_sum_exceeds_it(
    emulator: Running, data: httpx.Client, route: MakeRoute, draw: int, wanted: str
) -> None:
    route(SPLIT)
    emulator.draw(draw)
    assert served(data) == wanted


def test_draws_come_in_the_declared_shares(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(SPLIT)
    emulator.admin("POST", "/seed", {"seed": 5})
    counts = Counter(served(data) for _ in range(300))
    assert 15 <= counts[GPT_OSS] <= 45


def test_a_failed_model_falls_back(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    emulator.programme(LLAMA, failures=[{"status": 500}])
    assert served(data) == GPT_OSS


def test_a_retry_comes_before_the_fallback(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route([start("a"), model("a", LLAMA, fallback="b", retries=1), model("b", GPT_OSS), end()])
    emulator.programme(LLAMA, failures=[{"status": 500, "times": 1}])
    assert served(data) == LLAMA


def test_a_model_slower_than_its_timeout_falls_back(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route([start("a"), model("a", LLAMA, fallback="b", timeout=20), model("b", GPT_OSS), end()])
    emulator.programme(LLAMA, latency={"p50_ms": 10_000})
    assert served(data) == GPT_OSS


def test_a_model_nobody_knows_falls_back_when_it_is_called(data: httpx.Client, route: MakeRoute) -> None:
    route([start("a"), model("a", "@cf/nobody/nothing", fallback="b"), model("b", GPT_OSS), end()])
    assert served(data) == GPT_OSS


def test_a_client_error_can_be_assumed_to_end_the_walk(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    emulator.assume(fallback_on_4xx="returns-error")
    emulator.programme(LLAMA, failures=[{"status": 422, "code": 5004, "message": "no"}])
    assert ask(data).status_code == 422


def test_a_route_without_any_answer_is_400_and_2005(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    for name in (LLAMA, GPT_OSS):
        emulator.programme(name, failures=[{"status": 500}])
    reply = ask(data)
    assert (reply.status_code, reply.json()["error"]) == (
        400,
        [{"code": 2005, "message": "Failed to get response from provider"}],
    )


@pytest.mark.parametrize(
    ("conditions", "metadata", "wanted"),
    [
        ({"metadata.plan": {"$eq": "free"}}, {"plan": "free"}, LLAMA),
        ({"metadata.plan": {"$eq": "free"}}, {"plan": "paid"}, GPT_OSS),
        ({"metadata.plan": {"$ne": "free"}}, {"plan": "paid"}, LLAMA),
        ({"metadata.n": {"$in": ["1", "2"]}}, {"n": "2"}, LLAMA),
        ({"metadata.n": {"$in": ["1", "2"]}}, {"n": 2}, GPT_OSS),
        ({"metadata.n": {"$eq": 1}}, {"n": True}, GPT_OSS),
        ({"$and": [{"metadata.a": {"$eq": 1}}, {"metadata.b": {"$eq": 2}}]}, {"a": 1, "b": 2}, LLAMA),
        ({"$and": [{"metadata.a": {"$eq": 1}}, {"metadata.b": {"$eq": 2}}]}, {"a": 1, "b": 3}, GPT_OSS),
        ({"$or": [{"metadata.a": {"$eq": 1}}, {"metadata.b": {"$eq": 2}}]}, {"b": 2}, LLAMA),
        ({"metadata.a": {"$eq": 1}, "metadata.b": {"$eq": 2}}, {"a": 1, "b": 3}, GPT_OSS),
        ({"metadata.a": {"$gt": 1}}, {"a": 2}, GPT_OSS),
        ({"metadata.a": {"$ne": 1}}, {"b": 2}, GPT_OSS),
    ],
)
def test_a_condition_looks_at_metadata(
    data: httpx.Client, route: MakeRoute, conditions: Any, metadata: dict[str, Any], wanted: str
) -> None:
    route(branch(conditions))
    assert served(data, **metadata) == wanted


@pytest.mark.parametrize(
    ("name", "choice", "conditions", "metadata"),
    [
        ("missing_key", "as-in-mongodb", {"metadata.a": {"$ne": 1}}, {"b": 2}),
        ("unknown_operator", "true", {"metadata.a": {"$gt": 1}}, {"a": 2}),
        ("other_paths", "resolved", {"body.temperature": {"$eq": 0}}, {"a": 2}),
        ("other_paths", "resolved", {"headers.cf-aig-metadata": {"$eq": '{"a": 2}'}}, {"a": 2}),
        ("nested_metadata", "kept", {"metadata.a": {"$eq": [1]}}, {"a": [1]}),
    ],
)
def test_an_assumption_turns_a_condition_true(
    emulator: Running,
    data: httpx.Client,
    route: MakeRoute,
    name: str,
    choice: str,
    conditions: Any,
    metadata: dict[str, Any],
) -> None:
    route(branch(conditions))
    body = chat_body(temperature=0)
    assert ask(data, body, **metadata).headers["cf-aig-model"] == GPT_OSS
    emulator.assume(**{name: choice})
    assert ask(data, body, **metadata).headers["cf-aig-model"] == LLAMA


@pytest.mark.parametrize(
    ("name", "choice", "conditions"),
    [
        ("empty_condition", "false", {}),
        ("plain_value", "false", {"metadata.a": 1}),
    ],
)
def test_an_assumption_turns_a_condition_false(
    emulator: Running, data: httpx.Client, route: MakeRoute, name: str, choice: str, conditions: Any
) -> None:
    route(branch(conditions))
    assert served(data, a=1) == LLAMA
    emulator.assume(**{name: choice})
    assert served(data, a=1) == GPT_OSS


def test_the_sixth_metadata_key_is_dropped_and_noted(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(branch({"metadata.f": {"$eq": 1}}))
    assert served(data, a=1, b=1, c=1, d=1, e=1, f=1) == GPT_OSS
    assert emulator.journal(CHAT)[-1]["dropped"] == ["metadata key 'f' is dropped"]


def test_keys_of_cf_are_stripped(data: httpx.Client, route: MakeRoute) -> None:
    route(branch({"metadata.cf.user_id": {"$eq": "me"}}))
    assert served(data, **{"cf.user_id": "me"}) == GPT_OSS


def test_a_rate_element_counts_per_key_and_forgets_after_its_window(
    emulator: Running, data: httpx.Client, route: MakeRoute
) -> None:
    route(LIMITED)
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:01Z"})
    assert [served(data, user="u") for _ in range(3)] == [LLAMA, LLAMA, GPT_OSS]
    assert served(data, user="v") == LLAMA
    emulator.admin("POST", "/clock", {"advance_s": 60})
    assert served(data, user="u") == LLAMA


def test_a_sliding_window_remembers_what_a_fixed_one_forgets(
    emulator: Running, data: httpx.Client, route: MakeRoute
) -> None:
    route(LIMITED)
    emulator.assume(rate_windows="sliding")
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:59Z"})
    assert [served(data, user="u") for _ in range(2)] == [LLAMA, LLAMA]
    emulator.admin("POST", "/clock", {"advance_s": 2})
    assert served(data, user="u") == GPT_OSS


def test_a_cost_limit_lets_the_call_through_that_overshoots_it(data: httpx.Client, route: MakeRoute) -> None:
    limited = rate("r", "a", "b", limitType="cost", limit=0.000001)
    route([start("r"), limited, model("a", GPT_OSS), model("b", LLAMA), end()])
    assert [served(data, user="u") for _ in range(2)] == [GPT_OSS, LLAMA]


def test_counters_can_start_anew_with_a_version(
    emulator: Running, control: httpx.Client, data: httpx.Client, route: MakeRoute
) -> None:
    made = route(LIMITED)
    emulator.assume(rate_across_versions="reset")
    assert [served(data, user="u") for _ in range(3)][-1] == GPT_OSS
    at = f"/ai-gateway/gateways/gw/routes/{made['id']}"
    version = control.post(f"{at}/versions", json={"elements": LIMITED}).json()["result"]["version_id"]
    control.post(f"{at}/deployments", json={"version_id": version}).raise_for_status()
    assert served(data, user="u") == LLAMA


def test_a_request_without_the_key_can_be_unlimited(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(LIMITED)
    assert [served(data, other="u") for _ in range(3)][-1] == GPT_OSS
    emulator.assume(rate_without_key="unlimited")
    assert served(data, other="u") == LLAMA


def test_a_missing_route_is_404(data: httpx.Client, gateway: Callable[..., str]) -> None:
    gateway()
    assert ask(data).status_code == 404


def test_a_missing_gateway_is_400_and_2001(data: httpx.Client) -> None:
    reply = ask(data)
    assert (reply.status_code, reply.json()["error"][0]["code"], reply.json()["name"]) == (
        400,
        2001,
        "AiGatewayError",
    )


def test_the_default_gateway_exists_from_its_first_request(emulator: Running, control: httpx.Client) -> None:
    url = f"{emulator.data_plane}/{ACCOUNT}/default{CHAT}"
    reply = httpx.post(url, json=chat_body(f"workers-ai/{LLAMA}"), headers=emulator.auth, verify=False)
    assert reply.status_code == 200
    assert control.get("/ai-gateway/gateways/default").json()["result"]["is_default"] is True


def test_a_request_without_a_token_is_401_and_2009(emulator: Running, gateway: Callable[..., str]) -> None:
    gateway(authentication=True)
    url = f"{emulator.data_plane}/{ACCOUNT}/gw{CHAT}"
    reply = httpx.post(url, json=chat_body(f"workers-ai/{LLAMA}"), verify=False)
    assert (reply.status_code, reply.json()["internalCode"]) == (401, 2009)


def test_an_open_gateway_can_be_assumed_to_serve_without_a_token(
    emulator: Running, gateway: Callable[..., str]
) -> None:
    gateway()
    emulator.assume(workers_ai_without_token="served")
    url = f"{emulator.data_plane}/{ACCOUNT}/gw{CHAT}"
    assert httpx.post(url, json=chat_body(f"workers-ai/{LLAMA}"), verify=False).status_code == 200


def test_the_walk_is_in_the_journal(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(SPLIT)
    emulator.draw(3)
    ask(data)
    seen = emulator.journal(CHAT)[-1]
    assert (seen["elements"], seen["draws"], seen["models"]) == (["start", "p", "b", "end"], [3], [GPT_OSS])


def test_a_graph_can_be_walked_without_being_stored(emulator: Running) -> None:
    way = emulator.walk(SPLIT, draws=[3], failing=[GPT_OSS])
    assert (way["path"], way["served"]) == (["start", "p", "b", "end"], None)


def test_an_exhausted_rate_element_falls_back_in_a_walk(emulator: Running) -> None:
    assert emulator.walk(LIMITED, exhausted=["r"])["served"] == "b"


def test_the_model_header_can_be_prefixed(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)
    emulator.assume(model_header="provider/model")
    assert served(data) == f"workers-ai/{LLAMA}"


def test_direct_calls_carry_model_headers_only_where_assumed(
    emulator: Running, data: httpx.Client, gateway: Callable[..., str]
) -> None:
    gateway()
    body = chat_body(f"workers-ai/{LLAMA}")
    assert "cf-aig-model" not in ask(data, body).headers
    emulator.assume(model_headers_on_direct_calls="present")
    assert ask(data, body).headers["cf-aig-model"] == LLAMA


def test_malformed_metadata_is_ignored_unless_assumed_otherwise(
    emulator: Running, data: httpx.Client, route: MakeRoute
) -> None:
    route(CHAIN)
    headers = {"cf-aig-metadata": "{oops"}
    assert data.post(CHAT, json=chat_body(), headers=headers).status_code == 200
    emulator.assume(malformed_metadata="refused")
    assert data.post(CHAT, json=chat_body(), headers=headers).status_code == 400


def test_a_cost_limit_can_be_assumed_to_count_cents(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    limited = rate("r", "a", "b", limitType="cost", limit=0.001)
    route([start("r"), limited, model("a", GPT_OSS), model("b", LLAMA), end()])
    assert [served(data, user="u") for _ in range(2)] == [GPT_OSS, GPT_OSS]
    emulator.assume(rate_cost_unit="cents")
    assert [served(data, user="v") for _ in range(2)] == [GPT_OSS, LLAMA]


def test_images_can_be_assumed_not_to_pass_a_route(emulator: Running, data: httpx.Client, route: MakeRoute) -> None:
    route(CHAIN)

    def said(url: str) -> str:
        parts = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": url}}]
        body = {"model": "dynamic/chat", "messages": [{"role": "user", "content": parts}], "reasoning_effort": "low"}
        return str(ask(data, body).json()["choices"][0]["message"]["content"])

    assert said("data:,a") != said("data:,b")
    emulator.assume(route_extras="dropped")
    assert said("data:,a") == said("data:,b")


def test_a_recreated_route_can_be_assumed_to_fail(
    emulator: Running, control: httpx.Client, data: httpx.Client, route: MakeRoute
) -> None:
    made = route(CHAIN)
    control.delete(f"/ai-gateway/gateways/gw/routes/{made['id']}").raise_for_status()
    again = {"name": "chat", "elements": CHAIN}
    control.post("/ai-gateway/gateways/gw/routes", json=again).raise_for_status()
    assert served(data) == LLAMA
    emulator.assume(recreated_route="fails")
    assert ask(data).json()["error"][0]["code"] == 2005
