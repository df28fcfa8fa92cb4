"""Gateways on the control plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import LLAMA, MINIMAL, end, model, start

pytestmark = pytest.mark.http
GATEWAYS = "/ai-gateway/gateways"


def errors(reply: httpx.Response) -> list[tuple[int, str]]:
    return [(error["code"], error["message"]) for error in reply.json()["errors"]]


def test_unset_fields_come_back_with_their_live_defaults(control: httpx.Client) -> None:
    result = control.post(GATEWAYS, json={"id": "gw", **MINIMAL}).json()["result"]
    live = {
        "authentication": False,
        "log_management": 100000,
        "log_management_strategy": "STOP_INSERTING",
        "logpush": False,
        "store_id": "",
        "zdr": False,
    }
    assert {name: result[name] for name in live} == live


@pytest.mark.parametrize("field", sorted(MINIMAL))
def test_each_of_the_five_required_fields_is_required(control: httpx.Client, field: str) -> None:
    reply = control.post(GATEWAYS, json=_without(field))
    assert (reply.status_code, reply.json()["errors"]) == (
        400,
        [{"code": 7001, "message": "Required", "path": ["body", field]}],
    )


def _without(field: str) -> dict[str, Any]:
    return {"id": "gw", **{name: value for name, value in MINIMAL.items() if name != field}}


@pytest.mark.parametrize("bad", ["a--b", "-a", "a-", "Abc", "", "x" * 65, "a b"])
def test_an_id_out_of_the_pattern_is_refused(control: httpx.Client, bad: str) -> None:
    assert errors(control.post(GATEWAYS, json={"id": bad, **MINIMAL}))[0][0] == 7001


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("retry_delay", 60_001),
        ("retry_max_attempts", 6),
        ("log_management", 9_999),
        ("logpush_public_key", "short"),
        ("rate_limiting_technique", "burst"),
        ("cache_ttl", -1),
        ("guardrails", {"prompt": {"S1": "BLOCK"}}),
        ("otel", [{"url": "https://a"}] * 6),
        ("spend_limits", {"enabled": True, "rules": [{"limitType": "cost", "limit": 0, "window": 60}]}),
        ("collect_logs", "yes"),
    ],
)
def test_a_value_out_of_range_is_refused(control: httpx.Client, field: str, value: Any) -> None:
    reply = control.post(GATEWAYS, json={"id": "gw", **MINIMAL, field: value})
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["path"][:2] == ["body", field]


def test_a_put_resets_what_it_leaves_out(control: httpx.Client, gateway: Callable[..., str]) -> None:
    gateway(authentication=True, retry_max_attempts=3)
    result = control.put(f"{GATEWAYS}/gw", json=MINIMAL).json()["result"]
    assert (result["authentication"], result["retry_max_attempts"]) == (False, None)


def test_a_second_gateway_of_one_id_is_refused(control: httpx.Client, gateway: Callable[..., str]) -> None:
    gateway()
    assert errors(control.post(GATEWAYS, json={"id": "gw", **MINIMAL}))[0][0] == 7001


def test_a_missing_gateway_is_7002(control: httpx.Client) -> None:
    assert errors(control.get(f"{GATEWAYS}/nope"))[0][0] == 7002


def test_the_list_is_paged_and_searched(control: httpx.Client, gateway: Callable[..., str]) -> None:
    for number in range(5):
        gateway(id=f"gw{number}")
    gateway(id="other")
    reply = control.get(GATEWAYS, params={"per_page": 2, "page": 3, "search": "gw"}).json()
    assert [one["id"] for one in reply["result"]] == ["gw4"]
    assert reply["result_info"] == {"page": 3, "per_page": 2, "count": 1, "total_count": 5}


def test_the_list_refuses_a_page_that_is_no_number(control: httpx.Client) -> None:
    assert errors(control.get(GATEWAYS, params={"page": "two"}))[0][0] == 7001


def test_a_null_limit_comes_back_as_zero(control: httpx.Client, gateway: Callable[..., str]) -> None:
    gateway(cache_ttl=None)
    assert control.get(f"{GATEWAYS}/gw").json()["result"]["cache_ttl"] == 0


def test_deleting_a_gateway_removes_its_routes(control: httpx.Client, route: Callable[..., Any]) -> None:
    made = route([start("m"), model("m", LLAMA), end()])
    control.delete(f"{GATEWAYS}/gw").raise_for_status()
    assert errors(control.get(f"{GATEWAYS}/gw/routes/{made['id']}"))[0][0] == 7002


@pytest.mark.parametrize("token", [None, "short", "Basic abc"])
def test_a_call_without_a_good_token_is_401_and_10000(control: httpx.Client, token: str | None) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {"Authorization": ""}
    reply = control.get(GATEWAYS, headers=headers)
    assert (reply.status_code, errors(reply)) == (401, [(10000, "Authentication error")])


def test_malformed_json_is_a_400_in_the_envelope(control: httpx.Client) -> None:
    reply = control.post(GATEWAYS, content=b"{oops", headers={"content-type": "application/json"})
    assert (reply.status_code, errors(reply)[0][0], reply.json()["success"]) == (400, 7001, False)


def test_a_null_limit_can_be_assumed_to_stay_null(
    emulator: Running, control: httpx.Client, gateway: Callable[..., str]
) -> None:
    emulator.assume(null_limits="null")
    gateway(cache_ttl=None)
    assert control.get(f"{GATEWAYS}/gw").json()["result"]["cache_ttl"] is None


@pytest.mark.parametrize(("most", "last"), [("10", 400), ("20", 200), ("unlimited", 200)])
def test_an_account_has_so_many_gateways(emulator: Running, control: httpx.Client, most: str, last: int) -> None:
    emulator.assume(gateways_per_account=most)
    replies = [control.post(GATEWAYS, json={"id": f"gw{n}", **MINIMAL}) for n in range(11)]
    assert replies[-1].status_code == last
