"""One routing config for Cloudflare AI Gateway: what it may say, what it means, and a client that lives by it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway_config.compile import compile_config
    from gateway_config.compiled import CompiledConfig, CompiledRoute
    from gateway_config.config import GatewayConfig
    from gateway_config.errors import ConfigError, GatewrightError
    from gateway_config.runtime import AsyncClient, Client

# Each name with its module, imported on first use: `gatewright check` never pays for the client.
_HOMES = {
    "AsyncClient": "gateway_config.runtime",
    "Client": "gateway_config.runtime",
    "CompiledConfig": "gateway_config.compiled",
    "CompiledRoute": "gateway_config.compiled",
    "ConfigError": "gateway_config.errors",
    "GatewayConfig": "gateway_config.config",
    "GatewrightError": "gateway_config.errors",
    "compile_config": "gateway_config.compile",
}

__all__ = [
    "AsyncClient",
    "Client",
    "CompiledConfig",
    "CompiledRoute",
    "ConfigError",
    "GatewayConfig",
    "GatewrightError",
    "compile_config",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
