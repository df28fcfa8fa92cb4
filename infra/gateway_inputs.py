"""The gateway's settings in the stock provider's words.

What the stock provider calls computed keeps what is live where it is left out, so a hand edit of it would never be
seen: each of these is declared, also where it is off. What is merely optional (`dlp`, `guardrails`, `stripe`,
`retry…`) means "none" where it is left out, and a hand edit shows as a difference from that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi import Output

from gateway_config.config import Gateway, GatewayFile, Guardrails, SpendLimit, Telemetry
from gateway_config.errors import UsageError

SECRET = ("otels", "stripe")
"""The inputs that hold authorizations. The stock provider does not know it (facts 4)."""
WHEN_FULL = {"stop": "STOP_INSERTING", "delete-oldest": "DELETE_OLDEST"}


def gateway_inputs(file: GatewayFile, environment: Mapping[str, str]) -> Mapping[str, Any]:
    """All inputs of AiGateway but account and id.

    Secrets of telemetry are read from the environment; a UsageError names the variable that is missing.
    """
    collectors = [_collector(one, environment) for one in file.gateway.telemetry]
    # As a whole: what somebody adds by hand is then secret in the state, too, before it is taken away again.
    return {**plain_inputs(file), "otels": Output.secret(collectors)}


def plain_inputs(file: GatewayFile) -> Mapping[str, Any]:
    """The inputs that hold no secret."""
    gateway = file.gateway
    return {
        **_scalars(gateway),
        **_rate_limit(gateway),
        "guardrails": _guardrails(gateway.guardrails) if gateway.guardrails else None,
        "dlp": _dlp(gateway),
        "retryBackoff": None,  # the elements of a route repeat, not the gateway
        "retryDelay": None,
        "retryMaxAttempts": None,
        "spendLimits": _spend_limits(file),
    }


def _scalars(gateway: Gateway) -> dict[str, Any]:
    return {
        "authentication": gateway.authentication,
        "byokOnly": gateway.byok_only,
        # The gateway's cache is off: a hit would mix the arms of a split. A route opts in per request.
        "cacheInvalidateOnUpdate": False,
        "cacheTtl": 0,
        "collectLogs": gateway.collect_logs,
        "logClassification": False,
        "logManagement": gateway.log_limit,
        "logManagementStrategy": WHEN_FULL[gateway.log_when_full],
        "logpush": gateway.logpush_public_key is not None,
        "logpushPublicKey": gateway.logpush_public_key,
        "storeId": "",
        "workersAiBillingMode": "postpaid",
        "zdr": gateway.zero_data_retention,
    }


def _rate_limit(gateway: Gateway) -> dict[str, Any]:
    limit = gateway.rate_limit
    if limit is None:
        return {"rateLimitingInterval": 0, "rateLimitingLimit": 0, "rateLimitingTechnique": "sliding"}
    return {
        "rateLimitingInterval": limit.window_s,
        "rateLimitingLimit": limit.requests,
        "rateLimitingTechnique": limit.technique,
    }


def _guardrails(guardrails: Guardrails) -> dict[str, Any]:
    """Both halves are required, also an empty one."""
    halves = {"prompt": guardrails.prompt, "response": guardrails.response}
    return {
        half: {hazard.lower(): action.upper() for hazard, action in hazards.items()} for half, hazards in halves.items()
    }


def _dlp(gateway: Gateway) -> dict[str, Any] | None:
    dlp = gateway.data_loss_prevention
    if dlp is None:
        return None
    return {"enabled": True, "action": dlp.action.upper(), "profiles": list(dlp.profiles)}


def _spend_limits(file: GatewayFile) -> dict[str, Any]:
    rules = [_spend_rule(number, limit, file) for number, limit in enumerate(file.gateway.spend_limits, 1)]
    return {"enabled": bool(rules), "rules": rules}


def _spend_rule(number: int, limit: SpendLimit, file: GatewayFile) -> dict[str, Any]:
    rule: dict[str, Any] = {
        # Each rule has an id of its own: left out, all of them get the same one (facts 4).
        "id": limit.id or f"spend-{number}",
        "enabled": True,
        "limitType": "cost",
        "limit": float(limit.usd),
        "window": limit.window_s,
        "technique": limit.technique,
    }
    if limit.models:
        rule["model"] = {"mode": "filter", "values": [file.models[name].model for name in limit.models]}
    if limit.per:
        rule["metadata"] = {limit.per: {"mode": "partition"}}
    return rule


def _collector(telemetry: Telemetry, environment: Mapping[str, str]) -> dict[str, Any]:
    told: dict[str, Any] = {"url": telemetry.url, "headers": {}, "contentType": telemetry.content_type}
    variable = telemetry.authorization_env
    if variable is None:
        return told
    if not environment.get(variable):
        raise UsageError(f"{variable} is not set: gateway.yaml names it as the authorization for {telemetry.url}.")
    return {**told, "authorization": environment[variable]}
