"""A rollback holds: a live version that is older than another one that was once live was chosen by somebody."""

from __future__ import annotations

from gateway_config.errors import GatewrightError
from infra.provider.routes_api import LiveRoute, Routes


class HeldError(GatewrightError):
    """The route was rolled back, and stays so until the config agrees with it or somebody resumes it."""


def is_held(routes: Routes, live: LiveRoute) -> bool:
    """Whether a newer version of this route was live before. A draft that never was does not count."""
    once_live = {deployment.version_id for deployment in routes.deployments(live.id)}
    for version in routes.versions(live.id):
        if version.id == live.version_id:
            return False
        if version.id in once_live:
            return True
    return False


def explanation(name: str) -> str:
    """What a person does about a route that is held."""
    return (
        f'route "{name}" is held: somebody rolled it back to an earlier version. Bring the config to agree with it, '
        f"or let it follow the config again by `gatewright resume {name}`."
    )
