"""Asking a text model for a stream: opened like any call, then decoded as it comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from gateway_config.runtime.answer import Answer
from gateway_config.runtime.ask import answer_of, body_of, request_of, text_route
from gateway_config.runtime.call import Call, now
from gateway_config.runtime.chat import MalformedError, Message, encoded, messages_of
from gateway_config.runtime.core import Core
from gateway_config.runtime.decoder import ChatDecoder
from gateway_config.runtime.errors import CallError, StreamInterruptedError
from gateway_config.runtime.events import DoneEvent, Event
from gateway_config.runtime.flow import Flow, Part, failure, noted, opened, repeated
from gateway_config.runtime.options import AskOptions, deadline_of, facts_of, parameters_of

# Usage comes only where it is asked for (facts 3.5).
_STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def stream(core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any]) -> Flow[None]:
    """One question, its answer as events. Tried again only before a model was reached; never restarted after."""
    facts = facts_of(intent, options, AskOptions)
    call = Call(text_route(core, intent), facts, deadline_of(options))
    answer = yield from core.recorded(call, _streamed(core, call, messages_of(text), parameters_of(options)))
    yield [DoneEvent(answer)]


def _streamed(core: Core, call: Call, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Flow[Answer]:
    call.prepared = now()
    content = encoded({**body_of(call, messages, parameters), **_STREAMED})
    call.prompted = now()
    began, response = yield from repeated(call, core.budget, lambda: opened(call, request_of(core, call, content)))
    decoder = ChatDecoder()
    yield from noted(call, began, _decoded(core, call, response, decoder))
    call.inferred = now()
    return answer_of(core, call, response.headers, decoder.spoken())


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
            raise _malformed(call, response, decoder, core.door.hidden(str(error))) from None
        if events:
            if call.first_token is None:
                call.first_token = now()
            yield events


def _broken_off(call: Call, decoder: ChatDecoder, error: Exception) -> CallError:
    """The deadline keeps its own error; every other end is an interruption. Both carry what was received."""
    cause = failure(call, error)
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
