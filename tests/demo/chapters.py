"""The chapters of the demo as functions that do one thing and return what came of it; nothing is printed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import openai

from gateway_config.runtime import Client
from gateway_config.runtime.settings import Settings
from gateway_config.splits import split_of
from infra.changes import ResourceChange
from tests.demo.scene import Scene
from tests.demo.shares import Observed, observe
from tests.stand_in.project import TEST_ACCOUNT, edit

ROUTE, INTENT = "quick-chat", "sprinter"
CHAMPION = f"{ROUTE}.champion"
TIMEOUT = f'elements["{CHAMPION}"].properties.timeout'
REQUESTS = 1000
QUESTION = "What does the Tower card mean?"


def declared(scene: Scene) -> dict[str, int]:
    """The shares of the route as its YAML says now."""
    return split_of(scene.compiled().routes[ROUTE].graph, ROUTE) or {}


def ask_with_our_client(scene: Scene) -> tuple[Observed, ...]:
    """A thousand users ask our client for the intent; each has a bucket, so each keeps its arm."""
    with Client(scene.compiled(), Settings.from_environment(scene.environment)) as client:
        arms = [client.ask(INTENT, QUESTION, user=f"user-{n}").served_by.arm for n in range(REQUESTS)]
    return observe(declared(scene), arms)


def ask_with_openai(scene: Scene) -> tuple[Observed, ...]:
    """A thousand requests of a client that knows nothing of us: no metadata, so the percentages decide."""
    targets = scene.compiled().routes[ROUTE].targets.values()
    arms = {target.model: target.arm for target in targets if target.arm}
    gateway = f"{scene.emulator.data_plane}/{TEST_ACCOUNT}/{scene.compiled().gateway_id}/compat"
    with openai.OpenAI(base_url=gateway, api_key=scene.environment["GATEWRIGHT_TOKEN"], max_retries=0) as client:
        return observe(declared(scene), [arms.get(model or "") for model in _models(client)])


def _models(client: openai.OpenAI) -> Iterator[str | None]:
    """Which model answered each request, by the gateway's header."""
    for _ in range(REQUESTS):
        answer = client.chat.completions.with_raw_response.create(
            model=f"dynamic/{ROUTE}", messages=[{"role": "user", "content": QUESTION}]
        )
        yield answer.headers.get("cf-aig-model")


def edit_the_split(scene: Scene) -> None:
    """What a pull request does: one number in one line."""
    edit(scene.config / "routes" / f"{ROUTE}.yaml", {"challenger: 10": "challenger: 20"})


def tamper(scene: Scene) -> tuple[int, int]:
    """Somebody changes the champion's time limit in the dashboard; returns it before and after, in milliseconds."""
    route = live_route(scene)
    elements = route["version"]["data"]
    champion = next(element for element in elements if element["id"] == CHAMPION)
    before = champion["properties"]["timeout"]
    champion["properties"]["timeout"] = 1500
    with _control_plane(scene) as api:
        version = api.post(f"/routes/{route['id']}/versions", json={"elements": elements}).json()["result"]
        api.post(f"/routes/{route['id']}/deployments", json={"version_id": version["version_id"]}).raise_for_status()
    return before, 1500


def live_timeout_ms(scene: Scene) -> int:
    """The champion's time limit in the deployed version."""
    elements = live_route(scene)["version"]["data"]
    return int(next(element for element in elements if element["id"] == CHAMPION)["properties"]["timeout"])


def versions(scene: Scene) -> int:
    """How many versions of the route are stored."""
    with _control_plane(scene) as api:
        stored = api.get(f"/routes/{live_route(scene)['id']}/versions").json()["data"]["versions"]
    return len(stored)


def left_over(scene: Scene) -> list[str]:
    """The gateways that are still there."""
    with httpx.Client(headers=scene.emulator.auth) as api:
        found = api.get(f"{scene.emulator.control_plane}/accounts/{TEST_ACCOUNT}/ai-gateway/gateways").json()
    return [gateway["id"] for gateway in found["result"]]


def words(change: ResourceChange) -> list[str]:
    """The differences of a change, each as `path: before => after`."""
    return [str(difference) for difference in change.differences]


def live_route(scene: Scene) -> dict[str, Any]:
    """The route as the API gives it back."""
    with _control_plane(scene) as api:
        listed = api.get("/routes").json()["data"]["routes"]
        id = next(route["id"] for route in listed if route["name"] == ROUTE)
        route: dict[str, Any] = api.get(f"/routes/{id}").json()["result"]
    return route


def _control_plane(scene: Scene) -> httpx.Client:
    base = f"{scene.emulator.control_plane}/accounts/{TEST_ACCOUNT}/ai-gateway/gateways/{scene.compiled().gateway_id}"
    return httpx.Client(base_url=base, headers=scene.emulator.auth)
