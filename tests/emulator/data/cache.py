"""The gateway's cache: which requests it keeps, under which key, for how long."""

from __future__ import annotations

import json
from collections.abc import Hashable
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256

from tests.emulator.assumptions import assumption
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer, Completion

WITHOUT_TTL_S = 300
MOST_BYTES = 25 * 1024 * 1024
ONE_MONTH_S = 31 * 24 * 3600

BEFORE_ROUTE = assumption(
    "cache-before-route", "Is the cache asked before a dynamic route is walked, or for the model it chose?",
    "before", "after",
)  # fmt: skip
STATUS_WITHOUT = assumption(
    "cache-status-without-cache", "Is cf-aig-cache-status there when nothing is cached?", "absent", "MISS"
)
HIT_HEADERS = assumption(
    "model-headers-on-hit", "Does a HIT on a route carry cf-aig-model and cf-aig-provider?", "present", "absent"
)


@dataclass
class Kept:
    """An answer in the cache, with who gave it."""

    answer: Answer
    served_by: tuple[str, str] | None
    headers: dict[str, str]
    until_s: float
    gateway: str


@behaviour("TTL and key come from headers, else the gateway; a key alone caches 5 min", "DOC", "caching")
def ttl_s(exchange: Exchange) -> int:
    """How long the answer may be kept; 0 is not at all."""
    if exchange.header("cf-aig-skip-cache", "cf-skip-cache") == "true":
        return 0
    asked = exchange.number("cf-aig-cache-ttl", "cf-cache-ttl")
    if asked is not None:
        return min(max(asked, 60), ONE_MONTH_S)
    from_gateway = exchange.gateway.settings["cache_ttl"] or 0
    return from_gateway or (WITHOUT_TTL_S if exchange.header("cf-aig-cache-key") else 0)


def key_of(exchange: Exchange, ask: Ask) -> Hashable:
    """The given key, else all that makes the request; never shared between gateways."""
    custom = exchange.header("cf-aig-cache-key")
    if custom is not None:
        return exchange.account, exchange.gateway.id, "custom", custom
    body = json.dumps(ask.body, sort_keys=True, default=repr)
    digest = sha256(f"{exchange.call.headers.get('authorization')} {body}".encode(errors="replace")).hexdigest()
    return exchange.account, exchange.gateway.id, ask.provider, ask.model, ask.endpoint, digest


def look_up(exchange: Exchange, ask: Ask) -> Answer | None:
    """A kept answer, at no cost; says HIT or MISS in the headers."""
    if not ttl_s(exchange):
        if exchange.world.assumes(STATUS_WITHOUT) == "MISS":
            exchange.headers["cf-aig-cache-status"] = "MISS"
        return None
    kept = exchange.world.cache.get(key_of(exchange, ask))
    if kept is None or kept.until_s <= exchange.world.clock.now():
        exchange.headers["cf-aig-cache-status"] = "MISS"
        return None
    if exchange.world.assumes(HIT_HEADERS) == "present":
        exchange.headers |= kept.headers
    exchange.headers["cf-aig-cache-status"] = "HIT"
    exchange.cached, exchange.served_by = True, kept.served_by
    return _free(kept.answer)


@behaviour("a cache hit costs nothing, whatever a custom cost says", "3P", "workerd types, read by others")
def _free(answer: Answer) -> Answer:
    return replace(answer, cost_usd=Decimal(0))


def keep(exchange: Exchange, ask: Ask, answer: Answer) -> None:
    """Keep an answer, if the request may be cached."""
    seconds = ttl_s(exchange)
    if not seconds or exchange.cached or len(exchange.call.body) > MOST_BYTES:
        return
    if isinstance(answer, Completion):
        answer.id, answer.created_s = exchange.log_id, exchange.world.clock.now()
    headers = {name: value for name, value in exchange.headers.items() if name in ("cf-aig-model", "cf-aig-provider")}
    until = exchange.world.clock.now() + seconds
    kept = Kept(answer, exchange.served_by, headers, until, exchange.gateway.id)
    exchange.world.cache[key_of(exchange, ask)] = kept
