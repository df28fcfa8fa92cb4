"""`/accounts/{account}/ai/…` on api.cloudflare.com: inference by REST, through a gateway or without one."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import refusal
from tests.emulator.control.gateways.models import DEFAULT_GATEWAY, Gateway
from tests.emulator.data.batch import poll_batch, queue_batch
from tests.emulator.data.dialects import anthropic
from tests.emulator.data.doors import ANTHROPIC, NATIVE, NATIVE_OPENAI, OPENAI, RESPONSES, Door
from tests.emulator.data.errors import as_workers_ai_error
from tests.emulator.data.exchange import INVOKE, Ask, Exchange, open_exchange
from tests.emulator.data.invoke import invoke
from tests.emulator.data.run import run_ask
from tests.emulator.data.serve import serve
from tests.emulator.data.workers_ai import native_body_for, serve_native
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Call, Refusal, Reply
from tests.emulator.world import World

AI = "/client/v4/accounts/{account}/ai"
OUTSIDE = assumption(
    "native-run-is-logged", "Is /ai/run/{model} without cf-aig-gateway-id outside of any gateway?", "outside", "default"
)


def through_gateway(world: World, call: Call) -> Exchange:
    """The exchange at the gateway that cf-aig-gateway-id names, else at the default one."""
    gateway = call.headers.get("cf-aig-gateway-id", DEFAULT_GATEWAY)
    return open_exchange(world, call, gateway, call.bearer())


@operation("POST", f"{AI}/run", "DOC", "usage/rest-api", INVOKE)
async def run(world: World, call: Call) -> Reply:
    """Run a model: {model, input}."""
    ask = run_ask(call.json_object)
    _wants_gateway(call, ask.model)
    return await serve(through_gateway(world, call), ask, NATIVE)


@operation("POST", f"{AI}/run/{{model*}}", "DOC", "providers/workersai", INVOKE)
async def run_model(world: World, call: Call) -> Reply:
    """Run a Workers AI model with its own body, or queue a batch."""
    if (batch := poll_batch(world, call)) is not None:
        return await batch
    if call.query.get("queueRequest") == "true":
        return queue_batch(world, call)
    if "cf-aig-gateway-id" in call.headers or world.assumes(OUTSIDE) == "default":
        return await serve_native(through_gateway(world, call), call.params["model"])
    return await _without_gateway(world, call)


async def _without_gateway(world: World, call: Call) -> Reply:
    """No gateway: no log, no cache, no limits."""
    account, model = call.params["account"], call.params["model"]
    nowhere, request_id = Gateway("", {}, "", ""), world.chance.uuid()
    headers = {"cf-ai-req-id": request_id}
    exchange = Exchange(world, call, account, nowhere, {}, None, request_id, request_id, headers)
    try:
        ask = Ask("workers-ai", model, native_body_for(exchange, model))
        answer = await invoke(world, account, ask)
    except UpstreamFailed as failed:
        return as_workers_ai_error(failed)
    return NATIVE.write(exchange, ask, answer, ask.streams)


@operation("POST", f"{AI}/v1/chat/completions", "DOC", "usage/rest-api, usage page of 2026-10-02", INVOKE)
async def chat(world: World, call: Call) -> Reply:
    """Chat in OpenAI's shape, with a model or (with cf-aig-gateway-id) a dynamic route."""
    return await _serve(world, call, call.json_object, NATIVE_OPENAI)


@operation("POST", f"{AI}/v1/responses", "DOC", "usage/rest-api", INVOKE)
async def responses(world: World, call: Call) -> Reply:
    """Ask in the Responses shape: the one with reasoning summaries."""
    return await _serve(world, call, call.json_object, RESPONSES)


@operation("POST", f"{AI}/v1/messages", "DOC", "usage/rest-api", INVOKE)
async def messages(world: World, call: Call) -> Reply:
    """Ask in Anthropic's Messages shape."""
    return await _serve(world, call, anthropic.chat_body(call.json_object), ANTHROPIC)


@operation("POST", f"{AI}/v1/embeddings", "DOC", "providers/workersai", INVOKE)
async def embeddings(world: World, call: Call) -> Reply:
    """Embeddings in OpenAI's shape."""
    body = call.json_object
    return await _serve(world, call, {**body, "text": body.get("input")}, OPENAI)


async def _serve(world: World, call: Call, body: dict[str, Any], door: Door) -> Reply:
    model = body.get("model")
    if not isinstance(model, str):
        raise refusal(400, 5004, "Invalid data sent in request: model is required")
    _wants_gateway(call, model)
    ask = _ask(model, body, call.path.partition("/ai/")[2])
    if ask.provider == "dynamic" and door is not NATIVE_OPENAI:
        raise refusal(400, 2004, "Dynamic routes take OpenAI chat completions only")
    return await serve(through_gateway(world, call), ask, door)


@behaviour("without cf-aig-gateway-id a route is looked for in the default gateway: 404", "DOC", "usage page")
def _ask(model: str, body: dict[str, Any], endpoint: str) -> Ask:
    if model.startswith("@"):
        return Ask("workers-ai", model, body, endpoint)
    author, slash, name = model.partition("/")
    if not slash:
        raise refusal(400, 5007, f"No such model {model} or task")
    return Ask(author, name, body, endpoint)


@behaviour("Workers AI models on /ai/run and /ai/v1 need cf-aig-gateway-id", "DOC", "usage/rest-api@6e034828")
def _wants_gateway(call: Call, model: str) -> None:
    if model.startswith("@") and "cf-aig-gateway-id" not in call.headers:
        failed = UpstreamFailed(400, 5004, "cf-aig-gateway-id is required for Workers AI models")
        raise Refusal(as_workers_ai_error(failed))
