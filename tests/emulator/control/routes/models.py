"""Routes: records and rules.  A route always has one deployed version."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.world import World, store

Elements = list[dict[str, Any]]


@dataclass
class Version:
    version_id: str
    elements: Elements
    created_at: str

    @cached_property
    def by_id(self) -> dict[str, dict[str, Any]]:
        """The elements by their ids; a version never changes."""
        return {element["id"]: element for element in self.elements}


@dataclass
class Deployment:
    deployment_id: str
    version_id: str
    created_at: str


@dataclass
class Route:
    """Versions and deployments stand in the order they were made."""

    id: str
    name: str
    gateway_id: str
    created_at: str
    modified_at: str
    versions: list[Version] = field(default_factory=list)
    deployments: list[Deployment] = field(default_factory=list)

    def version(self, version_id: str) -> Version | None:
        return next((version for version in self.versions if version.version_id == version_id), None)

    @property
    def deployed(self) -> Version:
        """The version that serves."""
        live = self.version(self.deployments[-1].version_id)
        assert live is not None, "a deployment refers to a version of its route"
        return live

    def add_version(self, world: World, elements: Elements) -> Version:
        version = Version(world.chance.uuid(), elements, world.clock.timestamp())
        self.versions.append(version)
        self.modified_at = version.created_at
        return version

    def deploy(self, world: World, version: Version) -> Deployment:
        """Make a version live; an older one is a rollback."""
        deployment = Deployment(world.chance.uuid(), version.version_id, world.clock.timestamp())
        self.deployments.append(deployment)
        self.modified_at = deployment.created_at
        return deployment


@store
class Routes:
    """The routes of one account, by gateway and route id."""

    by_gateway: dict[str, dict[str, Route]] = field(default_factory=dict)
    names_once_used: dict[str, set[str]] = field(default_factory=dict)  # of routes that were deleted

    def of(self, gateway: str) -> dict[str, Route]:
        return self.by_gateway.get(gateway, {})

    def named(self, gateway: str, name: str) -> Route | None:
        return next((route for route in self.of(gateway).values() if route.name == name), None)

    @behaviour("creating a route deploys its version 1", "LIVE", "alchemy live tests of DynamicRouting")
    def create(self, world: World, gateway: str, name: str, elements: Elements) -> Route:
        now = world.clock.timestamp()
        route = Route(world.chance.uuid(), name, gateway, now, now)
        route.deploy(world, route.add_version(world, elements))
        self.by_gateway.setdefault(gateway, {})[route.id] = route
        return route

    def delete(self, route: Route) -> None:
        del self.by_gateway[route.gateway_id][route.id]
        self.names_once_used.setdefault(route.gateway_id, set()).add(route.name)

    def forget(self, gateway: str) -> None:
        """The gateway is gone, and its routes with it."""
        self.by_gateway.pop(gateway, None)

    def __iter__(self) -> Iterator[Route]:
        return (route for routes in self.by_gateway.values() for route in routes.values())
