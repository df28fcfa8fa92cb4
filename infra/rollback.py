"""Rolling a route back to an earlier version, and letting it follow the config again. Neither needs the engine."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compile import compile_config
from gateway_config.errors import GatewrightError, UsageError
from gateway_config.load import load_documents
from gateway_config.revisions import documents_at
from infra.provider.elements import digest_of_wire
from infra.provider.routes_api import LiveRoute, Routes

MOST_COMMITS = 50


@dataclass(frozen=True, slots=True)
class Past:
    """A stored version: when it was last made live (None: never), and the commit whose compiled graph equals it."""

    version_id: str
    created_at: str
    graph_digest: str
    last_live_at: str | None
    is_live: bool
    commit: str | None


class RouteHistory:
    """One route of a stage, as Cloudflare stores it."""

    def __init__(self, api: ControlPlane, account: str, gateway: str, name: str) -> None:
        self.name = name
        self._routes = Routes(api, account, gateway)
        id = self._routes.find(name)
        live = self._routes.get(id) if id else None
        if live is None:
            raise UsageError(f'Gateway "{gateway}" has no route "{name}". `gatewright show` lists what is declared.')
        self.live: LiveRoute = live

    def versions(self, commits: Mapping[str, str]) -> list[Past]:
        """The stored versions, the newest first; `commits` maps graph digests to commits."""
        last_live: dict[str, str] = {}
        for deployment in self._routes.deployments(self.live.id):
            last_live.setdefault(deployment.version_id, deployment.created_at)
        found = []
        for version in self._routes.versions(self.live.id):
            digest = digest_of_wire(self._routes.version_elements(self.live.id, version))
            found.append(
                Past(
                    version.id,
                    version.created_at,
                    digest,
                    last_live.get(version.id),
                    version.id == self.live.version_id,
                    commits.get(digest),
                )
            )
        return found

    def roll_back(self, versions: list[Past], wanted: str | None) -> Past:
        """Deploys a version, by default the one that was live before this one. Returns it."""
        target = _chosen(versions, wanted) if wanted is not None else _before(versions, self.name)
        if target.is_live:
            raise UsageError(f"Version {target.version_id} is live already.")
        self._routes.deploy(self.live.id, target.version_id)
        return target

    def resume(self) -> str:
        """Lets the route follow the config again without a change of traffic: what is live becomes the newest."""
        version = self._routes.write_version(self.live.id, self.live.elements)
        self._routes.deploy(self.live.id, version)
        return version


def _chosen(versions: list[Past], wanted: str) -> Past:
    found = [version for version in versions if version.version_id.startswith(wanted)]
    if len(found) != 1:
        known = ", ".join(version.version_id for version in versions)
        raise UsageError(f'"{wanted}" stands for {len(found)} versions, not for one. There are {known}.')
    return found[0]


def _before(versions: list[Past], name: str) -> Past:
    once_live = [version for version in versions if version.last_live_at and not version.is_live]
    if not once_live:
        raise UsageError(f'Route "{name}" has no earlier version that was live.')
    return max(once_live, key=lambda version: str(version.last_live_at))


def commits_by_digest(config: Path, stage: str, route: str) -> dict[str, str]:
    """The graph digests that a route had in past commits of the config, each with the newest such commit."""
    found: dict[str, str] = {}
    for commit in _commits(config):
        try:
            compiled = compile_config(load_documents(documents_at(config, commit), stage)).routes[route]
        except (GatewrightError, KeyError):
            continue  # the route, or the config's grammar, was another then
        found.setdefault(compiled.graph_digest, commit)
    return found


def _commits(config: Path) -> Iterator[str]:
    command = ["git", "-C", str(config), "log", f"-{MOST_COMMITS}", "--format=%h", "--", "."]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return
    yield from done.stdout.split() if done.returncode == 0 else ()
