"""`/v1/{account}/{gateway}/compat`: OpenAI's shape for every model, and the door of dynamic routes."""

from __future__ import annotations

from typing import Any

from tests.emulator.data.doors import COMPAT
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Ask, check_workers_ai, gateway_token, open_exchange
from tests.emulator.data.serve import serve
from tests.emulator.router import operation
from tests.emulator.web import Call, Reply
from tests.emulator.world import World


@operation("POST", "/v1/{account}/{gateway}/compat/chat/completions", "DOC", "chat completion")
async def compat_chat(world: World, call: Call) -> Reply:
    """Chat with a dynamic route or a model, in OpenAI's shape."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    ask = chat_ask(exchange.body)
    if ask.provider == "dynamic":
        check_workers_ai(exchange)
    return await serve(exchange, ask, COMPAT)


def chat_ask(body: dict[str, Any]) -> Ask:
    """What a chat body asks for: a route (`dynamic/x`), or upstream and model (`openai/gpt-4o`)."""
    model = body.get("model")
    if not isinstance(model, str) or "/" not in model:
        raise gateway_error(400, 2019, "model must be {provider}/{model} or dynamic/{route}")
    if not isinstance(body.get("messages"), list):
        raise gateway_error(400, 2004, "messages must be an array")
    provider, _, name = model.partition("/")
    return Ask(provider, name, body, "chat/completions")
