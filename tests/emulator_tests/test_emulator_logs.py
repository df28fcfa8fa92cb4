"""The gateway's own logs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.control.logs import models
from tests.emulator.server import Running
from tests.emulator_tests.given import GPT_OSS, LLAMA, chat_body

pytestmark = pytest.mark.http
CHAT, LOGS = "/compat/chat/completions", "/ai-gateway/gateways/gw/logs"
Gateway = Callable[..., str]


def ask(data: httpx.Client, model: str = LLAMA, text: str = "hello", **headers: str) -> str:
    named = {f"cf-aig-{name.replace('_', '-')}": value for name, value in headers.items()}
    reply = data.post(CHAT, json=chat_body(f"workers-ai/{model}", text), headers=named)
    return reply.headers["cf-aig-log-id"]


def logs(control: httpx.Client, **query: Any) -> list[dict[str, Any]]:
    reply = control.get(LOGS, params=query)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()["result"]
    return found


def test_a_request_is_logged_under_the_id_of_its_answer(
    control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    log_id = ask(data, GPT_OSS, metadata='{"tenant": "t"}')
    (entry,) = logs(control)
    assert (entry["id"], entry["model"], entry["provider"], entry["success"]) == (log_id, GPT_OSS, "workers-ai", True)
    assert json.loads(entry["metadata"]) == {"tenant": "t"}
    assert entry["cost"] > 0


def test_a_cost_that_is_not_known_is_null(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    ask(data)
    assert logs(control)[0]["cost"] is None


def test_a_custom_cost_is_taken_and_a_hit_is_free(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway(cache_ttl=60)
    for _ in range(2):
        ask(data, custom_cost='{"total_cost": 0.5}')
    assert [(entry["cached"], entry["cost"]) for entry in logs(control)] == [(True, 0.0), (False, 0.5)]


def test_a_custom_cost_per_token_is_multiplied(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    ask(data, custom_cost='{"per_token_in": 1, "per_token_out": 2}')
    (entry,) = logs(control)
    assert entry["cost"] == entry["tokens_in"] + 2 * entry["tokens_out"]


def test_a_failure_is_logged(emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    emulator.programme(LLAMA, failures=[{"status": 500}])
    ask(data)
    (entry,) = logs(control)
    assert (entry["success"], entry["status_code"], entry["tokens_in"]) == (False, 500, None)


@pytest.mark.parametrize(
    ("collects", "header", "logged"),
    [(True, None, 1), (True, "false", 0), (False, None, 0), (False, "true", 1)],
)
def test_a_header_overrides_what_the_gateway_collects(
    control: httpx.Client, data: httpx.Client, gateway: Gateway, collects: bool, header: str | None, logged: int
) -> None:
    gateway(collect_logs=collects)
    ask(data, **({"collect_log": header} if header else {}))
    assert len(logs(control)) == logged


def test_bodies_can_be_read_back(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    log_id = ask(data, text="remember")
    assert "remember" in control.get(f"{LOGS}/{log_id}/request").text
    assert control.get(f"{LOGS}/{log_id}/response").json()["object"] == "chat.completion"
    assert control.get(f"{LOGS}/{log_id}").json()["result"]["request_head_complete"] is True


def test_bodies_can_be_kept_out(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    log_id = ask(data, text="secret", collect_log_payload="false")
    assert "secret" not in control.get(f"{LOGS}/{log_id}").text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"model": GPT_OSS}, 1),
        ({"provider": "workers-ai"}, 2),
        ({"success": "true"}, 2),
        ({"cached": "true"}, 0),
        ({"search": "second"}, 1),
        ({"min_tokens_in": 1_000}, 0),
        ({"max_tokens_in": 1_000}, 2),
        ({"min_cost": "0.0000001"}, 1),
        ({"end_date": "2020-01-01T00:00:00Z"}, 0),
        ({"filters": '[{"key": "metadata.value", "operator": "eq", "value": ["t2"]}]'}, 1),
        ({"filters": '[{"key": "model", "operator": "contains", "value": ["gpt"]}]'}, 1),
        ({"filters": '[{"key": "model", "operator": "neq", "value": ["nothing"]}]'}, 2),
        ({"filters": '[{"key": "tokens", "operator": "gt", "value": [0]}]'}, 2),
        ({"per_page": 1}, 1),
        ({"per_page": 1, "page": 3}, 0),
    ],
)
def test_logs_are_filtered(
    control: httpx.Client, data: httpx.Client, gateway: Gateway, query: dict[str, Any], found: int
) -> None:
    gateway()
    ask(data, LLAMA, "first", metadata='{"tenant": "t1"}')
    ask(data, GPT_OSS, "second", metadata='{"tenant": "t2"}')
    assert len(logs(control, **query)) == found


@pytest.mark.parametrize(
    "query", [{"filters": "[{]"}, {"filters": '[{"key": "model", "operator": "like", "value": 1}]'}, {"page": "x"}]
)
def test_a_query_that_cannot_be_read_is_refused(
    control: httpx.Client, data: httpx.Client, gateway: Gateway, query: dict[str, str]
) -> None:
    gateway()
    ask(data)
    assert control.get(LOGS, params=query).status_code == 400


def test_feedback_is_kept_with_the_entry(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    log_id = ask(data)
    patched = control.patch(f"{LOGS}/{log_id}", json={"feedback": -1, "score": 70, "metadata": {"by": "me"}})
    assert patched.json() == {"success": True, "result": {}}
    assert len(logs(control, feedback=-1)) == 1
    assert json.loads(logs(control)[0]["metadata"]) == {"by": "me"}


@pytest.mark.parametrize("body", [{"feedback": 2}, {"feedback": True}, {"score": "good"}, {"metadata": []}])
def test_bad_feedback_is_refused(
    control: httpx.Client, data: httpx.Client, gateway: Gateway, body: dict[str, Any]
) -> None:
    gateway()
    assert control.patch(f"{LOGS}/{ask(data)}", json=body).status_code == 400


def test_feedback_on_an_unknown_entry_is_404(control: httpx.Client, gateway: Gateway) -> None:
    gateway()
    assert control.patch(f"{LOGS}/nope", json={"feedback": 1}).status_code == 404


def test_logs_can_be_deleted(control: httpx.Client, data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    ask(data, LLAMA)
    ask(data, GPT_OSS)
    control.delete(LOGS, params={"model": LLAMA}).raise_for_status()
    assert [entry["model"] for entry in logs(control)] == [GPT_OSS]


def test_a_full_log_stops_or_forgets_the_oldest(
    control: httpx.Client, data: httpx.Client, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MOST_KEPT", 2)
    gateway()
    for text in ("1", "2", "3"):
        ask(data, text=text)
    bodies = [control.get(f"{LOGS}/{entry['id']}/request").json() for entry in logs(control)]
    assert [body["messages"][0]["content"] for body in bodies] == ["3", "2"]


def test_an_account_with_new_logging_has_no_logs_api(
    emulator: Running, control: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    emulator.assume(account_logging="new")
    assert control.get(LOGS).status_code == 404


def test_a_gateway_of_the_same_id_does_not_inherit_logs(
    control: httpx.Client, data: httpx.Client, gateway: Gateway
) -> None:
    gateway()
    ask(data)
    control.delete("/ai-gateway/gateways/gw").raise_for_status()
    gateway()
    assert logs(control) == []
