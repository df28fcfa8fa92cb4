"""`/v1/{account}/{gateway}/workers-ai`: Workers AI's own bodies, and OpenAI's with bare model ids."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.data.doors import NATIVE, NATIVE_OPENAI
from tests.emulator.data.errors import as_workers_ai_error
from tests.emulator.data.exchange import Ask, Exchange, gateway_token, open_exchange
from tests.emulator.data.forms import native_body
from tests.emulator.data.serve import serve
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.upstreams.catalogue import WORKERS_AI
from tests.emulator.upstreams.kinds import bad_input
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Call, MalformedBody, Refusal, Reply
from tests.emulator.world import World

DOOR = "/v1/{account}/{gateway}/workers-ai"
MULTIPART = assumption(
    "multipart-through-gateway", "Does a multipart form (flux-2) get through gateway.ai?", "accepted", "refused"
)


@operation("POST", f"{DOOR}/{{model*}}", "DOC", "providers/workersai")
async def run_native(world: World, call: Call) -> Reply:
    """Run a Workers AI model with its own body."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    return await serve_native(exchange, call.params["model"])


@operation("POST", f"{DOOR}/v1/chat/completions", "DOC", "providers/workersai")
async def chat(world: World, call: Call) -> Reply:
    """Chat with a Workers AI model in OpenAI's shape; the model id is bare."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    return await serve(exchange, openai_ask(exchange.body, "v1/chat/completions"), NATIVE_OPENAI)


@operation("POST", f"{DOOR}/v1/embeddings", "DOC", "providers/workersai")
async def embeddings(world: World, call: Call) -> Reply:
    """Embeddings of a Workers AI model in OpenAI's shape."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    return await serve(exchange, embeddings_ask(exchange.body), NATIVE_OPENAI)


async def serve_native(exchange: Exchange, model: str) -> Reply:
    """Serve a native body, once it is read and fits the model."""
    try:
        body = native_body_for(exchange, model)
    except UpstreamFailed as failed:
        return as_workers_ai_error(failed)
    return await serve(exchange, Ask("workers-ai", model, body, model), NATIVE)


@behaviour("flux-2 wants a multipart form; JSON is refused", "MEM", "its input schema names `multipart` only")
def native_body_for(exchange: Exchange, model: str) -> dict[str, Any]:
    """The body for a model; raises UpstreamFailed (5004) where it is of the wrong form."""
    try:
        body = native_body(exchange.call)
    except MalformedBody as error:
        raise bad_input(str(error)) from error
    known = WORKERS_AI.get(model)
    through_gateway = not exchange.call.path.startswith("/client/")
    if "multipart" in body and through_gateway and exchange.world.assumes(MULTIPART) == "refused":
        raise UpstreamFailed(400, 5004, "AI Gateway does not support multipart bodies yet.")
    if known and "multipart" in known.traits and "multipart" not in body:
        raise bad_input("required properties at '/' are 'multipart'")
    return body


def openai_ask(body: dict[str, Any], endpoint: str) -> Ask:
    """What a body with a bare model id asks for; refused where it names no model."""
    model = body.get("model")
    if not isinstance(model, str) or not isinstance(body.get("messages"), list):
        raise Refusal(as_workers_ai_error(bad_input("model and messages are required")))
    return Ask("workers-ai", model, body, endpoint)


def embeddings_ask(body: dict[str, Any]) -> Ask:
    """An OpenAI embeddings body in Workers AI's words."""
    model = body.get("model")
    if not isinstance(model, str):
        raise Refusal(as_workers_ai_error(bad_input("model is required")))
    return Ask("workers-ai", model, {**body, "text": body.get("input")}, "v1/embeddings")
