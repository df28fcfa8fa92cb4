"""A gateway that holds a thousand routes made by others: ours are found among them, theirs stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.wire import to_wire
from infra.provider.routes_api import Routes
from tests.emulator.server import TEST_TOKEN, Running
from tests.faults.engine_life import ROUTE, EngineLife
from tests.provider.given import Provider, provider_of
from tests.route_given import ACCOUNT, GATEWAY, ROUTES, Api, graph, inputs

OTHERS = 1000


@pytest.fixture
def api(emulator: Running) -> Iterator[Api]:
    """Ways past the provider, to a gateway where others have made their routes."""
    api = Api(emulator)
    with api.client:
        api.make_gateway()
        make_others(api)
        yield api


def make_others(api: Api) -> None:
    elements = to_wire(graph("other"))
    for number in range(OTHERS):
        api.client.post(ROUTES, {"name": f"other-{number:04}", "elements": elements})


@pytest.fixture
def route(emulator: Running) -> Iterator[Provider]:
    client = ControlPlane(TEST_TOKEN, emulator.control_plane)
    with client, provider_of("gatewright:index:Route", client) as provider:
        yield provider


def writes_to_others(emulator: Running, ours: set[str]) -> list[str]:
    """Calls that change a route, and not one of ours."""
    changes = [call for call in emulator.journal("/routes/", limit=10_000) if call["method"] != "GET"]
    return [call["path"] for call in changes if not any(id in call["path"] for id in ours)]


@pytest.mark.http
def test_names_among_a_thousand_are_found_page_by_page(api: Api, emulator: Running) -> None:
    routes = Routes(api.client, ACCOUNT, GATEWAY)
    before = len(emulator.journal(ROUTES, limit=10_000))
    names = routes.names()
    assert sorted(names) == [f"other-{number:04}" for number in range(OTHERS)]
    pages = len(emulator.journal(ROUTES, limit=10_000)) - before
    assert pages == OTHERS // 100 + 1


@pytest.mark.http
def test_a_route_lives_and_goes_among_a_thousand_that_stay_as_they_are(
    api: Api, emulator: Running, route: Provider
) -> None:
    theirs = {item["id"]: item["name"] for item in api.routes()}
    made = route.create(inputs(graph()))
    assert route.create(inputs(graph())).id == made.id, "found again on the last page"
    updated = route.update(made, inputs(graph(champion=80, challenger=20)))
    assert writes_to_others(emulator, {made.outputs["routeId"]}) == []
    route.delete(updated)
    assert {item["id"]: item["name"] for item in api.routes()} == theirs


@pytest.mark.engine
def test_up_leaves_a_thousand_routes_of_others_alone_and_a_preview_asks_for_none_of_them(
    tmp_path: Path, emulator: Running
) -> None:
    life = EngineLife(tmp_path, emulator)
    with life.api.client:
        life.api.make_gateway()
        make_others(life.api)
        theirs = {item["id"]: item["name"] for item in life.api.routes()}
        life.engine().up()
        (ours,) = [item["id"] for item in life.api.routes() if item["name"] == ROUTE]
        before = len(emulator.journal(limit=10_000))
        assert life.engine().preview().changes == ()
        asked = [call["path"].rpartition("/")[2] for call in emulator.journal(limit=10_000)[before:]]
        assert asked == [GATEWAY, GATEWAY, ours]
        assert writes_to_others(emulator, {ours}) == []
        assert {item["id"]: item["name"] for item in life.api.routes() if item["id"] != ours} == theirs
