"""`…/gateways/{gateway}/routes`: three different envelopes in one resource, as Cloudflare sends them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import page_of, problem, refuse
from tests.emulator.control.gateways.responses import GATEWAY, READ, WRITE, gateway_at, invalid
from tests.emulator.control.routes.grammar import without_unknown_properties, wrong_elements
from tests.emulator.control.routes.models import Deployment, Elements, Route, Routes, Version
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import Field, object_of, text
from tests.emulator.web import Call, Refusal, Reply, reply_json, to_json
from tests.emulator.world import World

ROUTES = f"{GATEWAY}/routes"
ROUTE = f"{ROUTES}/{{route}}"
LIVE_SOURCE = "distilled patches and alchemy live tests, June 2026"

ANSWERS = assumption(
    "route-answers",
    "Do answers about routes look as live ones were reported (no elements, version.data an array, active a "
    "boolean), or as the OpenAPI promises (elements, data a string, active a string)?",
    "live",
    "spec",
)
MISSING_STATUS = assumption("route-missing-status", "Which status has 7005 …not found?", "404", "400")
DUPLICATE_STATUS = assumption("route-duplicate-status", "Which status has 7005 …already exists?", "400", "409")
NEWEST_FIRST = assumption(
    "version-order", "In which order are versions and deployments listed?", "newest-first", "oldest-first"
)

named = object_of({"name": Field(text(1), required=True)})
with_version = object_of({"version_id": Field(text(1), required=True)})


@operation("POST", ROUTES, "LIVE", LIVE_SOURCE, WRITE)
def create_route(world: World, call: Call) -> Reply:
    """Create a route; its first version is deployed at once."""
    gateway = gateway_at(world, call)
    body = call.json_object
    refused = invalid([*named(body, ("body",)), *_wrong(world, body)])
    if refused:
        raise refused
    routes = world.of(call.params["account"], Routes)
    _refuse_taken(world, routes.named(gateway.id, body["name"]))
    route = routes.create(world, gateway.id, body["name"], _stored(call, body))
    return _result(_shown(world, route))


@operation("GET", ROUTES, "LIVE", LIVE_SOURCE, READ)
def list_routes(world: World, call: Call) -> Reply:
    """List routes: in `data`, and without their graphs."""
    gateway = gateway_at(world, call)
    routes = world.of(call.params["account"], Routes).of(gateway.id)
    shown, info = page_of(call, list(routes.values()))
    account = {"account_tag": call.params["account"]}
    items = [{**_shown(world, route, graph=world.assumes(ANSWERS) == "spec"), **account} for route in shown]
    return _data("routes", items, info)


@operation("GET", ROUTE, "LIVE", LIVE_SOURCE, READ)
def get_route(world: World, call: Call) -> Reply:
    """Get a route with the graph of its deployed version."""
    return _result(_shown(world, route_at(world, call)))


@operation("PATCH", ROUTE, "OAS", "OpenAPI of 2026-10-04", WRITE)
def rename_route(world: World, call: Call) -> Reply:
    """Rename a route in place; the answer is in `route`."""
    route = route_at(world, call)
    body = call.json_object
    if refused := invalid(named(body, ("body",))):
        raise refused
    taken = world.of(call.params["account"], Routes).named(route.gateway_id, body["name"])
    _refuse_taken(world, taken if taken is not route else None)
    for name in body.keys() - {"name"}:
        call.drop(f"PATCH of a route takes a name only; {name!r} is dropped")
    route.name, route.modified_at = body["name"], world.clock.timestamp()
    account = {"account_tag": call.params["account"]}
    return reply_json({"success": True, "route": {**_shown(world, route), **account}})


@operation("DELETE", ROUTE, "OAS", "OpenAPI of 2026-10-04", WRITE)
def delete_route(world: World, call: Call) -> Reply:
    """Delete a route with its versions."""
    route = route_at(world, call)
    world.of(call.params["account"], Routes).delete(route)
    return _result({**_head(route), "elements": route.deployed.elements})


@operation("POST", f"{ROUTE}/versions", "LIVE", LIVE_SOURCE, WRITE)
def create_version(world: World, call: Call) -> Reply:
    """Store a graph as a new version that serves nobody until it is deployed."""
    route = route_at(world, call)
    body = call.json_object
    if refused := invalid(_wrong(world, body)):
        raise refused
    version = route.add_version(world, _stored(call, body))
    return _result({**_head(route), "version_id": version.version_id, **_spec_elements(world, version)})


@operation("GET", f"{ROUTE}/versions", "OAS", "OpenAPI of 2026-10-04", READ)
def list_versions(world: World, call: Call) -> Reply:
    """List the versions of a route with their graphs."""
    route = route_at(world, call)
    shown, info = page_of(call, _ordered(world, route.versions))
    return _data("versions", [_version(world, route, version) for version in shown], info)


@operation("GET", f"{ROUTE}/versions/{{version}}", "OAS", "OpenAPI of 2026-10-04", READ)
def get_version(world: World, call: Call) -> Reply:
    """Get one version of a route."""
    route = route_at(world, call)
    version = _version_of(world, route, call.params["version"])
    return _result({**_head(route), **_version(world, route, version), **_spec_elements(world, version)})


@operation("POST", f"{ROUTE}/deployments", "SDK", "docstrings of SDK 5.9", WRITE)
def create_deployment(world: World, call: Call) -> Reply:
    """Deploy a version; an older one is a rollback."""
    route = route_at(world, call)
    body = call.json_object
    if refused := invalid(with_version(body, ("body",))):
        raise refused
    version = _version_of(world, route, body["version_id"])
    route.deploy(world, version)
    return _result({**_shown(world, route, graph=False), **_spec_elements(world, version)})


@operation("GET", f"{ROUTE}/deployments", "OAS", "OpenAPI of 2026-10-04", READ)
def list_deployments(world: World, call: Call) -> Reply:
    """List what was live when."""
    route = route_at(world, call)
    shown, info = page_of(call, _ordered(world, route.deployments))
    return _data("deployments", [_deployment(deployment) for deployment in shown], info)


def route_at(world: World, call: Call) -> Route:
    """The route the path names; a missing gateway is 7002, a missing route 7005."""
    gateway = gateway_at(world, call)
    route = world.of(call.params["account"], Routes).of(gateway.id).get(call.params["route"])
    if route is None:
        raise _missing(world, "Route not found")
    return route


def _version_of(world: World, route: Route, version_id: str) -> Version:
    version = route.version(version_id)
    if version is None:
        raise _missing(world, "Version not found")
    return version


def _missing(world: World, message: str) -> Refusal:
    return refuse(int(world.assumes(MISSING_STATUS)), problem(7005, message))


def _refuse_taken(world: World, holder: Route | None) -> None:
    if holder is not None:
        message = f"Route with name {holder.name} already exists"
        raise refuse(int(world.assumes(DUPLICATE_STATUS)), problem(7005, message))


def _wrong(world: World, body: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    return list(wrong_elements(body.get("elements"), world.assumes, ("body", "elements")))


def _stored(call: Call, body: dict[str, Any]) -> Elements:
    elements, notes = without_unknown_properties(body["elements"])
    for note in notes:
        call.drop(note)
    return elements


def _head(route: Route) -> dict[str, Any]:
    times = {"created_at": route.created_at, "modified_at": route.modified_at}
    return {"id": route.id, "name": route.name, "gateway_id": route.gateway_id, **times}


@behaviour("live answers have no `elements`; the graph is the array version.data", "LIVE", LIVE_SOURCE)
def _shown(world: World, route: Route, graph: bool = True) -> dict[str, Any]:
    version = _version(world, route, route.deployed)
    if not graph:
        version.pop("data")
    deployment = _deployment(route.deployments[-1])
    elements = _spec_elements(world, route.deployed)
    return {**_head(route), **elements, "version": version, "deployment": deployment}


def _version(world: World, route: Route, version: Version) -> dict[str, Any]:
    active = version.version_id == route.deployments[-1].version_id
    head: dict[str, Any] = {"version_id": version.version_id, "created_at": version.created_at}
    if world.assumes(ANSWERS) == "live":
        return {**head, "active": active, "data": version.elements}
    return {**head, "active": str(active).lower(), "data": to_json(version.elements).decode()}


def _spec_elements(world: World, version: Version) -> dict[str, Any]:
    return {"elements": version.elements} if world.assumes(ANSWERS) == "spec" else {}


def _deployment(deployment: Deployment) -> dict[str, str]:
    return {
        "deployment_id": deployment.deployment_id,
        "version_id": deployment.version_id,
        "created_at": deployment.created_at,
    }


def _ordered(world: World, items: Sequence[Any]) -> list[Any]:
    return list(items if world.assumes(NEWEST_FIRST) == "oldest-first" else reversed(items))


def _result(value: object) -> Reply:
    return reply_json({"success": True, "result": value})


def _data(name: str, items: list[dict[str, Any]], info: dict[str, int]) -> Reply:
    page = {"page": info["page"], "per_page": info["per_page"]}
    order = {"order_by": "created_at", "order_by_direction": "desc"}
    return reply_json({"success": True, "data": {name: items, **page, **order}})
