"""Serving what a dynamic route cannot carry: `decide` chooses the arm, and the runtime retries and falls back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import httpx

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import ServedBy
from gateway_config.runtime.call import Call
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
from gateway_config.runtime.flow import Flow, Reply, asked, repeated
from gateway_config.runtime.payload import Payload

T = TypeVar("T")
Attempt = Callable[[str, CompiledTarget], Flow[T]]
PayloadOf = Callable[[CompiledTarget], Payload]


def chained(core: Core, call: Call, attempt: Attempt[T]) -> Flow[tuple[str, T]]:
    """The element that answered with what it answered: the assigned arm, else its fallbacks, each with its retries."""
    chain = call.view.chain(call.metadata)
    if not chain:
        raise InputError(f'the route "{call.view.route.name}" has no model for this request.')
    for element in chain:
        target = call.view.route.targets[element]
        for tries_left in range(target.retries, -1, -1):
            try:
                result = yield from repeated(call, core.budget, lambda e=element, t=target: attempt(e, t))  # type: ignore[misc]
                return element, result
            except CallError as error:
                final = element == chain[-1] and tries_left == 0
                if final or call.over or not _another_may_do(error):
                    raise
    raise AssertionError("a chain has an end")


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
    payloads: dict[str, Payload] = {}

    def attempt(element: str, target: CompiledTarget) -> Flow[tuple[httpx.Headers, T]]:
        request = core.request(call, _kept(call, payloads, element, lambda: payload_of(target)))
        return asked(call, request, with_headers, most, element, target.first_byte_ms)

    def with_headers(reply: Reply) -> tuple[httpx.Headers, T]:
        return reply.headers, read(reply)

    call.prepared_now()
    element, (headers, value) = yield from chained(core, call, attempt)
    return served_by(call, element), headers, value


def _kept(call: Call, payloads: dict[str, Payload], element: str, make: Callable[[], Payload]) -> Payload:
    """The payload for a target, made once; making the first one is the prompt's phase."""
    if element not in payloads:
        payloads[element] = make()
        call.prompted_now()
    return payloads[element]


def served_by(call: Call, element: str) -> ServedBy:
    """Who answered, as we asked it ourselves."""
    target = call.view.route.targets[element]
    return ServedBy(target.upstream, target.model, element, target.arm, target.name)
