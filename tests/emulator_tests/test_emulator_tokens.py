"""Account tokens, and what they let their holders do."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running, running_emulator
from tests.emulator_tests.given import ACCOUNT, LLAMA, MINIMAL, chat_body

pytestmark = pytest.mark.http
WHOLE_ACCOUNT = {f"com.cloudflare.api.account.{ACCOUNT}": "*"}
GATEWAY_READ = "4dc8917b4b40457d88d3035d5dadb054"
GATEWAY_RUN = "644535f4ed854494a59cb289d634b257"
WORKERS_AI_READ = "a92d2450e05d4e7bb7d0a64968f83d11"


def policy(*groups: str, effect: str = "allow") -> dict[str, Any]:
    return {"effect": effect, "resources": WHOLE_ACCOUNT, "permission_groups": [{"id": one} for one in groups]}


@pytest.fixture
def token(control: httpx.Client) -> Callable[..., dict[str, Any]]:
    """Create a token with these groups on the account."""

    def create(*groups: str, **more: Any) -> dict[str, Any]:
        body = {"name": "test", "policies": [policy(*groups)], **more}
        reply = control.post("/tokens", json=body)
        assert reply.status_code == 200, reply.text
        result: dict[str, Any] = reply.json()["result"]
        return result

    return create


def holder(token: dict[str, Any] | str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token if isinstance(token, str) else token['value']}"}


def test_the_value_is_shown_once(control: httpx.Client, token: Callable[..., Any]) -> None:
    made = token(GATEWAY_READ)
    assert len(made["value"]) >= 40
    assert "value" not in control.get(f"/tokens/{made['id']}").json()["result"]
    assert made["value"] not in control.get("/tokens").text


def test_a_token_may_do_what_its_groups_say(control: httpx.Client, token: Callable[..., Any]) -> None:
    headers = holder(token(GATEWAY_READ))
    assert control.get("/ai-gateway/gateways", headers=headers).status_code == 200
    refused = control.post("/ai-gateway/gateways", json={"id": "gw", **MINIMAL}, headers=headers)
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (403, 10000)


def test_a_denial_outweighs_a_permission(control: httpx.Client, token: Callable[..., Any]) -> None:
    policies = [policy(GATEWAY_READ), policy(GATEWAY_READ, effect="deny")]
    headers = holder(token(policies=policies))
    assert control.get("/ai-gateway/gateways", headers=headers).status_code == 403


def test_a_token_is_good_in_its_account_only(emulator: Running, token: Callable[..., Any]) -> None:
    other = {f"com.cloudflare.api.account.{'other'}": "*"}
    made = token(policies=[{**policy(GATEWAY_READ), "resources": other}])
    url = f"{emulator.control_plane}/accounts/{ACCOUNT}/ai-gateway/gateways"
    assert httpx.get(url, headers=holder(made), verify=False).status_code == 403


def test_a_rolled_token_is_good_no_longer(control: httpx.Client, token: Callable[..., Any]) -> None:
    made = token(GATEWAY_READ)
    value = control.put(f"/tokens/{made['id']}/value", json={}).json()["result"]
    assert control.get("/ai-gateway/gateways", headers=holder(made)).status_code == 401
    assert control.get("/ai-gateway/gateways", headers=holder(value)).status_code == 200


def test_a_deleted_token_is_good_no_longer(control: httpx.Client, token: Callable[..., Any]) -> None:
    made = token(GATEWAY_READ)
    assert control.delete(f"/tokens/{made['id']}").json()["result"] == {"id": made["id"]}
    assert control.get("/ai-gateway/gateways", headers=holder(made)).status_code == 401


def test_a_token_expires(emulator: Running, control: httpx.Client, token: Callable[..., Any]) -> None:
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:00Z"})
    made = token(GATEWAY_READ, expires_on="2026-11-02T00:00:00Z")
    assert control.get("/tokens/verify", headers=holder(made)).json()["result"]["status"] == "active"
    emulator.admin("POST", "/clock", {"advance_s": 86400})
    assert control.get("/tokens/verify", headers=holder(made)).status_code == 401
    assert control.get(f"/tokens/{made['id']}").json()["result"]["status"] == "expired"


@pytest.mark.parametrize(("ranges", "status"), [({"in": ["127.0.0.0/8"]}, 200), ({"not_in": ["127.0.0.1/32"]}, 401)])
def test_a_token_can_be_bound_to_addresses(
    control: httpx.Client, token: Callable[..., Any], ranges: dict[str, Any], status: int
) -> None:
    made = token(GATEWAY_READ, condition={"request_ip": ranges})
    assert control.get("/ai-gateway/gateways", headers=holder(made)).status_code == status


def test_put_replaces_policies(control: httpx.Client, token: Callable[..., Any]) -> None:
    made = token(GATEWAY_READ)
    control.put(f"/tokens/{made['id']}", json={"name": "b", "policies": [policy(GATEWAY_RUN)]}).raise_for_status()
    assert control.get("/ai-gateway/gateways", headers=holder(made)).status_code == 403


def test_a_disabled_token_is_refused(control: httpx.Client, token: Callable[..., Any]) -> None:
    made = token(GATEWAY_READ)
    body = {"name": "b", "policies": [policy(GATEWAY_READ)], "status": "disabled"}
    control.put(f"/tokens/{made['id']}", json=body).raise_for_status()
    assert control.get("/ai-gateway/gateways", headers=holder(made)).status_code == 401


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"name": "", "policies": []}, "name must have a length"),
        ({"name": "a", "policies": [policy("0" * 32)]}, "Permission group"),
        ({"name": "a", "policies": []}, "at least one policy"),
        ({"name": "a"}, "policies: Required"),
        ({"name": "a", "policies": [policy(GATEWAY_READ)], "expires_on": "soon"}, "RFC 3339"),
        ({"name": "a", "policies": [policy(GATEWAY_READ)], "condition": {"request_ip": {"in": ["x"]}}}, "IP addresses"),
    ],
)
def test_a_bad_token_is_refused(control: httpx.Client, body: dict[str, Any], words: str) -> None:
    reply = control.post("/tokens", json=body)
    assert reply.status_code == 400
    assert words in reply.json()["errors"][0]["message"]


def test_one_name_of_a_group_exists_in_two_scopes(control: httpx.Client) -> None:
    found = control.get("/tokens/permission_groups", params={"name": "Logs Write"}).json()["result"]
    assert {group["scopes"][0] for group in found} == {
        "com.cloudflare.api.account",
        "com.cloudflare.api.account.zone",
    }
    params = {"name": "Logs Write", "scope": "com.cloudflare.api.account"}
    assert len(control.get("/tokens/permission_groups", params=params).json()["result"]) == 1


@pytest.mark.parametrize(
    ("groups", "status"),
    [((GATEWAY_RUN, WORKERS_AI_READ), 200), ((WORKERS_AI_READ,), 401), ((GATEWAY_RUN,), 401), ((GATEWAY_READ,), 401)],
)
def test_serving_wants_run_on_the_gateway_and_read_on_workers_ai(
    data: httpx.Client, gateway: Callable[..., str], token: Callable[..., Any], groups: tuple[str, ...], status: int
) -> None:
    gateway(authentication=True)
    body = chat_body(f"workers-ai/{LLAMA}")
    reply = data.post("/compat/chat/completions", json=body, headers=holder(token(*groups)))
    assert reply.status_code == status


def test_run_alone_can_be_assumed_to_suffice(
    emulator: Running, data: httpx.Client, gateway: Callable[..., str], token: Callable[..., Any]
) -> None:
    gateway(authentication=True)
    emulator.assume(run_token_alone="is-enough")
    body = chat_body(f"workers-ai/{LLAMA}")
    reply = data.post("/compat/chat/completions", json=body, headers=holder(token(GATEWAY_RUN)))
    assert reply.status_code == 200


def test_a_token_without_the_group_can_be_assumed_to_be_401(
    emulator: Running, control: httpx.Client, token: Callable[..., Any]
) -> None:
    emulator.assume(forbidden_status="401")
    assert control.get("/tokens", headers=holder(token(GATEWAY_READ))).status_code == 401


def test_the_exported_state_has_no_token_values(emulator: Running, token: Callable[..., Any]) -> None:
    value = token(GATEWAY_READ)["value"]
    state = str(emulator.admin("GET", "/state"))
    assert value not in state
    assert sha256(value.encode()).hexdigest() in state


def test_a_token_of_one_account_is_no_good_in_another(emulator: Running, token: Callable[..., Any]) -> None:
    url = f"{emulator.control_plane}/accounts/other/ai-gateway/gateways"
    assert httpx.get(url, headers=holder(token(GATEWAY_READ)), verify=False).status_code == 403


def test_with_a_root_token_no_other_is_known() -> None:
    root = "test-root-" * 4
    with running_emulator(token=root) as running:
        url = f"{running.control_plane}/accounts/a/ai-gateway/gateways"
        replies = [httpx.get(url, headers=holder(value), verify=False) for value in (root, "test-else-" * 4)]
    assert [reply.status_code for reply in replies] == [200, 401]
