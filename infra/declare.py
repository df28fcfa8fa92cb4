"""The bill of materials of one stage, from top to bottom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
from pulumi import Output, ResourceOptions

from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.config import GatewayConfig
from gateway_config.splits import split_of
from infra.adapters import make_adapters
from infra.buckets import make_buckets
from infra.gateway_inputs import SECRET
from infra.provider.elements import elements_input
from infra.resources import AccountToken, AiGateway, LogpushJob, PublishedConfig, R2Bucket, Route
from infra.settings import Settings, TokenUse
from infra.take_in import TakeIn
from infra.tokens import token, use_of

Tokens = Mapping[TokenUse, AccountToken]


def declare(
    config: GatewayConfig, compiled: CompiledConfig, settings: Settings, inputs: Mapping[str, Any], take_in: TakeIn
) -> None:
    """Declares everything. `inputs` are the gateway's own; `take_in` is what exists and is not yet in the stack."""
    gateway = _gateway(config, settings, inputs, take_in)
    routes = {
        name: _route(route, gateway, settings, take_in) for name, route in compiled.routes.items() if route.routed
    }
    adapters = make_adapters(config, settings)
    buckets = make_buckets(settings, settings.buckets, take_in) if settings.buckets else ()
    tokens: Tokens = {
        name: token(name, use_of(name, has_adapters=bool(adapters)), dates, settings, compiled.gateway_id, buckets)
        for name, dates in settings.tokens.items()
    }
    if buckets:
        job = _logpush(config, settings, buckets.logs, gateway, tokens)
        everything = [gateway, *routes.values(), *adapters, *buckets, *tokens.values(), *job]
        _published(compiled, settings, buckets.config, tokens, everything)
    pulumi.export("gateway_id", gateway.ai_gateway_id)
    pulumi.export("gateway_url", f"{settings.data_plane}/{settings.account}/{compiled.gateway_id}")
    pulumi.export("config_digest", compiled.digest)
    pulumi.export("graph_digests", {name: route.graph_digest for name, route in routes.items()})
    if tokens:
        pulumi.export("tokens", Output.secret({use: {"id": t.id, "value": t.value} for use, t in tokens.items()}))
    if settings.buckets and "publish-config" in tokens:
        pulumi.export("published_config", {"bucket": settings.buckets.config, "key": _key(compiled)})


def _say_what_to_do(failure: pulumi.ErrorHookArgs) -> bool:
    """For those who run plain `pulumi up` after one that was killed; `gatewright up` takes the gateway in itself."""
    if failure.failed_operation == "create" and "7001" in failure.errors[0]:
        pulumi.log.error(
            "The gateway exists already. If an interrupted run or the dashboard made it, `gatewright up` takes it in; "
            "so does `pulumi import cloudflare:index/aiGateway:AiGateway gateway <account>/<gateway>`."
        )
    return False


def _gateway(config: GatewayConfig, settings: Settings, inputs: Mapping[str, Any], take_in: TakeIn) -> AiGateway:
    """Stock. The import id of the stock provider is `<account>/<gateway>`."""
    return AiGateway(
        "gateway",
        account_id=settings.account,
        ai_gateway_id=config.gateway_id,
        settings=inputs,
        opts=ResourceOptions.merge(
            ResourceOptions(
                protect=settings.safety is not None,
                hooks=pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook("gateway-exists", _say_what_to_do)]),
            ),
            take_in.options("gateway", [*inputs, *SECRET]),
        ),
    )


def _route(route: CompiledRoute, gateway: AiGateway, settings: Settings, take_in: TakeIn) -> Route:
    """Ours."""
    return Route(
        route.name,
        account_id=settings.account,
        gateway_id=gateway.ai_gateway_id,
        name=route.name,
        elements=elements_input(route.graph),
        split=split_of(route.graph, route.name),
        opts=ResourceOptions.merge(
            ResourceOptions(depends_on=[gateway]), take_in.options(route.name, ["elements", "split"])
        ),
    )


def _logpush(
    config: GatewayConfig, settings: Settings, bucket: R2Bucket, gateway: AiGateway, tokens: Tokens
) -> list[LogpushJob]:
    """Ours. Only with a public key: what people wrote leaves the gateway encrypted, or not at all."""
    writer = tokens.get("write-logs")
    if writer is None or config.file.gateway.logpush_public_key is None:
        return []
    job = LogpushJob(
        "logpush",
        account_id=settings.account,
        name=f"gatewright-{config.gateway_id}",
        bucket=bucket.name,
        token_id=writer.id,
        token_value=writer.value,
        filter=json.dumps({"where": {"key": "Gateway", "operator": "eq", "value": config.gateway_id}}),
        opts=ResourceOptions(depends_on=[gateway]),
    )
    return [job]


def _published(
    compiled: CompiledConfig, settings: Settings, bucket: R2Bucket, tokens: Tokens, after: Sequence[pulumi.Resource]
) -> None:
    """Ours. Last, and only when everything else is as declared: nobody follows a config that is not deployed."""
    writer = tokens.get("publish-config")
    if writer is None or settings.buckets is None:
        return
    PublishedConfig(
        "published-config",
        account_id=settings.account,
        bucket=bucket.name,
        jurisdiction=settings.buckets.jurisdiction,
        key=_key(compiled),
        content=compiled.to_json(),
        token_id=writer.id,
        token_value=writer.value,
        opts=ResourceOptions(depends_on=list(after)),
    )


def _key(compiled: CompiledConfig) -> str:
    return f"{compiled.stage}.json"
