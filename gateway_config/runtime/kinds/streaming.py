"""Asking a text model for a stream: opened like any call, then decoded as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.bodies.chat import MalformedError, Message
from gateway_config.runtime.bodies.decoder import ChatDecoder
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import CallError, StreamInterruptedError
from gateway_config.runtime.events import DoneEvent, Event
from gateway_config.runtime.kinds.ask import answer_of, direct_payloads, is_direct, opened_call
from gateway_config.runtime.kinds.asking import Asking, asking_of, routed_payload
from gateway_config.runtime.kinds.direct import chained, requests, served_by
from gateway_config.runtime.sending.call import Call, now
from gateway_config.runtime.sending.flow import Flow, Part, failure, noted, opened, repeated

Opened = tuple[float, httpx.Response]


def stream(core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any]) -> Flow[None]:
    """One question, its answer as events. Tried again only before a model was reached; never restarted after.

    The question is looked at now, and asked when the flow is driven.
    """
    call, asking = opened_call(core, intent, asking_of(text, options, streamed=True), options)
    call.asked(intent, text, options)
    return _events(core, call, asking)


def _events(core: Core, call: Call, asking: Asking) -> Flow[None]:
    yield [DoneEvent((yield from core.recorded(call, _streamed(core, call, asking))))]


def _streamed(core: Core, call: Call, asking: Asking) -> Flow[Answer]:
    call.prepared_now()
    opening = _opened_directly(core, call, asking) if is_direct(call, asking) else _opened(core, call, asking)
    element, (began, response) = yield from opening
    decoder = ChatDecoder()
    try:
        yield from noted(call, began, _decoded(core, call, response, decoder), element)
    except BaseException:
        call.keep("answer", decoder.text)
        raise
    call.inferred = now()
    served = served_by(call, element) if element is not None else core.served(call, response.headers)
    return answer_of(core, call, response.headers, served, decoder.spoken())


def _opened(core: Core, call: Call, asking: Asking) -> Flow[tuple[str | None, Opened]]:
    payload = routed_payload(asking, call.view.route.name, call.view.target(call.assigned))
    call.prompted_now()
    return None, (yield from repeated(call, core.budget, lambda: opened(call, core.request(call, payload))))


def _opened_directly(core: Core, call: Call, asking: Asking) -> Flow[tuple[str | None, Opened]]:
    request_of = requests(core, call, direct_payloads(core, call, asking))

    def attempt(element: str, target: CompiledTarget) -> Flow[Opened]:
        return opened(call, request_of(element, target), element, target.first_byte_ms)

    return (yield from chained(core, call, attempt))


def _decoded(core: Core, call: Call, response: httpx.Response, decoder: ChatDecoder) -> Flow[None]:
    part: bytes | None = b""
    while part is not None:
        try:
            part = yield Part(response, call.deadline)
        except (httpx.HTTPError, httpx.StreamError, OSError, TimeoutError) as error:
            raise _broken_off(call, decoder, error) from None
        events: list[Event] = []
        try:
            decoder.finish(events) if part is None else decoder.feed(part, events)
        except MalformedError as error:
            yield events
            raise _malformed(call, response, decoder, str(error)) from None
        if events:
            if call.first_token is None:
                call.first_token = now()
            yield events


def _broken_off(call: Call, decoder: ChatDecoder, error: Exception) -> CallError:
    """The deadline keeps its own error; every other end is an interruption. Both carry what was received."""
    cause = failure(call, error, "")
    if call.over:
        cause.received = decoder.text
        return cause
    return _interrupted(call, decoder, f"the connection broke ({type(error).__name__})")


def _malformed(call: Call, response: httpx.Response, decoder: ChatDecoder, found: str) -> CallError:
    kind = response.headers.get("content-type") or "no content type"
    return _interrupted(call, decoder, f"there came {found} ({kind})")


def _interrupted(call: Call, decoder: ChatDecoder, reason: str) -> StreamInterruptedError:
    received = decoder.text
    error = StreamInterruptedError(
        f'the stream of the route "{call.view.route.name}" ended after {len(received):,} characters: {reason}.'
        " What was received is whole until there; ask again for a new answer.",
        trace=call.trace,
        status=200,
    )
    error.received = received
    return error
