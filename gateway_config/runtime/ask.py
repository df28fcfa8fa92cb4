"""Asking a text model by a dynamic route: the gateway chooses the arm, and we say which one was meant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

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
from gateway_config.runtime.core import Core
from gateway_config.runtime.door import COMPAT
from gateway_config.runtime.errors import BrokenAnswerError, KindMismatchError
from gateway_config.runtime.flow import Flow, Reply, asked, repeated
from gateway_config.runtime.options import AskOptions, deadline_of, facts_of, parameters_of
from gateway_config.runtime.pricing import cost_usd
from gateway_config.runtime.views import RouteView

TEXT_KINDS = ("chat", "vision")


def ask(core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any]) -> Flow[Answer]:
    """One question, one answer."""
    facts = facts_of(intent, options, AskOptions)
    call = Call(text_route(core, intent), facts, deadline_of(options))
    return (yield from core.recorded(call, _asked(core, call, messages_of(text), parameters_of(options))))


def _asked(core: Core, call: Call, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Flow[Answer]:
    call.prepared = now()
    content = encoded(body_of(call, messages, parameters))
    call.prompted = now()
    reply = yield from repeated(call, core.budget, lambda: asked(call, request_of(core, call, content), LARGEST_ANSWER))
    call.inferred = now()
    return answer_of(core, call, reply.headers, _read(core, call, reply))


def text_route(core: Core, intent: str) -> RouteView:
    """The route of an intent that a text model answers."""
    view = core.view.route_of(intent)
    if view.route.kind not in TEXT_KINDS:
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
        broken = BrokenAnswerError(message, trace=call.last_trace, status=reply.status)
        broken.attempts = tuple(call.attempts)
        raise broken from None


def answer_of(core: Core, call: Call, headers: httpx.Headers, spoken: Spoken) -> Answer:
    """The answer with everything that is known of its call."""
    served = core.served(call, headers)
    cost = cost_usd(call.view.price(served), spoken.usage)
    return Answer(
        **core.outcome(call, headers, served, spoken.usage, cost),
        text=spoken.text,
        reasoning=spoken.reasoning,
        tool_calls=spoken.tool_calls,
        finish_reason=spoken.finish_reason,
    )
