"""What the tests of the Route resource share: a graph as the compiler makes it, and ways past our provider."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.graph import Element, Graph
from gateway_config.splits import split_elements, split_of
from infra.provider.elements import elements_input
from tests.emulator.server import TEST_TOKEN, Running

ACCOUNT, GATEWAY = "test-account", "inference-dev"
GATEWAYS = f"/accounts/{ACCOUNT}/ai-gateway/gateways"
ROUTES = f"{GATEWAYS}/{GATEWAY}/routes"


def graph(name: str = "chat", timeout_ms: int = 8000, **shares: int) -> Graph:
    """A route with a split, as the compiler makes it."""
    arms = shares or {"champion": 90, "challenger": 10}
    split = split_elements(f"{name}.in", arms, {arm: f"{name}.{arm}" for arm in arms})
    models = [
        Element(
            f"{name}.{arm}",
            "model",
            {"provider": "workers-ai", "model": f"@cf/test/{arm}", "timeout": timeout_ms, "retries": 0},
            {"success": "end", "fallback": "end"},
        )
        for arm in arms
    ]
    start = Element("start", "start", {}, {"next": split[0].id})
    return Graph.of(start, *split, *models, Element("end", "end"))


def inputs(graph: Graph, name: str = "chat", gateway: str = GATEWAY) -> dict[str, Any]:
    return {
        "accountId": ACCOUNT,
        "gatewayId": gateway,
        "name": name,
        "elements": elements_input(graph),
        "split": split_of(graph, name),
    }


class Api:
    """What anybody with a token can do, past our provider."""

    def __init__(self, emulator: Running) -> None:
        self.client = ControlPlane(TEST_TOKEN, emulator.control_plane, sleep=lambda _: None)

    def make_gateway(self, id: str = GATEWAY) -> None:
        settings = {"cache_invalidate_on_update": False, "cache_ttl": 0, "collect_logs": True}
        self.client.post(GATEWAYS, {"id": id, **settings, "rate_limiting_interval": 0, "rate_limiting_limit": 0})

    def routes(self) -> list[Any]:
        return list(self.client.pages(ROUTES, "routes"))

    def live(self, name: str = "chat") -> Any:
        id = next(route["id"] for route in self.routes() if route["name"] == name)
        return self.client.get(f"{ROUTES}/{id}")

    def versions(self, name: str = "chat") -> list[Any]:
        return list(self.client.pages(f"{ROUTES}/{self.live(name)['id']}/versions", "versions"))

    def write_version(self, elements: list[Any], name: str = "chat") -> str:
        answer = self.client.post(f"{ROUTES}/{self.live(name)['id']}/versions", {"elements": elements})
        return str(answer["version_id"])

    def deploy(self, version_id: str, name: str = "chat") -> None:
        self.client.post(f"{ROUTES}/{self.live(name)['id']}/deployments", {"version_id": version_id})

    def edit_by_hand(self, change: Mapping[str, Any], element: str) -> None:
        """What a person does in the dashboard: another version, deployed."""
        elements = copy.deepcopy(self.live()["version"]["data"])
        next(item for item in elements if item["id"] == element)["properties"].update(change)
        self.deploy(self.write_version(elements))
