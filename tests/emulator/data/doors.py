"""A door is a way in with its own words: how it writes an answer, a stream, a failure of the upstream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.emulator.data import errors
from tests.emulator.data.dialects import anthropic, native, openai, responses
from tests.emulator.data.dialects.sse import EVENT_STREAM, paced
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer, Completion, Output
from tests.emulator.upstreams.kinds import bad_input
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Reply, reply_json


@dataclass(frozen=True)
class Door:
    """`whole` gives the JSON of an answer, `chunks` its stream."""

    whole: Callable[[Exchange, Ask, Answer], Any]
    chunks: Callable[[Exchange, Ask, Completion], Iterator[bytes]]
    failed: Callable[[UpstreamFailed], Reply]
    on_run: bool = False

    def write(self, exchange: Exchange, ask: Ask, answer: Answer, streams: bool) -> Reply:
        """The reply of a successful exchange."""
        if isinstance(answer, Output) and isinstance(answer.body, bytes):
            return Reply(200, answer.body, answer.content_type, exchange.headers)
        if streams and isinstance(answer, Completion):
            chunks = paced(self.chunks(exchange, ask, answer), answer.pace)
            return Reply(200, b"", EVENT_STREAM, exchange.headers, chunks)
        return reply_json(self.whole(exchange, ask, answer), headers=exchange.headers)


def _id(exchange: Exchange, answer: Answer) -> str:
    """A cached answer keeps the id it had."""
    return (answer.id if isinstance(answer, Completion) else "") or exchange.log_id


def _created_s(exchange: Exchange, answer: Answer) -> float:
    return (answer.created_s if isinstance(answer, Completion) else 0) or exchange.world.clock.now()


def _chatted(answer: Answer) -> Completion:
    """The completion a door for chat needs; raises UpstreamFailed for what another kind of model gave."""
    if isinstance(answer, Output):
        raise bad_input(f"{answer.model} does not chat")
    return answer


def _openai_whole(exchange: Exchange, ask: Ask, answer: Answer) -> Any:
    if isinstance(answer, Output):
        return openai.embeddings(answer) if "data" in answer.body else answer.body
    return openai.whole(answer, _id(exchange, answer), _created_s(exchange, answer))


def _openai_chunks(exchange: Exchange, ask: Ask, answer: Completion) -> Iterator[bytes]:
    return openai.chunks(answer, _id(exchange, answer), _created_s(exchange, answer), ask.body)


@behaviour("Workers AI wraps its answers: result, success, errors, messages", "DOC", "Workers AI REST API")
def _native_whole(exchange: Exchange, ask: Ask, answer: Answer) -> Any:
    assumes = exchange.world.assumes
    result = native.result(answer, _id(exchange, answer), _created_s(exchange, answer), ask.body, assumes)
    return {"result": result, "success": True, "errors": [], "messages": []}


def _native_chunks(exchange: Exchange, ask: Ask, answer: Completion) -> Iterator[bytes]:
    return native.chunks(answer, _id(exchange, answer), _created_s(exchange, answer), ask.body)


def _responses_whole(exchange: Exchange, ask: Ask, answer: Answer) -> Any:
    return responses.whole(_chatted(answer), _id(exchange, answer), _created_s(exchange, answer))


def _responses_chunks(exchange: Exchange, ask: Ask, answer: Completion) -> Iterator[bytes]:
    return responses.chunks(answer, _id(exchange, answer), _created_s(exchange, answer))


def _anthropic_whole(exchange: Exchange, ask: Ask, answer: Answer) -> Any:
    return anthropic.whole(_chatted(answer), _id(exchange, answer))


def _anthropic_chunks(exchange: Exchange, ask: Ask, answer: Completion) -> Iterator[bytes]:
    return anthropic.chunks(answer, _id(exchange, answer))


COMPAT = Door(_openai_whole, _openai_chunks, errors.as_gateway_error)
OPENAI = Door(_openai_whole, _openai_chunks, errors.as_openai_error)
NATIVE = Door(_native_whole, _native_chunks, errors.as_workers_ai_error)
NATIVE_OPENAI = Door(_openai_whole, _openai_chunks, errors.as_workers_ai_error)
RESPONSES = Door(_responses_whole, _responses_chunks, errors.as_openai_error)
ANTHROPIC = Door(_anthropic_whole, _anthropic_chunks, errors.as_anthropic_error)
