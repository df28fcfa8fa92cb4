"""Dynamic routes over Cloudflare's API: routes, their versions, their deployments (facts 1.2 and 1.3)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import NotFoundError, TroubleError, UnansweredError
from gateway_config.errors import GatewrightError

Elements = list[dict[str, Any]]
_FoundT = TypeVar("_FoundT")


@dataclass(frozen=True, slots=True)
class LiveRoute:
    """A route with the graph that is deployed now."""

    id: str
    name: str
    elements: Elements
    version_id: str
    deployment_id: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A stored graph; `elements` is None where the list does not tell it."""

    id: str
    created_at: str
    elements: Elements | None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A version that was made live, and when."""

    version_id: str
    created_at: str


class Routes:
    """The routes of one gateway."""

    def __init__(self, api: ControlPlane, account: str, gateway: str) -> None:
        self._api = api
        self._path = f"/accounts/{account}/ai-gateway/gateways/{gateway}/routes"

    def names(self) -> dict[str, str]:
        """The id of every route by its name; names are unique within a gateway."""
        return {route["name"]: route["id"] for route in self._api.pages(self._path, "routes")}

    def find(self, name: str) -> str | None:
        """The id of the route of that name."""
        listed = self._api.pages(self._path, "routes")
        return next((route["id"] for route in listed if route["name"] == name), None)

    def get(self, id: str) -> LiveRoute | None:
        """The route as deployed, or None when it, or its gateway, is gone. One that nobody deployed is an error."""
        try:
            found = self._api.get(f"{self._path}/{id}")
        except NotFoundError:
            return None
        # Live, the graph is in `version.data` and `elements` is absent (trap 6).
        version = found.get("version") or {}
        if "version_id" not in version:
            raise GatewrightError(
                f'Cloudflare tells no deployed version of route "{found.get("name", id)}". Deploy one of its versions '
                "in the dashboard, or delete the route there; then run the same command again."
            )
        deployment = found.get("deployment") or {}
        elements = _elements(version.get("data", found.get("elements")))
        return LiveRoute(
            found["id"], found["name"], elements or [], version["version_id"], deployment.get("deployment_id")
        )

    def create(self, name: str, elements: Elements) -> str:
        """Makes the route and returns its id; Cloudflare deploys its first version at once.

        When the answer is lost the route is looked for by its name, never made twice.
        """
        body = {"name": name, "elements": elements}
        try:
            return str(self._api.post(self._path, body)["id"])
        except (UnansweredError, TroubleError) as error:
            return _recovered(lambda: self.find(name), error)

    def versions(self, id: str) -> list[Version]:
        """The stored versions, the newest first."""
        listed = self._api.pages(f"{self._path}/{id}/versions", "versions")
        found = [Version(v["version_id"], v["created_at"], _elements(v.get("data"))) for v in listed]
        return sorted(found, key=lambda version: version.created_at, reverse=True)

    def version_elements(self, id: str, version: Version) -> Elements:
        """The graph of a stored version."""
        if version.elements is not None:
            return version.elements
        return _elements(self._api.get(f"{self._path}/{id}/versions/{version.id}").get("data")) or []

    def write_version(self, id: str, elements: Elements) -> str:
        """Stores a draft and returns its version id."""
        known = {version.id for version in self.versions(id)}
        path = f"{self._path}/{id}/versions"
        try:
            answer = self._api.post(path, {"elements": elements})
        except (UnansweredError, TroubleError) as error:
            return _recovered(lambda: self._unknown_version(id, known), error)
        # The live answer carries `version_id` although the spec does not declare it (trap 8).
        return str(answer.get("version_id") or self._unknown_version(id, known))

    def _unknown_version(self, id: str, known: set[str]) -> str | None:
        return next((version.id for version in self.versions(id) if version.id not in known), None)

    def deployments(self, id: str) -> list[Deployment]:
        """What was live, the newest first."""
        listed = self._api.pages(f"{self._path}/{id}/deployments", "deployments")
        found = [Deployment(d["version_id"], d["created_at"]) for d in listed]
        return sorted(found, key=lambda deployment: deployment.created_at, reverse=True)

    def deploy(self, id: str, version_id: str) -> None:
        """Makes a stored version the live one. Deploying it twice would do no harm."""
        path = f"{self._path}/{id}/deployments"
        try:
            self._api.post(path, {"version_id": version_id})
        except (UnansweredError, TroubleError) as error:
            live = self.get(id)
            if live is None or live.version_id != version_id:
                raise error

    def rename(self, id: str, name: str) -> None:
        """Gives the route another name, in place."""
        self._api.patch(f"{self._path}/{id}", {"name": name})

    def delete(self, id: str) -> None:
        """Removes the route; gone already, or with its gateway, is fine."""
        try:
            self._api.delete(f"{self._path}/{id}")
        except NotFoundError:
            return


def _recovered(look: Callable[[], _FoundT | None], error: Exception) -> _FoundT:
    """What an unanswered call made after all, or else its error."""
    found = look()
    if found is None:
        raise error
    return found


def _elements(data: Any) -> Elements | None:
    """`version.data` is an array live and a JSON text in the spec."""
    if isinstance(data, str):
        data = json.loads(data)
    return data if isinstance(data, list) else None
