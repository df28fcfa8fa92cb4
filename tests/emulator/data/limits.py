"""What a gateway allows: so many requests, so much money."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.gateways.schema import spend_rules
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Exchange
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.reach import UpstreamFailed

RATE_CODE = assumption("rate-limit-answer", "What does a gateway answer over its rate limit?", "429/2003", "401/2009")
UNIFIED_REQUESTS, UNIFIED_WINDOW_S = 200, 60
SPEND_CODE = assumption("spend-limit-code", "Which code has the 429 of a spend limit?", "2022", "2003")


@behaviour("over its rate limit a gateway answers 429 (the code is from memory)", "MEM", "no source was found")
def check_rate(exchange: Exchange) -> None:
    """Count the request; refused where the gateway has had enough."""
    settings = exchange.gateway.settings
    limit, window_s = settings["rate_limiting_limit"], settings["rate_limiting_interval"]
    if not limit or not window_s:
        return
    key: Hashable = ("gateway", exchange.account, exchange.gateway.id)
    sliding = settings["rate_limiting_technique"] == "sliding"
    window, now = exchange.world.windows.at(key, window_s, sliding), exchange.world.clock.now()
    if window.used(now) >= limit:
        exchange.rate_limited = True
        status, code = exchange.world.assumes(RATE_CODE).split("/")
        raise gateway_error(int(status), int(code), "Rate limited" if status == "429" else "Unauthorized")
    window.add(now, 1)


@behaviour("Unified Billing has 200 requests a minute and gateway, then 429; own keys have no limit", "DOC", "limits")
def check_unified_billing(exchange: Exchange) -> None:
    """Count a request that Unified Billing pays; refused where the minute has had enough."""
    key: Hashable = ("unified", exchange.account, exchange.gateway.id)
    window, now = exchange.world.windows.at(key, UNIFIED_WINDOW_S, sliding=True), exchange.world.clock.now()
    if window.used(now) >= UNIFIED_REQUESTS:
        exchange.rate_limited = True
        raise gateway_error(429, 2003, "Rate limited")
    window.add(now, 1)


@behaviour("over a spend limit a model is refused with 429; a route falls back", "DOC", "spend limits")
def check_spend(exchange: Exchange, provider: str, model: str) -> None:
    """Refuse a model whose budget is used up; raises UpstreamFailed."""
    now = exchange.world.clock.now()
    for rule in spend_rules(exchange.gateway.settings):
        key = _spend_key(exchange, rule, provider, model)
        window = key and exchange.world.windows.at(key, rule["window"], rule["technique"] == "sliding")
        if window and window.used(now) >= rule["limit"]:
            code = int(exchange.world.assumes(SPEND_CODE))
            raise UpstreamFailed(429, code, "Spend limit exceeded")


@behaviour("spend counts after the answer, so a burst overshoots", "DOC", "spend limits")
def record_spend(exchange: Exchange, provider: str, model: str, cost_usd: float) -> None:
    now = exchange.world.clock.now()
    for rule in spend_rules(exchange.gateway.settings):
        if key := _spend_key(exchange, rule, provider, model):
            exchange.world.windows.at(key, rule["window"], rule["technique"] == "sliding").add(now, cost_usd)


def _spend_key(exchange: Exchange, rule: dict[str, Any], provider: str, model: str) -> tuple[str, ...] | None:
    """What a rule counts this call under; null where the rule is about others."""
    key = ["spend", exchange.account, exchange.gateway.id, rule["id"]]
    for name, value in (("provider", provider), ("model", model)):
        wanted = rule.get(name)
        if wanted and value not in wanted["values"]:
            return None
    for name, wanted in (rule.get("metadata") or {}).items():
        tag = exchange.metadata.get(name)
        if wanted["mode"] == "filter" and tag not in wanted["values"]:
            return None
        key.append(f"{name}={tag}")
    return tuple(key)
