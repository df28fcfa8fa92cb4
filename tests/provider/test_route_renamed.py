"""A route that somebody renamed: the Route resource over gRPC, against the emulator."""

from __future__ import annotations

import grpc
import pytest

from gateway_config.wire import to_wire
from tests.emulator.server import Running
from tests.provider.given import Kept, Provider
from tests.route_given import ROUTES, Api, graph, inputs

pytestmark = pytest.mark.http


@pytest.fixture
def renamed(route: Provider, api: Api) -> Kept:
    """The route "chat", called "by-hand" in the dashboard, as a refresh finds it."""
    kept = route.create(inputs(graph()))
    api.client.patch(f"{ROUTES}/{kept.outputs['routeId']}", {"name": "by-hand"})
    seen = route.refreshed(kept)
    assert seen is not None
    return seen


def test_a_name_given_by_hand_shows_as_the_name_alone(route: Provider, renamed: Kept) -> None:
    assert renamed.outputs["name"] == "by-hand"
    assert route.diff(renamed, inputs(graph())) == {"name": "update"}


def test_a_route_gets_its_name_back_and_keeps_its_id_and_its_history(
    route: Provider, api: Api, renamed: Kept, emulator: Running
) -> None:
    healed = route.update(renamed, inputs(graph()))
    assert [item["name"] for item in api.routes()] == ["chat"]
    assert (healed.id, healed.outputs["versions"]) == (renamed.id, 1)
    assert [call["method"] for call in emulator.journal() if call["method"] not in ("GET", "POST")] == [
        "PATCH",
        "PATCH",
    ]
    assert route.diff(healed, inputs(graph())) == {}


def test_a_name_and_a_share_are_brought_back_at_once(route: Provider, api: Api, renamed: Kept) -> None:
    declared = inputs(graph(champion=80, challenger=20))
    assert route.diff(renamed, declared) == {
        "name": "update",
        "split.champion": "update",
        "split.challenger": "update",
    }
    route.update(renamed, declared)
    assert len(api.versions()) == 2


def test_another_declared_name_still_makes_another_route(route: Provider, renamed: Kept) -> None:
    assert route.diff(renamed, inputs(graph("talk"), "talk"))["name"] == "update_replace"


def test_a_name_that_another_route_took_meanwhile_is_explained(route: Provider, api: Api, renamed: Kept) -> None:
    api.client.post(ROUTES, {"name": "chat", "elements": to_wire(graph())})
    with pytest.raises(grpc.RpcError, match='renamed to "by-hand" by hand, and another one is called "chat" by now'):
        route.update(renamed, inputs(graph()))


def test_what_is_imported_has_the_name_that_it_has(route: Provider, api: Api) -> None:
    api.client.post(ROUTES, {"name": "elsewhere", "elements": to_wire(graph("elsewhere"))})
    found = route.imported("test-account/inference-dev/elsewhere")
    assert found.outputs["declaredName"] == "elsewhere"
