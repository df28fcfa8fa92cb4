"""Random sequences of calls: what must always hold, holds after each."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from tests.emulator.server import Running
from tests.emulator_tests.given import ACCOUNT, GPT_OSS, LLAMA, MINIMAL, chat_body, end, model, percentage, start

pytestmark = pytest.mark.http
GATEWAYS, NAMES, MODELS = ("gw", "other"), ("chat", "talk", "ask"), (LLAMA, GPT_OSS)


@dataclass
class Expected:
    """What a route should be: its versions in order (id and model), and which of them is live."""

    id: str
    versions: list[tuple[str, str]]
    live: str
    deployments: int = 1

    @property
    def served_by(self) -> str:
        return dict(self.versions)[self.live]


@dataclass
class Account:
    gateways: dict[str, dict[str, Expected]] = field(default_factory=dict)


class Lives(RuleBasedStateMachine):
    """Gateways and routes come, change and go."""

    def __init__(self, running: Running) -> None:
        super().__init__()
        running.reset()
        self.expected = Account()
        self.client = httpx.Client(headers=running.auth, verify=False)
        self.data = f"{running.data_plane}/{ACCOUNT}"
        self.control = f"{running.control_plane}/accounts/{ACCOUNT}/ai-gateway/gateways"

    def call(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return self.client.request(method, self.control + path, json=body)

    @property
    def routes(self) -> list[tuple[str, str, Expected]]:
        """Gateway, name and route."""
        return [(gw, name, one) for gw, routes in self.expected.gateways.items() for name, one in routes.items()]

    @rule(gateway=st.sampled_from(GATEWAYS))
    def create_gateway(self, gateway: str) -> None:
        reply = self.call("POST", "", {"id": gateway, **MINIMAL})
        assert (reply.status_code == 200) is (gateway not in self.expected.gateways)
        self.expected.gateways.setdefault(gateway, {})

    @rule(gateway=st.sampled_from(GATEWAYS))
    def delete_gateway(self, gateway: str) -> None:
        reply = self.call("DELETE", f"/{gateway}")
        assert (reply.status_code == 200) is (gateway in self.expected.gateways)
        self.expected.gateways.pop(gateway, None)

    @rule(gateway=st.sampled_from(GATEWAYS), name=st.sampled_from(NAMES), name_of_model=st.sampled_from(MODELS))
    def create_route(self, gateway: str, name: str, name_of_model: str) -> None:
        reply = self.call("POST", f"/{gateway}/routes", {"name": name, "elements": graph(name_of_model)})
        routes = self.expected.gateways.get(gateway)
        assert (reply.status_code == 200) is (routes is not None and name not in routes)
        if reply.status_code == 200 and routes is not None:
            made = reply.json()["result"]
            version = made["version"]["version_id"]
            routes[name] = Expected(made["id"], [(version, name_of_model)], version)

    @precondition(lambda self: self.routes)
    @rule(pick=st.randoms(use_true_random=False), name_of_model=st.sampled_from(MODELS), deploys=st.booleans())
    def add_version(self, pick: Any, name_of_model: str, deploys: bool) -> None:
        gateway, _, route = pick.choice(self.routes)
        at = f"/{gateway}/routes/{route.id}"
        version = self.call("POST", f"{at}/versions", {"elements": graph(name_of_model)}).json()["result"]["version_id"]
        route.versions.append((version, name_of_model))
        if deploys:
            self.call("POST", f"{at}/deployments", {"version_id": version}).raise_for_status()
            route.live, route.deployments = version, route.deployments + 1

    @precondition(lambda self: self.routes)
    @rule(pick=st.randoms(use_true_random=False))
    def roll_back(self, pick: Any) -> None:
        gateway, _, route = pick.choice(self.routes)
        version = pick.choice(route.versions)[0]
        self.call("POST", f"/{gateway}/routes/{route.id}/deployments", {"version_id": version}).raise_for_status()
        route.live, route.deployments = version, route.deployments + 1

    @precondition(lambda self: self.routes)
    @rule(pick=st.randoms(use_true_random=False), to=st.sampled_from(NAMES))
    def rename(self, pick: Any, to: str) -> None:
        gateway, name, route = pick.choice(self.routes)
        reply = self.call("PATCH", f"/{gateway}/routes/{route.id}", {"name": to})
        routes = self.expected.gateways[gateway]
        assert (reply.status_code == 200) is (to == name or to not in routes)
        if reply.status_code == 200:
            routes[to] = routes.pop(name)

    @precondition(lambda self: self.routes)
    @rule(pick=st.randoms(use_true_random=False))
    def delete_route(self, pick: Any) -> None:
        gateway, name, route = pick.choice(self.routes)
        self.call("DELETE", f"/{gateway}/routes/{route.id}").raise_for_status()
        del self.expected.gateways[gateway][name]

    @precondition(lambda self: self.routes)
    @rule(pick=st.randoms(use_true_random=False), broken=st.sampled_from([[], None, [end()], [start("nowhere")]]))
    def refuse_a_broken_version(self, pick: Any, broken: Any) -> None:
        gateway, _, route = pick.choice(self.routes)
        reply = self.call("POST", f"/{gateway}/routes/{route.id}/versions", {"elements": broken})
        assert reply.status_code == 400

    @invariant()
    def lists_are_as_expected(self) -> None:
        assert {one["id"] for one in self.call("GET", "").json()["result"]} == set(self.expected.gateways)
        for gateway, routes in self.expected.gateways.items():
            listed = self.call("GET", f"/{gateway}/routes").json()["data"]["routes"]
            assert {one["name"]: one["id"] for one in listed} == {name: one.id for name, one in routes.items()}

    @invariant()
    def one_version_of_each_route_is_live_and_serves(self) -> None:
        for gateway, name, route in self.routes:
            at = f"/{gateway}/routes/{route.id}"
            shown = self.call("GET", at).json()["result"]
            versions = self.call("GET", f"{at}/versions?per_page=100").json()["data"]["versions"]
            assert [one["version_id"] for one in versions if one["active"]] == [route.live]
            assert [one["version_id"] for one in reversed(versions)] == [known for known, _ in route.versions]
            assert shown["deployment"]["version_id"] == shown["version"]["version_id"] == route.live
            answer = self.client.post(
                f"{self.data}/{gateway}/compat/chat/completions", json=chat_body(f"dynamic/{name}")
            )
            assert answer.headers["cf-aig-model"] == route.served_by

    @invariant()
    def deployments_refer_to_versions(self) -> None:
        for gateway, _, route in self.routes:
            url = f"/{gateway}/routes/{route.id}/deployments?per_page=100"
            made = self.call("GET", url).json()["data"]["deployments"]
            assert len(made) == route.deployments
            assert {one["version_id"] for one in made} <= {known for known, _ in route.versions}

    def teardown(self) -> None:
        self.client.close()


def graph(name_of_model: str) -> list[dict[str, Any]]:
    return [start("m"), model("m", name_of_model), end()]


def test_versions_and_deployments_stay_true_to_each_other(emulator: Running) -> None:
    few = settings(max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))

    class LivesHere(Lives):
        def __init__(self) -> None:
            super().__init__(emulator)

    run_state_machine_as_test(LivesHere, settings=few)


junk = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(cuts=st.lists(st.integers(1, 99), max_size=4, unique=True))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_hundred_draws_hit_each_output_as_often_as_its_percent(emulator: Running, cuts: list[int]) -> None:
    """Every draw from 0 to 99 once: the counts are the percents themselves."""
    parts = [high - low for low, high in pairwise([0, *sorted(cuts), 100])]
    assume(len(set(parts)) == len(parts))
    ways = {f"p{part}": f"m{part}" for part in parts}
    elements = [start("p"), percentage("p", **ways), *(model(f"m{part}", LLAMA) for part in parts), end()]
    served = [emulator.walk(elements, draws=[draw])["served"] for draw in range(100)]
    assert {part: served.count(f"m{part}") for part in parts} == {part: part for part in parts}


@given(body=junk)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_json_fails_the_chat_door(emulator: Running, body: Any) -> None:
    url = f"{emulator.data_plane}/{ACCOUNT}/default/compat/chat/completions"
    for given_body in (body, {"model": body}, {**chat_body(f"workers-ai/{LLAMA}"), "messages": body}):
        text = json.dumps(given_body).encode()
        assert httpx.post(url, content=text, headers=emulator.auth, verify=False).status_code < 500


RULE = {"limitType": "cost", "limit": 0.001, "window": 1}
SETTINGS: dict[str, list[Any]] = {
    "cache_ttl": [None, 0, 1, 60, 10**9],
    "rate_limiting_interval": [None, 0, 1, 60],
    "rate_limiting_limit": [None, 0, 1, 1000],
    "rate_limiting_technique": [None, "fixed", "sliding"],
    "authentication": [True, False],
    "byok_only": [True, False],
    "collect_logs": [True, False],
    "logpush": [True, False],
    "logpush_public_key": [None, "test-not-a-key-at-all"],
    "log_management": [None, 10_000],
    "log_management_strategy": [None, "STOP_INSERTING", "DELETE_OLDEST"],
    "retry_backoff": [None, "constant", "linear", "exponential"],
    "retry_delay": [None, 0, 1],
    "retry_max_attempts": [None, 1, 5],
    "guardrails": [None, {"prompt": {}, "response": {}}, {"prompt": {"S1": "BLOCK"}, "response": {"P1": "FLAG"}}],
    "dlp": [{"enabled": True, "action": "BLOCK", "profiles": []}, {"enabled": True, "policies": []}, None],
    "otel": [None, [], [{"url": "https://example.com", "headers": {}}]],
    "spend_limits": [
        None,
        {},
        {"enabled": True},
        {"enabled": True, "rules": [{**RULE, "metadata": {"a": {"mode": "partition"}}}]},
        {"enabled": True, "rules": [{**RULE, "provider": {"mode": "filter", "values": []}}]},
    ],
    "store_id": [None, "", "store"],
    "stripe": [None, {"authorization": "test", "usage_events": []}],
}


@given(chosen=st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in SETTINGS.items()}))
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_gateway_was_told_it_serves_or_refuses(emulator: Running, chosen: dict[str, Any]) -> None:
    emulator.reset()
    control = f"{emulator.control_plane}/accounts/{ACCOUNT}/ai-gateway/gateways"
    body = {"id": "gw", **MINIMAL, **chosen}
    with httpx.Client(headers=emulator.auth, verify=False) as client:
        made = client.post(control, json=body)
        assert made.status_code == 200, made.text
        again = {name: value for name, value in made.json()["result"].items() if name != "id"}
        assert client.put(f"{control}/gw", json=again).json()["result"]["cache_ttl"] == again["cache_ttl"]
        for name in (f"workers-ai/{LLAMA}", "openai/gpt-4o"):
            for stream in (False, True):
                url = f"{emulator.data_plane}/{ACCOUNT}/gw/compat/chat/completions"
                assert client.post(url, json=chat_body(name, stream=stream)).status_code < 500
