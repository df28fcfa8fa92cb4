"""The bill of materials of one stage, from top to bottom."""

from __future__ import annotations

import pulumi
from pulumi import ResourceOptions

from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.config import GatewayConfig
from gateway_config.splits import split_of
from infra.gateway_inputs import gateway_inputs
from infra.provider.elements import elements_input
from infra.resources import AiGateway, Route
from infra.settings import Settings


def declare(config: GatewayConfig, compiled: CompiledConfig, settings: Settings, *, take_in: bool) -> None:
    """Declares everything. `take_in`: the gateway is there, made by hand or by an `up` that was killed."""
    gateway = _gateway(config, settings, take_in)
    routes = {name: _route(route, gateway, settings) for name, route in compiled.routes.items() if route.routed}
    pulumi.export("gateway_id", gateway.ai_gateway_id)
    pulumi.export("gateway_url", f"{settings.data_plane}/{settings.account}/{compiled.gateway_id}")
    pulumi.export("config_digest", compiled.digest)
    pulumi.export("graph_digests", {name: route.graph_digest for name, route in routes.items()})


def _say_what_to_do(failure: pulumi.ErrorHookArgs) -> bool:
    """For those who run plain `pulumi up` after one that was killed; `gatewright up` takes the gateway in itself."""
    if failure.failed_operation == "create" and "7001" in failure.errors[0]:
        pulumi.log.error(
            "The gateway exists already. If an interrupted run or the dashboard made it, `gatewright up` takes it in; "
            "so does `pulumi import cloudflare:index/aiGateway:AiGateway gateway <account>/<gateway>`."
        )
    return False


def _gateway(config: GatewayConfig, settings: Settings, take_in: bool) -> AiGateway:
    """Stock. The import id of the stock provider is `<account>/<gateway>`."""
    return AiGateway(
        "gateway",
        account_id=settings.account,
        ai_gateway_id=config.gateway_id,
        settings=gateway_inputs(config.file.gateway),
        opts=ResourceOptions(
            import_=f"{settings.account}/{config.gateway_id}" if take_in else None,
            hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("gateway-exists", _say_what_to_do)]),
        ),
    )


def _route(route: CompiledRoute, gateway: AiGateway, settings: Settings) -> Route:
    """Ours."""
    return Route(
        route.name,
        account_id=settings.account,
        gateway_id=gateway.ai_gateway_id,
        name=route.name,
        elements=elements_input(route.graph),
        split=split_of(route.graph, route.name),
        opts=ResourceOptions(depends_on=[gateway]),
    )
