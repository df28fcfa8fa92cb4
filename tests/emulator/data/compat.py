"""`/v1/{account}/{gateway}/compat`: OpenAI's shape for every model, and the door of dynamic routes."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.data.attempt import attempt
from tests.emulator.data.dialects import openai_completion
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Exchange, check_workers_ai, gateway_token, open_exchange
from tests.emulator.data.follow import follow_route
from tests.emulator.router import operation
from tests.emulator.upstreams.chat import Completion
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Call, Reply, reply_json
from tests.emulator.world import World

DIRECT_HEADERS = assumption(
    "model-headers-on-direct-calls", "Do calls that name a model carry cf-aig-model too?", "absent", "present"
)


@operation("POST", "/v1/{account}/{gateway}/compat/chat/completions", "DOC", "facts 3.1")
async def compat_chat(world: World, call: Call) -> Reply:
    """Chat with a dynamic route or a model, in OpenAI's shape."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    completion = await chat(exchange, exchange.body)
    answer = openai_completion(completion, exchange.log_id, world.clock.now())
    return reply_json(answer, headers=exchange.headers)


async def chat(exchange: Exchange, body: dict[str, Any]) -> Completion:
    """Let a route or one model answer."""
    model = body.get("model")
    if not isinstance(model, str) or "/" not in model:
        raise gateway_error(400, 2019, "model must be {provider}/{model} or dynamic/{route}")
    if not isinstance(body.get("messages"), list):
        raise gateway_error(400, 2004, "messages must be an array")
    provider, _, name = model.partition("/")
    if provider == "workers-ai" or provider == "dynamic":
        check_workers_ai(exchange)
    if provider == "dynamic":
        return await follow_route(exchange, name, body)
    return await direct(exchange, provider, name, body)


async def direct(exchange: Exchange, provider: str, model: str, body: dict[str, Any]) -> Completion:
    """One attempt at one model; its error is passed on."""
    exchange.call.trail["models"] = [model]
    try:
        completion = await attempt(exchange.world, provider, model, body, 0)
    except UpstreamFailed as failed:
        raise gateway_error(failed.status, failed.code, failed.message) from failed
    if exchange.world.assumes(DIRECT_HEADERS) == "present":
        exchange.headers |= {"cf-aig-model": model, "cf-aig-provider": provider}
    return completion
