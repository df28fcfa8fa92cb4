"""The fields of a gateway: ranges as in the OpenAPI, defaults as live answers show them."""

from __future__ import annotations

from typing import Any

from tests.emulator.schema import (
    Field,
    any_of,
    anything,
    boolean,
    list_of,
    map_of,
    nullable,
    number,
    object_of,
    one_of,
    text,
)

ID = text(1, 64, r"[a-z0-9_]+(?:-[a-z0-9_]+)*")
HAZARDS = (*(f"S{number_}" for number_ in range(1, 14)), "P1")

hazard_actions = object_of({hazard: Field(one_of("FLAG", "BLOCK")) for hazard in HAZARDS})
guardrails = object_of({"prompt": Field(hazard_actions, True), "response": Field(hazard_actions, True)})

dlp_policy = object_of(
    {
        "id": Field(text(1), True),
        "enabled": Field(boolean, True),
        "action": Field(one_of("BLOCK", "FLAG"), True),
        "check": Field(list_of(one_of("REQUEST", "RESPONSE")), True),
        "profiles": Field(list_of(text()), True),
    }
)
dlp = any_of(
    object_of(
        {
            "enabled": Field(boolean, True),
            "action": Field(one_of("BLOCK", "FLAG"), True),
            "profiles": Field(list_of(text()), True),
        }
    ),
    object_of({"enabled": Field(boolean, True), "policies": Field(list_of(dlp_policy), True)}),
)

otel = list_of(
    object_of(
        {
            "url": Field(text(1, 2048), True),
            "headers": Field(map_of(text(0, 4096)), True),
            "authorization": Field(nullable(text(0, 256))),
            "content_type": Field(one_of("json", "protobuf"), default="json"),
        }
    ),
    most=5,
)

spend_filter = object_of({"mode": Field(one_of("filter"), True), "values": Field(list_of(text()), True)})
spend_partition = object_of({"mode": Field(one_of("partition"), True)})
spend_rule = object_of(
    {
        "limitType": Field(one_of("cost"), True),
        "limit": Field(number(above=0, whole=False), True),
        "window": Field(number(above=0), True),
        "id": Field(text(pattern=r"[a-zA-Z0-9_-]+")),
        "enabled": Field(boolean),
        "technique": Field(one_of("fixed", "sliding")),
        "model": Field(spend_filter),
        "provider": Field(spend_filter),
        "metadata": Field(map_of(any_of(spend_partition, spend_filter))),
    }
)
spend_limits = object_of({"enabled": Field(boolean), "rules": Field(list_of(spend_rule, most=20))})

stripe = object_of(
    {
        "authorization": Field(text(), True),
        "usage_events": Field(list_of(object_of({"payload": Field(text(), True)})), True),
    }
)

FIELDS: dict[str, Field] = {
    "cache_invalidate_on_update": Field(boolean, required=True),
    "cache_ttl": Field(nullable(number(0)), required=True),
    "collect_logs": Field(boolean, required=True),
    "rate_limiting_interval": Field(nullable(number(0)), required=True),
    "rate_limiting_limit": Field(nullable(number(0)), required=True),
    "rate_limiting_technique": Field(nullable(one_of("fixed", "sliding"))),
    "authentication": Field(boolean, default=False),
    "byok_only": Field(boolean, default=False),
    "dlp": Field(nullable(dlp)),
    "guardrails": Field(nullable(guardrails)),
    "log_classification": Field(boolean, default=False),
    "log_management": Field(nullable(number(10_000, 10_000_000)), default=100_000),
    "log_management_strategy": Field(nullable(one_of("STOP_INSERTING", "DELETE_OLDEST")), default="STOP_INSERTING"),
    "logpush": Field(boolean, default=False),
    "logpush_public_key": Field(nullable(text(16, 1024))),
    "otel": Field(nullable(otel)),
    "retry_backoff": Field(nullable(one_of("constant", "linear", "exponential"))),
    "retry_delay": Field(nullable(number(0, 60_000))),
    "retry_max_attempts": Field(nullable(number(1, 5))),
    "spend_limits": Field(nullable(spend_limits)),
    "store_id": Field(nullable(anything), default=""),
    "stripe": Field(nullable(stripe)),
    "workers_ai_billing_mode": Field(one_of("postpaid", "unified"), default="postpaid"),
    "zdr": Field(boolean, default=False),
}
NULL_BECOMES_ZERO = ("cache_ttl", "rate_limiting_interval", "rate_limiting_limit")


def spend_rules(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The spend rules in force, with the defaults a rule has."""
    limits = settings["spend_limits"] or {}
    defaults = {"id": "00000000", "enabled": True, "technique": "sliding"}
    rules = [{**defaults, **rule} for rule in limits.get("rules", ())] if limits.get("enabled") else []
    return [rule for rule in rules if rule["enabled"]]
