"""Deploying a compiled config to the emulator by plain API calls, without infra."""

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compiled import CompiledConfig
from tests.emulator.server import TEST_TOKEN, Running

ACCOUNT = "test-account"


def routes_path(config: CompiledConfig) -> str:
    return f"/accounts/{ACCOUNT}/ai-gateway/gateways/{config.gateway_id}/routes"


def deploy(running: Running, config: CompiledConfig) -> None:
    """The gateway, and every route that a dynamic route carries."""
    off = {"cache_ttl": 0, "collect_logs": True, "rate_limiting_interval": 0, "rate_limiting_limit": 0}
    gateway = {"id": config.gateway_id, "authentication": True, "cache_invalidate_on_update": False, **off}
    with ControlPlane(TEST_TOKEN, running.control_plane) as api:
        api.post(routes_path(config).removesuffix(f"/{config.gateway_id}/routes"), gateway)
        for route in config.routes.values():
            if route.routed:
                api.post(routes_path(config), {"name": route.name, "elements": list(route.elements)})
