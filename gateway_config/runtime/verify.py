"""Compares what is deployed with what is declared, by the API and without Pulumi."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.errors import GraphError
from gateway_config.graph import Graph, graph_digest
from gateway_config.telling.diff import graph_diff
from gateway_config.wire import from_wire


@dataclass(frozen=True, slots=True)
class Finding:
    """One route: whether it is as declared; `words` say what is different."""

    route: str
    state: Literal["same", "different", "missing", "undeclared"]
    words: tuple[str, ...] = ()


def verify(config: CompiledConfig, account_id: str, api: ControlPlane) -> list[Finding]:
    """A finding for each declared route that a dynamic route carries, and for each that nobody declared."""
    base = f"/accounts/{account_id}/ai-gateway/gateways/{config.gateway_id}/routes"
    deployed = dict(filter(None, map(_named, api.pages(base, "routes"))))
    declared = {name: route for name, route in config.routes.items() if route.routed}
    return [*_declared(declared, deployed, base, api), *_undeclared(set(deployed) - set(declared))]


def _declared(
    declared: dict[str, CompiledRoute], deployed: dict[str, str], base: str, api: ControlPlane
) -> Iterator[Finding]:
    for name, route in declared.items():
        if name not in deployed:
            yield Finding(name, "missing", (f'the gateway has no route "{name}"',))
            continue
        try:
            live = _live_graph(api.get(f"{base}/{deployed[name]}"))
        except GraphError as error:
            yield Finding(name, "different", (str(error),))
            continue
        same = graph_digest(live) == route.graph_digest
        yield Finding(name, "same") if same else Finding(name, "different", tuple(graph_diff(route.graph, live)))


def _undeclared(names: set[str]) -> Iterator[Finding]:
    for name in sorted(names):
        yield Finding(name, "undeclared", (f'the gateway has a route "{name}" that nobody declared',))


def _named(item: Any) -> tuple[str, str] | None:
    """The name and the id of a route in the list."""
    name, id = (item.get("name"), item.get("id")) if isinstance(item, dict) else (None, None)
    return (name, id) if isinstance(name, str) and isinstance(id, str) else None


def _live_graph(route: Any) -> Graph:
    """The graph of the deployed version: an array as the API sends it, a text as its specification says (trap 6)."""
    version = route.get("version") if isinstance(route, dict) else None
    data = version.get("data") if isinstance(version, dict) else None
    if data is None:
        data = route.get("elements") if isinstance(route, dict) else None
    if data is None:
        raise GraphError("none of its versions is deployed")
    try:
        return from_wire(json.loads(data) if isinstance(data, str) else data)
    except (ValueError, RecursionError):
        raise GraphError("what is deployed is no JSON") from None
