"""Every API call of a route's life answered wrongly in turn: one more run reaches the declared state, with no orphan.

The engine repeats a failed create or update at the next `up`; so does `at_the_next_up` here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.graph import graph_digest
from infra.provider.elements import digest_of_wire
from tests.emulator.server import TEST_TOKEN, Running
from tests.provider.given import Kept, Provider, provider_of
from tests.route_given import ROUTES, Api, graph, inputs

pytestmark = pytest.mark.http

TIMEOUT_S = 0.2


def refusal(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "result": None, "messages": [], "errors": [{"code": code, "message": message}]}


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": refusal(1, "trouble")},
    "502 with HTML": {"status": 502, "body": "<h1>Bad gateway</h1>"},
    "429": {"status": 429, "body": refusal(10429, "slow down")},
    "429 with Retry-After": {"status": 429, "body": refusal(10429, "slow down"), "headers": {"retry-after": "1"}},
    "401/2009": {"status": 401, "body": refusal(2009, "Unauthorized")},
    "403": {"status": 403, "body": refusal(10000, "Authentication error")},
    "an unknown code": {"status": 400, "body": refusal(4711, "nobody knows")},
    "a timeout": {"delay_ms": TIMEOUT_S * 1500},
    "a reset": {"reset": True},
    "an answer cut short": {"truncate": 20},
}
CALLS = (
    ("POST", ROUTES),
    ("GET", ROUTES),
    ("GET", f"{ROUTES}/????????-*"),
    ("POST", f"{ROUTES}/*/versions"),
    ("GET", f"{ROUTES}/*/versions"),
    ("POST", f"{ROUTES}/*/deployments"),
)


@pytest.fixture
def route(emulator: Running, api: Api) -> Iterator[Provider]:
    client = ControlPlane(TEST_TOKEN, emulator.control_plane, attempts=2, timeout_s=TIMEOUT_S, sleep=lambda _: None)
    with client, provider_of("gatewright:index:Route", client) as provider:
        yield provider


def at_the_next_up(step: Callable[[], Kept], emulator: Running) -> Kept:
    """The step; where it fails, with a sentence, it is done once more without the fault."""
    try:
        return step()
    except grpc.RpcError as error:
        sentence = str(error.details())
        assert sentence.endswith((".", "?")), sentence
        assert "defect" not in sentence
        emulator.admin("DELETE", "/faults")
        time.sleep(TIMEOUT_S)  # what was under way is carried out, or not
        return step()


@pytest.mark.parametrize("times", [1, None], ids=["once", "lasting"])
@pytest.mark.parametrize("call", CALLS, ids=[f"{method} {path.removeprefix(ROUTES)}" for method, path in CALLS])
@pytest.mark.parametrize("fault", FAULTS)
def test_one_more_up_reaches_the_declared_state(
    route: Provider, api: Api, emulator: Running, fault: str, call: tuple[str, str], times: int | None
) -> None:
    method, path = call
    wanted = graph(champion=80, challenger=20)
    emulator.fault(f"/client/v4{path}", method=method, times=times, **FAULTS[fault])
    kept = at_the_next_up(lambda: route.create(inputs(graph())), emulator)
    at_the_next_up(lambda: route.update(kept, inputs(wanted)), emulator)
    left = emulator.admin("GET", "/faults")["faults"]
    assert all(one["times"] != 1 for one in left), "the fault was met"
    emulator.admin("DELETE", "/faults")
    assert [item["name"] for item in api.routes()] == ["chat"]
    assert digest_of_wire(api.live()["version"]["data"]) == graph_digest(wanted)
    assert len(api.versions()) == 2
