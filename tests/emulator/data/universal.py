"""`POST /v1/{account}/{gateway}`: a list of attempts, the first that succeeds wins."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.emulator.data.doors import ANTHROPIC, NATIVE, NATIVE_OPENAI, OPENAI, Door
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Ask, Exchange, gateway_token, open_exchange
from tests.emulator.data.providers import provider_ask
from tests.emulator.data.serve import serve
from tests.emulator.data.workers_ai import openai_ask
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.web import Call, Reply
from tests.emulator.world import World


@operation("POST", "/v1/{account}/{gateway}", "DOC", "universal endpoint")
async def universal(world: World, call: Call) -> Reply:
    """Try a list of providers in order; cf-aig-step says which one answered."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    steps = call.json
    if not isinstance(steps, list) or not steps or not all(isinstance(step, dict) for step in steps):
        raise gateway_error(400, 2004, "Invalid request: the body must be an array of provider requests")
    return await first_success(exchange, steps)


@behaviour("cf-aig-step is the index of the entry that won", "DOC", "universal endpoint")
async def first_success(exchange: Exchange, steps: list[dict[str, Any]]) -> Reply:
    """The reply of the first step that succeeds; of the last one where none does."""
    reply = None
    for index, step in enumerate(steps):
        ask, door = asked_by(step)
        tried = with_headers_of(exchange, step, index)
        reply = await serve(tried, ask, door)
        if reply.status < 400:
            break
    assert reply is not None
    return reply


def asked_by(step: dict[str, Any]) -> tuple[Ask, Door]:
    """What one entry asks for, and in whose words it is answered."""
    provider, endpoint, query = step.get("provider"), step.get("endpoint"), step.get("query")
    if not isinstance(provider, str) or not isinstance(endpoint, str) or not isinstance(query, dict):
        raise gateway_error(400, 2004, "Invalid request: provider, endpoint and query are required")
    if provider != "workers-ai":
        return provider_ask(provider, endpoint, query), ANTHROPIC if provider == "anthropic" else OPENAI
    if endpoint.startswith("@"):
        return Ask(provider, endpoint, query, endpoint), NATIVE
    return openai_ask(query, endpoint), NATIVE_OPENAI


CONFIG_HEADERS = {
    "requestTimeout": "cf-aig-request-timeout",
    "maxAttempts": "cf-aig-max-attempts",
    "retryDelay": "cf-aig-retry-delay",
    "backoff": "cf-aig-backoff",
    "cacheTtl": "cf-aig-cache-ttl",
    "skipCache": "cf-aig-skip-cache",
}


@behaviour("each step has a log of its own; request and event id stay", "DOC", "changelog 2026-10-08 (implied)")
def with_headers_of(exchange: Exchange, step: dict[str, Any], index: int) -> Exchange:
    """The exchange as one entry wants it: its own headers, its config as the headers that mean the same."""
    sent = {str(name).lower(): str(value) for name, value in (step.get("headers") or {}).items()}
    config = step.get("config") or {}
    meant = {header: str(config[name]).lower() for name, header in CONFIG_HEADERS.items() if name in config}
    call = replace(exchange.call, headers={**exchange.call.headers, **meant, **sent})
    call.trail, call.notes = exchange.call.trail, exchange.call.notes
    headers = {**exchange.headers, "cf-aig-step": str(index)}
    if index == 0:
        return replace(exchange, call=call, headers=headers)
    log_id = exchange.world.chance.uuid7(exchange.world.clock.now())
    return replace(exchange, call=call, log_id=log_id, headers={**headers, "cf-aig-log-id": log_id})
