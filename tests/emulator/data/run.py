"""`/v1/{account}/{gateway}/run`: one model by its id, whoever serves it (beta)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.emulator.data.credentials import credential_of
from tests.emulator.data.dialects import native
from tests.emulator.data.doors import NATIVE, Door
from tests.emulator.data.errors import as_gateway_error, gateway_error
from tests.emulator.data.exchange import Ask, Exchange, gateway_token, open_exchange
from tests.emulator.data.serve import serve
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.upstreams.answers import Answer
from tests.emulator.web import Call, Reply
from tests.emulator.world import World


@operation("POST", "/v1/{account}/{gateway}/run", "DOC", "usage/run-api (beta)")
async def run(world: World, call: Call) -> Reply:
    """Run one model: {model, input}; the answer says its state and who paid."""
    exchange = open_exchange(world, call, call.params["gateway"], gateway_token(call))
    return await serve(exchange, run_ask(exchange.body), RUN)


@behaviour("/run knows no dynamic routes", "DOC", "usage/run-api")
def run_ask(body: dict[str, Any]) -> Ask:
    """What {model, input} asks for: `@cf/…` of Workers AI, or author/model of another upstream."""
    model, given = body.get("model"), body.get("input")
    if not isinstance(model, str) or not isinstance(given, dict):
        raise gateway_error(400, 2004, "Invalid request: model and input are required")
    if model.startswith("dynamic/"):
        raise gateway_error(400, 2004, "Dynamic routes are not supported on this endpoint")
    if model.startswith("@"):
        return Ask("workers-ai", model, given, "run")
    author, _, name = model.partition("/")
    return Ask(author, name, given, "run")


def _completed(exchange: Exchange, ask: Ask, answer: Answer) -> Any:
    assumes, now = exchange.world.assumes, exchange.world.clock.now()
    by_request = ask.provider != "workers-ai" and credential_of(exchange, ask.provider) != "unified"
    return {
        "state": "Completed",
        "result": native.result(answer, exchange.log_id, now, ask.body, assumes),
        "usedBYOKKey": by_request,
        "provider": ask.provider,
        "model": ask.model,
    }


RUN: Door = replace(NATIVE, whole=_completed, failed=as_gateway_error, on_run=True)
