"""The gateway's settings in the stock provider's words.

Every optional scalar is set to what the API would answer anyway: one that is left out comes back filled with
the API's default, and would show as drift after a refresh (facts 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_config.config import Gateway

_WHEN_FULL = {"stop": "STOP_INSERTING", "delete-oldest": "DELETE_OLDEST"}


def gateway_inputs(gateway: Gateway) -> Mapping[str, Any]:
    """All inputs of AiGateway but account and id."""
    return {**_scalars(gateway), **_rate_limit(gateway)}


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
        "logManagementStrategy": _WHEN_FULL[gateway.log_when_full],
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
