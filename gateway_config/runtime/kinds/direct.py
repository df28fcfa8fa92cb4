"""Serving what a dynamic route cannot carry: `decide` chooses the arm, and the runtime retries and falls back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TypeVar

import httpx

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import ServedBy
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import (
    AnsweredNoError,
    BlockedError,
    BrokenAnswerError,
    CallError,
    ConnectionFailedError,
    InputError,
    RateLimitedError,
    RouteMissingError,
)
from gateway_config.runtime.kinds.payload import Payload
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Pause, Reply, asked, pause_before, repeated
from gateway_config.runtime.sending.retry import LONGEST_DELAY_S

T = TypeVar("T")
Attempt = Callable[[str, CompiledTarget], Flow[T]]
PayloadOf = Callable[[CompiledTarget], Payload]
RequestOf = Callable[[str, CompiledTarget], httpx.Request]


def chained(core: Core, call: Call, attempt: Attempt[T]) -> Flow[tuple[str, T]]:
    """The element that answered with what it answered: the assigned arm, else its fallbacks, each with its retries."""
    chain = call.view.chain(call.metadata)
    if not chain:
        raise InputError(f'the route "{call.view.route.name}" has no model for this request.')
    for element in chain:
        try:
            return element, (yield from _persistent(core, call, attempt, element, element == chain[-1]))
        except CallError as error:
            if element == chain[-1] or call.over or not _another_may_do(error):
                raise
    raise AssertionError("a chain has an end")


def _persistent(core: Core, call: Call, attempt: Attempt[T], element: str, is_last: bool) -> Flow[T]:
    """What one model answers, asked again as often as its `retries` say, and time and the budget of retries allow."""
    target = call.view.route.targets[element]
    for retry in itertools.count(1):
        try:
            return (yield from repeated(call, core.budget, lambda: attempt(element, target)))
        except CallError as error:
            if retry > target.retries or not _another_may_do(error):
                raise
            if not is_last and (error.asked_delay_s or 0) > LONGEST_DELAY_S:
                raise  # the fallback is sooner there
            pause_s = pause_before(retry, call, core.budget, error)
            if pause_s is None:
                raise
        call.inferred = None  # of an answer that was none
        yield Pause(pause_s)
    raise AssertionError("retries have an end")


def _another_may_do(error: CallError) -> bool:
    """Whether another try, or another model, may answer where this one did not; a wrong input stays wrong.

    All models are behind the same gateway: where that is not reached, or says no itself, none of them answers.
    """
    if isinstance(error, ConnectionFailedError):
        return error.reached
    if isinstance(error, RateLimitedError):
        return not error.own
    if isinstance(error, BrokenAnswerError | RouteMissingError):
        return True
    if isinstance(error, BlockedError) or not isinstance(error, AnsweredNoError):
        return False
    return error.status is not None and (error.status >= 500 or error.status == 408)


def answered(
    core: Core, call: Call, payload_of: PayloadOf, read: Callable[[Reply], T], most: int
) -> Flow[tuple[ServedBy, httpx.Headers, T]]:
    """Who answered, the headers, and what `read` makes of the answer; its MalformedError counts as a failed try."""
    request_of = requests(core, call, payload_of)

    def attempt(element: str, target: CompiledTarget) -> Flow[tuple[httpx.Headers, T]]:
        return asked(call, request_of(element, target), with_headers, most, element, target.first_byte_ms)

    def with_headers(reply: Reply) -> tuple[httpx.Headers, T]:
        return reply.headers, read(reply)

    call.prepared_now()
    element, (headers, value) = yield from chained(core, call, attempt)
    return served_by(call, element), headers, value


def requests(core: Core, call: Call, payload_of: PayloadOf) -> RequestOf:
    """What makes the request of each attempt. A target's payload is made once; the first is the prompt's phase."""
    payloads: dict[str, Payload] = {}

    def request_of(element: str, target: CompiledTarget) -> httpx.Request:
        if element not in payloads:
            payloads[element] = payload_of(target)
            call.prompted_now()
        return core.request(call, payloads[element])

    return request_of


def served_by(call: Call, element: str) -> ServedBy:
    """Who answered, as we asked it ourselves."""
    target = call.view.route.targets[element]
    return ServedBy(target.upstream, target.model, element, target.arm, target.name)
