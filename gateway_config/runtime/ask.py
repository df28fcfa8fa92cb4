"""Asking a text model by a dynamic route: the gateway chooses the arm, and we say which one was meant."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from gateway_config.kinds import KINDS
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.call import Call, now
from gateway_config.runtime.chat import (
    LARGEST_ANSWER,
    MalformedError,
    Message,
    Spoken,
    encoded,
    messages_of,
    read_chat,
)
from gateway_config.runtime.core import Core, cache_status
from gateway_config.runtime.door import COMPAT
from gateway_config.runtime.errors import BrokenAnswerError, KindMismatchError
from gateway_config.runtime.flow import Flow, Reply, asked, repeated
from gateway_config.runtime.options import AskOptions, deadline_of, facts_of, parameters_of
from gateway_config.runtime.views import RouteView

log = logging.getLogger("gatewright")


def ask(core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any]) -> Flow[Answer]:
    """One question, one answer."""
    facts = facts_of(intent, options, AskOptions)
    call = Call(text_route(core, intent), facts, deadline_of(options))
    call.prepared = now()
    content = encoded(body_of(call, messages_of(text), parameters_of(options)))
    call.prompted = now()
    reply = yield from repeated(call, core.budget, lambda: asked(call, request_of(core, call, content), LARGEST_ANSWER))
    call.inferred = now()
    return answer_of(core, call, reply.headers, _read(core, call, reply))


def text_route(core: Core, intent: str) -> RouteView:
    """The route of an intent that a text model answers."""
    view = core.view.route_of(intent)
    if not KINDS[view.route.kind].routed:
        kind, name = view.route.kind, view.route.name
        raise KindMismatchError(f'"{intent}" is served by the {kind} route "{name}": {kind}s are not served yet.')
    return view


def body_of(call: Call, messages: Sequence[Message], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The chat body; what the assigned arm declares stands behind what the caller says."""
    target = call.view.target(call.assigned)
    declared = target.parameters if target is not None else {}
    return {"model": f"dynamic/{call.view.route.name}", "messages": messages, **declared, **parameters}


def request_of(core: Core, call: Call, content: bytes) -> httpx.Request:
    """The request of the attempt that comes now; each has a trace of its own."""
    call.metadata["trace"] = call.trace
    return core.door.request(COMPAT, content, call.metadata)


def _read(core: Core, call: Call, reply: Reply) -> Spoken:
    try:
        return read_chat(reply.body)
    except MalformedError as error:
        kind = reply.headers.get("content-type") or "no content type"
        message = f'the route "{call.view.route.name}" answered {core.door.hidden(str(error))} ({kind}). Try again.'
        raise call.failed(BrokenAnswerError(message, trace=call.last_trace, status=reply.status)) from None


def answer_of(core: Core, call: Call, headers: httpx.Headers, spoken: Spoken) -> Answer:
    """The answer with everything that is known of its call."""
    served, cache = core.served(call, headers), cache_status(headers)
    answer = Answer(
        text=spoken.text,
        reasoning=spoken.reasoning,
        tool_calls=spoken.tool_calls,
        finish_reason=spoken.finish_reason,
        intent=call.facts.intent,
        route=call.view.route.name,
        assigned_arm=call.assigned_arm,
        served_by=served,
        usage=spoken.usage,
        cost_usd=core.cost(call, served, spoken.usage, cache),
        cache=cache,
        timing=call.timing(),
        trace=call.last_trace,
        log_id=headers.get("cf-aig-log-id"),
        graph_digest=call.view.route.graph_digest,
        config_digest=call.view.route.config_digest,
        attempts=tuple(call.attempts),
        metadata=call.metadata,
        left_out=call.left_out,
    )
    if log.isEnabledFor(logging.INFO):
        log.info("%s", line_of(answer))
    return answer


def line_of(answer: Answer) -> str:
    """The one line of a call that can be searched for."""
    timing, served = answer.timing, answer.served_by
    first = "" if timing.first_token_ms is None else f" first_token_ms={timing.first_token_ms:.1f}"
    return (
        f"call trace={answer.trace} route={answer.route} arm={answer.assigned_arm} served={served.model}"
        f" prepare_ms={timing.prepare_ms:.1f} prompt_ms={timing.prompt_ms:.1f} inference_ms={timing.inference_ms:.1f}"
        f"{first} parse_ms={timing.parse_ms:.1f} total_ms={timing.total_ms:.1f} slowest={timing.slowest}"
    )
