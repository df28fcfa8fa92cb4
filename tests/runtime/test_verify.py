"""What is deployed against what is declared, whatever Cloudflare answers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Settings
from gateway_config.runtime.verify import Finding, verify
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy
from tests.runtime.world import Gateway


class Api(ControlPlane):
    """Cloudflare's API with one list of routes, and one answer for each."""

    def __init__(self, route: Any, items: list[Any] | None = None) -> None:
        self._route = route
        self._items = [{"name": "reasoning", "id": "1"}] if items is None else items

    def pages(self, path: str, key: str, per_page: int = 100, **params: Any) -> Iterator[Any]:
        return iter(self._items)

    def get(self, path: str, **_: Any) -> Any:
        return self._route


def of_reasoning(config: CompiledConfig, api: Api) -> Finding:
    return next(finding for finding in verify(config, "a", api) if finding.route == "reasoning")


@pytest.mark.parametrize("route", [{}, {"version": None}, {"version": {}}, None, [], "x", {"version": "x"}])
def test_a_route_without_a_deployed_version_is_said_to_be_that(config: CompiledConfig, route: Any) -> None:
    found = of_reasoning(config, Api(route))
    assert found == Finding("reasoning", "different", ("none of its versions is deployed",))


@pytest.mark.parametrize("data", ["{", "[" * 100_000, 5, "5", [1], "[]", [{"id": 1}]])
def test_a_graph_that_is_none_is_different_in_words(config: CompiledConfig, data: Any) -> None:
    found = of_reasoning(config, Api({"version": {"data": data}}))
    assert (found.state, len(found.words)) == ("different", 1)


def test_a_graph_as_a_text_is_a_graph(config: CompiledConfig) -> None:
    data = json.dumps(list(config.routes["reasoning"].elements))
    assert of_reasoning(config, Api({"version": {"data": data}})).state == "same"


@pytest.mark.parametrize("item", [None, "x", {}, {"name": "x"}, {"name": None, "id": "1"}, {"name": "x", "id": 1}])
def test_an_item_of_the_list_that_is_no_route_is_passed_over(config: CompiledConfig, item: Any) -> None:
    assert {finding.state for finding in verify(config, "a", Api({}, [item]))} == {"missing"}


@pytest.mark.http
def test_a_client_verifies_what_it_lives_by(config: CompiledConfig, emulator: Running) -> None:
    deploy(emulator, config)
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        client = Gateway().client(config, settings=Settings(ACCOUNT, TEST_TOKEN))
        assert {finding.state for finding in client.verify(api)} == {"same"}
