"""What a gateway writes down about a request."""

from __future__ import annotations

import json
from time import perf_counter
from typing import Any

from tests.emulator.control.logpush.records import push
from tests.emulator.control.logs.models import GatewayLogs, LogEntry
from tests.emulator.data.doors import Door
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Completion
from tests.emulator.web import Reply, to_json

MOST_LOG_BYTES = 10 * 1024 * 1024


@behaviour("a log holds at most 10 MB; here, without its bodies then", "DOC", "limits")
@behaviour(
    "cf-aig-collect-log overrides the gateway, -payload false keeps the bodies out",
    "DOC",
    "changelog 2026-03-17",
)
def record(exchange: Exchange, ask: Ask, door: Door, reply: Reply) -> None:
    """Write the log entry and the Logpush record, where this request is to be logged."""
    asked = exchange.header("cf-aig-collect-log")
    collects = exchange.gateway.settings["collect_logs"] if asked is None else asked == "true"
    if not collects:
        return
    with_bodies = exchange.header("cf-aig-collect-log-payload") != "false"
    entry = _entry(exchange, ask, reply)
    if with_bodies:
        bodies = exchange.call.body, _response(exchange, ask, door, reply)
        if sum(map(len, bodies)) <= MOST_LOG_BYTES:
            entry.request, entry.response = bodies
    logs = exchange.world.of(exchange.account, GatewayLogs)
    logs.insert(exchange.gateway.id, entry, exchange.gateway.settings)
    if exchange.gateway.settings["logpush"]:
        push(exchange.world, exchange.account, exchange.gateway, entry, exchange.rate_limited)


def _response(exchange: Exchange, ask: Ask, door: Door, reply: Reply) -> bytes:
    """The body that was sent; of a stream, the same answer in one piece."""
    if reply.chunks is None or exchange.answer is None:
        return reply.body
    return to_json(door.whole(exchange, ask, exchange.answer))


def _entry(exchange: Exchange, ask: Ask, reply: Reply) -> LogEntry:
    answer, call = exchange.answer, exchange.call
    provider, model = exchange.served_by or (ask.provider, ask.model)
    custom = custom_cost(exchange)
    cost = custom if custom is not None and not exchange.cached else (answer.cost_usd if answer else None)
    return LogEntry(
        id=exchange.log_id,
        created_at=exchange.world.clock.timestamp(),
        provider=provider,
        model=model,
        model_type="text" if isinstance(answer, Completion) else None,  # what others are called is not known
        path=ask.endpoint,
        duration=int((perf_counter() - exchange.began_s) * 1000),
        success=reply.status < 400,
        status_code=reply.status,
        cached=exchange.cached,
        tokens_in=answer.tokens_in if answer else None,
        tokens_out=answer.tokens_out if answer else None,
        cost=None if cost is None else float(cost),
        custom_cost=custom is not None,
        metadata=json.dumps(exchange.metadata),
        event_id=exchange.event_id,
        request_type="dynamic-route" if ask.provider == "dynamic" else "direct",
        request_content_type=call.headers.get("content-type", ""),
        response_content_type=reply.content_type,
        step=int(exchange.headers.get("cf-aig-step", "0")),
    )


@behaviour("cf-aig-custom-cost is per token or in total", "OAS", "workerd types")
def custom_cost(exchange: Exchange) -> float | None:
    """The price the caller declares; null where there is none or it cannot be read."""
    try:
        given: Any = json.loads(exchange.header("cf-aig-custom-cost") or "null")
        if "total_cost" in given:
            return float(given["total_cost"])
        answer = exchange.answer
        tokens = (answer.tokens_in, answer.tokens_out) if answer else (0, 0)
        return float(given["per_token_in"]) * tokens[0] + float(given["per_token_out"]) * tokens[1]
    except (ValueError, TypeError, KeyError):
        return None
