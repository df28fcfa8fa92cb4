"""Queued batches of Workers AI: sent once, polled until they are done."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.control.envelope import result
from tests.emulator.data.dialects import native, openai
from tests.emulator.data.errors import as_workers_ai_error
from tests.emulator.data.exchange import Ask
from tests.emulator.data.invoke import invoke
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.kinds import bad_input
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Call, MalformedBody, Refusal, Reply
from tests.emulator.world import World, store

MOST_REQUESTS = 1000
POLLS_UNTIL_DONE = 2


@dataclass
class Batch:
    model: str
    requests: list[dict[str, Any]]
    polls: int = 0


@store
class Batches:
    """The queued batches of one account, by request id."""

    all: dict[str, Batch] = field(default_factory=dict)


@behaviour("?queueRequest=true queues {requests}, a body of {request_id} polls", "DOC", "batch-api/rest-api")
def queue_batch(world: World, call: Call) -> Reply:
    """Take a batch; it is done at its second poll."""
    requests = call.json_object.get("requests")
    good = isinstance(requests, list) and all(isinstance(one, dict) for one in requests)
    if not good or not requests or len(requests) > MOST_REQUESTS:
        raise Refusal(as_workers_ai_error(bad_input("requests must be an array of 1 to 1000 objects")))
    identity, model = world.chance.uuid(), call.params["model"]
    world.of(call.params["account"], Batches).all[identity] = Batch(model, requests)
    return result({"status": "queued", "request_id": identity, "model": model})


def poll_batch(world: World, call: Call) -> Awaitable[Reply] | None:
    """The state of the batch a body asks about; null where it asks about none."""
    try:
        identity = call.json_object.get("request_id")
    except MalformedBody:
        return None
    return _polled(world, call, str(identity)) if identity is not None else None


async def _polled(world: World, call: Call, identity: str) -> Reply:
    account, model = call.params["account"], call.params["model"]
    batch = world.of(account, Batches).all.get(identity)
    if batch is None or batch.model != model:
        return as_workers_ai_error(UpstreamFailed(404, 3042, f"Request {identity} not found"))
    batch.polls += 1
    if batch.polls < POLLS_UNTIL_DONE:
        return result({"status": "running", "request_id": identity, "model": model})
    return await _responses(world, account, batch)


async def _responses(world: World, account: str, batch: Batch) -> Reply:
    responses, tokens_in, tokens_out = [], 0, 0
    for index, body in enumerate(batch.requests):
        head = {"id": index, "external_reference": body.get("external_reference")}
        try:
            answer = await invoke(world, account, Ask("workers-ai", batch.model, body))
        except UpstreamFailed as failed:
            responses.append({**head, "success": False, "error": failed.message, "code": failed.code})
            continue
        value = native.result(answer, f"{index}", world.clock.now(), body, world.assumes)
        responses.append({**head, "success": True, "result": value})
        tokens_in, tokens_out = tokens_in + answer.tokens_in, tokens_out + answer.tokens_out
    used = openai.token_usage(tokens_in, tokens_out)
    return result({"responses": responses, "usage": used})
