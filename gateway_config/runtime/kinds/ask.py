"""Asking a text model: by a dynamic route, where the gateway chooses the arm, or directly, where `decide` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import httpx

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import Answer, Outcome, ServedBy, Usage
from gateway_config.runtime.bodies.chat import LARGEST_ANSWER, Message, Spoken, read_chat
from gateway_config.runtime.bodies.decoder import ChatDecoder
from gateway_config.runtime.core import FREE, Core
from gateway_config.runtime.errors import InputError, UnfitAnswerError
from gateway_config.runtime.events import Event
from gateway_config.runtime.facts import shown
from gateway_config.runtime.kinds.asking import Asking, asking_of, check_summary, direct_payload, routed_payload
from gateway_config.runtime.kinds.caching import cache_headers, unread
from gateway_config.runtime.kinds.direct import PayloadOf, answered
from gateway_config.runtime.kinds.fitting import UnfitError
from gateway_config.runtime.kinds.payload import Payload
from gateway_config.runtime.kinds.pricing import cost_usd
from gateway_config.runtime.options import AskOptions, deadline_of, facts_of
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply, asked, repeated

TEXT_KINDS = ("chat", "vision")


def ask(
    core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any], deeper_of: str | None = None
) -> Flow[Answer]:
    """One question, one answer."""
    call, asking = opened_call(core, intent, asking_of(text, options), options, deeper_of)
    call.asked(intent, text, options)
    return (yield from core.recorded(call, _fitting(core, call, asking)))


def deeper(core: Core, answer: Answer, options: Mapping[str, Any]) -> Flow[Answer]:
    """The question of an answer once more, as a fresh run on the frontier tier."""
    if not isinstance(answer, Answer):
        raise InputError(f"deeper takes the answer of ask, of a stream or of a batch; found {shown(answer)}.")
    intent, text, before = answer.question
    route = core.view.route_of(intent, TEXT_KINDS).route
    if route.tier is None:
        raise InputError(f'the route "{route.name}" has no tiers, so nothing is deeper. Give it `tiers`.')
    if answer.tier == "frontier":
        raise InputError("this answer came from the frontier tier already; nothing is deeper.")
    return (yield from ask(core, intent, text, {**before, "arm": None, **options, "tier": "frontier"}, answer.trace))


def opened_call(
    core: Core, intent: str, asking: Asking, options: Mapping[str, Any], deeper_of: str | None = None
) -> tuple[Call, Asking]:
    """The call of a question, with its facts fixed and what the cache is told."""
    facts = facts_of(intent, options, AskOptions)
    view = core.view.route_of(intent, ("vision",) if asking.pictured else TEXT_KINDS)
    call = Call(view, facts, deadline_of(options), deeper_of)
    target = view.target(call.assigned)
    adapter = core.adapter(call, target) if target is not None else None
    call.headers = cache_headers(call, asking, options, core.settings.cache_namespace, adapter)
    return call, asking


def is_direct(call: Call, asking: Asking) -> bool:
    """Whether a dynamic route cannot carry it: it is declared so, or a reasoning summary is wanted (decision 1)."""
    return not call.view.route.routed or asking.summary is not None


def _fitting(core: Core, call: Call, asking: Asking) -> Flow[Answer]:
    """An answer that fits the shape, if one is wanted; one that does not may be repaired once."""
    answer = yield from _answer(core, call, asking)
    if asking.shape is None or answer.tool_calls:
        return answer
    try:
        return replace(answer, data=asking.shape.read(answer.text))
    except UnfitError as error:
        complaint = f"Your answer does not fit the schema: {error}. Answer again, with the JSON only."
    again = asking.also({"role": "assistant", "content": answer.text}, {"role": "user", "content": complaint})
    call.headers = unread(call.headers)  # its key is that of the answer which does not fit
    repaired = yield from _answer(core, call, again)
    paid = call.paid or repaired
    try:
        data = asking.shape.read(repaired.text)
        return replace(repaired, data=data, usage=paid.usage, cost_usd=paid.cost_usd)
    except UnfitError as error:
        message = f'the route "{call.view.route.name}" answered twice what does not fit the schema: {error}.'
        raise UnfitAnswerError(message, trace=call.last_trace, answer=repaired) from None


def _sum(one: Usage | None, other: Usage | None) -> Usage | None:
    """The tokens of two answers together; what one of them does not know, nobody does."""
    if one is None or other is None:
        return None
    names = ("tokens_in", "tokens_out", "cached_tokens_in", "reasoning_tokens")
    pairs = [(getattr(one, name), getattr(other, name)) for name in names]
    return Usage(*(None if None in pair else sum(pair) for pair in pairs))


def _answer(core: Core, call: Call, asking: Asking) -> Flow[Answer]:
    if is_direct(call, asking):
        payload_of = direct_payloads(core, call, asking)
        served, headers, spoken = yield from answered(core, call, payload_of, _spoken, LARGEST_ANSWER)
        return answer_of(core, call, headers, served, spoken)
    call.prepared_now()
    payload = routed_payload(asking, call.view.route.name, call.view.target(call.assigned))
    call.prompted_now()
    headers, spoken = yield from repeated(
        call, core.budget, lambda: asked(call, core.request(call, payload), _with_headers, LARGEST_ANSWER)
    )
    return answer_of(core, call, headers, core.served(call, headers), spoken)


def direct_payloads(core: Core, call: Call, asking: Asking) -> PayloadOf:
    """What makes the payload for each target of a direct call. Raises InputError where one of them cannot take it."""
    for element in call.view.chain(call.metadata):
        check_summary(asking, call.view.route.targets[element])

    def payload_of(target: CompiledTarget) -> Payload:
        return direct_payload(asking, target, core.adapter(call, target))

    return payload_of


def _with_headers(reply: Reply) -> tuple[httpx.Headers, Spoken]:
    return reply.headers, _spoken(reply)


def _spoken(reply: Reply) -> Spoken:
    """What an answer says, also where the cache has it as the stream that somebody else asked for."""
    if not reply.body.startswith(b"data:"):
        return read_chat(reply.body)
    decoder, events = ChatDecoder(), list[Event]()
    decoder.feed(reply.body, events)
    decoder.finish(events)
    return decoder.spoken()


def answer_of(core: Core, call: Call, headers: httpx.Headers, served: ServedBy, spoken: Spoken) -> Answer:
    """The answer with everything that is known of its call, which has paid for it whatever comes next."""
    cost = cost_usd(call.view.price(served), spoken.usage)
    answer = Answer(
        **core.outcome(call, headers, served, spoken.usage, cost),
        text=spoken.text,
        reasoning=spoken.reasoning,
        tool_calls=spoken.tool_calls,
        finish_reason=spoken.finish_reason,
        question=call.question,
    )
    call.paid = answer if call.paid is None else _together(call.paid, answer)
    core.compare(call, served)
    return answer


def _together(before: Outcome, answer: Answer) -> Answer:
    """The last answer with what all of them took; what one of them does not know, nobody does."""
    costs = (before.cost_usd, answer.cost_usd)
    cost = None if None in costs else sum(costs, FREE)  # type: ignore[type-var]
    return replace(answer, usage=_sum(before.usage, answer.usage), cost_usd=cost)
