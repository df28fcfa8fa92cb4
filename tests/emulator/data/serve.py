"""From an accepted request to its reply: one concern on each rung."""

from __future__ import annotations

from tests.emulator.assumptions import assumption
from tests.emulator.data.credentials import credential_of
from tests.emulator.data.doors import Door
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.data.follow import follow_route
from tests.emulator.data.guardrails import is_guarded, scan_prompt, scan_response
from tests.emulator.data.invoke import ask_model, patience_of
from tests.emulator.data.limits import check_rate
from tests.emulator.data.record import record
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams import others
from tests.emulator.upstreams.answers import Answer
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Refusal, Reply

DIRECT_HEADERS = assumption(
    "model-headers-on-direct-calls", "Do calls that name a model carry cf-aig-model too?", "absent", "present"
)


async def serve(exchange: Exchange, ask: Ask, door: Door) -> Reply:
    """The reply to one question, written into the logs whatever it is."""
    try:
        reply = await _served(exchange, ask, door)
    except UpstreamFailed as failed:
        reply = door.failed(rejected(exchange, ask, failed))
    except Refusal as refused:
        reply = refused.reply
    reply.headers = {**exchange.headers, **reply.headers}
    record(exchange, ask, door, reply)
    return reply


@behaviour("a guarded gateway answers a stream request in one piece", "3P", "a reading of the docs on guardrails")
async def _served(exchange: Exchange, ask: Ask, door: Door) -> Reply:
    check_rate(exchange)
    await scan_prompt(exchange, ask, door.on_run)
    answer = await answer_of(exchange, ask)
    await scan_response(exchange, answer, door.on_run)
    exchange.answer = answer
    return door.write(exchange, ask, answer, ask.streams and not is_guarded(exchange))


@behaviour("on REST a rejected key is 401/2009, of Unified Billing 503", "DOC", "changelog 2026-10-06")
def rejected(exchange: Exchange, ask: Ask, failed: UpstreamFailed) -> UpstreamFailed:
    """An upstream's 401 as REST tells it; any other failure, or door, as it is."""
    on_rest = exchange.call.path.startswith("/client/")
    if failed.status != 401 or not on_rest or ask.provider not in others.UPSTREAMS:
        return failed
    if credential_of(exchange, ask.provider) == "unified":
        return UpstreamFailed(503, failed.code, failed.message)
    return UpstreamFailed(401, 2009, "Unauthorized")


async def answer_of(exchange: Exchange, ask: Ask) -> Answer:
    """Let a route or one model answer; raises UpstreamFailed."""
    if ask.provider == "dynamic":
        return await follow_route(exchange, ask.model, ask.body)
    exchange.call.trail["models"] = [ask.model]
    answer = await ask_model(exchange, ask, patience_of(exchange))
    if exchange.world.assumes(DIRECT_HEADERS) == "present":
        exchange.headers |= {"cf-aig-model": ask.model, "cf-aig-provider": ask.provider}
    return answer
