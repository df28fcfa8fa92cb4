"""How often the routes of a gateway are listed: once for all that a run makes, and never believed blindly."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.emulator.server import Running
from tests.provider.given import Kept, Provider
from tests.route_given import GATEWAY, ROUTES, Api, graph, inputs

pytestmark = pytest.mark.http


def create(route: Provider, name: str, gateway: str = GATEWAY) -> Kept:
    return route.create(inputs(graph(name), name, gateway))


def lists(emulator: Running) -> int:
    return sum((call["method"], call["path"]) == ("GET", f"/client/v4{ROUTES}") for call in emulator.journal())


def test_routes_that_are_made_together_are_looked_for_in_one_list(route: Provider, api: Api, emulator: Running) -> None:
    with ThreadPoolExecutor(max_workers=4) as threads:
        made = list(threads.map(lambda number: create(route, f"route-{number}"), range(8)))
    assert lists(emulator) == 1
    assert {item["id"] for item in api.routes()} == {kept.outputs["routeId"] for kept in made}


def test_every_gateway_has_names_of_its_own(route: Provider, api: Api) -> None:
    api.make_gateway("inference-prod")
    first, second = create(route, "chat"), create(route, "chat", "inference-prod")
    assert first.outputs["routeId"] != second.outputs["routeId"]


def test_a_route_that_this_run_made_is_found_without_another_list(route: Provider, emulator: Running) -> None:
    create(route, "other")
    made = create(route, "chat")
    assert create(route, "chat").id == made.id
    assert lists(emulator) == 1


def test_a_name_that_this_run_freed_is_used_again_at_once(route: Provider, emulator: Running) -> None:
    made = create(route, "chat")
    route.delete(made)
    before = len(emulator.journal())
    assert create(route, "chat").id != made.id
    assert [call["method"] for call in emulator.journal()[before:]] == ["POST", "GET"]


def test_a_route_that_others_removed_meanwhile_is_made(route: Provider, api: Api) -> None:
    made = create(route, "chat")
    api.client.delete(f"{ROUTES}/{made.outputs['routeId']}")
    assert create(route, "chat").id != made.id


def test_a_route_that_others_renamed_meanwhile_is_left_to_them(route: Provider, api: Api) -> None:
    made = create(route, "chat")
    api.client.patch(f"{ROUTES}/{made.outputs['routeId']}", {"name": "theirs"})
    assert create(route, "chat").id != made.id
    assert {item["name"] for item in api.routes()} == {"chat", "theirs"}


def test_a_name_that_others_took_meanwhile_is_read_afresh(route: Provider, api: Api, emulator: Running) -> None:
    create(route, "other")
    made = api.client.post(ROUTES, {"name": "chat", "elements": api.live("other")["version"]["data"]})
    before = lists(emulator)
    kept = route.create(inputs(graph("other"), "chat") | {"split": None})
    assert kept.outputs["routeId"] == made["id"]
    assert lists(emulator) - before == 1
