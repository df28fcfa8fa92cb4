"""Provider-native doors of other upstreams: `/openai/…` and `/anthropic/…`."""

from __future__ import annotations

from typing import Any

from tests.emulator.data.dialects import anthropic
from tests.emulator.data.doors import ANTHROPIC, OPENAI, RESPONSES, Door
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Ask, gateway_token, open_exchange
from tests.emulator.data.serve import serve
from tests.emulator.router import operation
from tests.emulator.web import Call, Reply
from tests.emulator.world import World

DOOR = "/v1/{account}/{gateway}"


async def _serve(world: World, call: Call, provider: str, endpoint: str, door: Door) -> Reply:
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    return await serve(exchange, provider_ask(provider, endpoint, exchange.body), door)


def provider_ask(provider: str, endpoint: str, body: dict[str, Any]) -> Ask:
    """What a provider's own body asks for; refused where it names no model."""
    model = body.get("model")
    if not isinstance(model, str):
        raise gateway_error(400, 2004, "Invalid request: model is required")
    if provider == "anthropic":
        body = anthropic.chat_body(body)
    if endpoint.endswith("embeddings"):
        body = {**body, "text": body.get("input")}
    return Ask(provider, model, body, endpoint)


@operation("POST", f"{DOOR}/openai/chat/completions", "DOC", "providers")
async def openai_chat(world: World, call: Call) -> Reply:
    """Chat with a model of OpenAI."""
    return await _serve(world, call, "openai", "chat/completions", OPENAI)


@operation("POST", f"{DOOR}/openai/responses", "DOC", "providers")
async def openai_responses(world: World, call: Call) -> Reply:
    """Ask a model of OpenAI in the Responses shape."""
    return await _serve(world, call, "openai", "responses", RESPONSES)


@operation("POST", f"{DOOR}/openai/embeddings", "DOC", "providers")
async def openai_embeddings(world: World, call: Call) -> Reply:
    """Embeddings of OpenAI."""
    return await _serve(world, call, "openai", "embeddings", OPENAI)


@operation("POST", f"{DOOR}/anthropic/v1/messages", "DOC", "providers")
async def anthropic_messages(world: World, call: Call) -> Reply:
    """Talk to a model of Anthropic in its Messages shape."""
    return await _serve(world, call, "anthropic", "v1/messages", ANTHROPIC)
