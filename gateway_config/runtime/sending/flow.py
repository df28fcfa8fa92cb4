"""The logic of a call without I/O: generators that yield what to do, and receive what came of it.

A flow yields an `httpx.Request` and receives an `httpx.Response` with its body unread, yields a `Body` and receives
bytes, or yields a `Pause`. A flow of a stream also yields a `Part` for the next bytes, and lists of events for its
consumer. A failure of the transport is thrown in at the `yield`. This is the only copy of the logic;
the sync and the async client drive the same flow.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from gateway_config.runtime.bodies.chat import MalformedError
from gateway_config.runtime.bodies.refusals import complaint_of, refusal
from gateway_config.runtime.errors import (
    BrokenAnswerError,
    CallError,
    ConnectionFailedError,
    DeadlineError,
    RateLimitedError,
    UnauthorizedError,
)
from gateway_config.runtime.events import Event
from gateway_config.runtime.sending.call import Call, now
from gateway_config.runtime.sending.retry import MOST_REPEATS, RetryBudget, asked_delay_s, delay_s

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Body:
    """Read a response: at most `most` bytes (else BodyTooLargeError), before `deadline`, a time of `call.now`."""

    response: httpx.Response
    most: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Part:
    """Read the next bytes of a response, before `deadline`; None is its end."""

    response: httpx.Response
    deadline: float


class BodyTooLargeError(Exception):
    """A body is longer than was asked for; thrown into a flow by its driver."""


Effect = httpx.Request | Body | Part | Pause | list[Event]
Flow = Generator[Effect, Any, T]

_SLOW = (httpx.ReadTimeout, httpx.WriteTimeout, TimeoutError)
# What a transport raises when a request did not leave this machine, and so never reached a model.
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError, httpx.UnsupportedProtocol)
LARGEST_REFUSAL = 100_000


class Reply:
    """An answer with its body read, and an OK status."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        self.status, self.headers, self.body = status, headers, body


def asked(
    call: Call,
    request: httpx.Request,
    read: Callable[[Reply], T],
    most: int,
    element: str | None = None,
    first_byte_ms: int | None = None,
) -> Flow[T]:
    """One HTTP try, and what `read` makes of its answer; an attempt whatever comes of it."""
    return (yield from noted(call, now(), _read(call, request, read, most, first_byte_ms), element))


def opened(
    call: Call, request: httpx.Request, element: str | None = None, first_byte_ms: int | None = None
) -> Flow[tuple[float, httpx.Response]]:
    """When it began, and an answer with an OK status whose body is left to be read; a failed try is an attempt."""
    began = now()
    try:
        return began, (yield from _answered(call, request, first_byte_ms))
    except BaseException as error:
        raise _ended(call, began, error, element) from None


def noted(call: Call, began: float, flow: Flow[T], element: str | None = None) -> Flow[T]:
    """What a flow comes to, noted as an attempt whatever that is."""
    try:
        result = yield from flow
    except BaseException as error:
        raise _ended(call, began, error, element) from None
    call.ended(began, "ok", 200, None, element)
    return result


def _ended(call: Call, began: float, error: BaseException, element: str | None = None) -> BaseException:
    if isinstance(error, CallError):
        call.ended(began, type(error).__name__, error.status, error.code, element)
        error.attempts = tuple(call.attempts)
    else:
        call.ended(began, "cancelled", element=element)
    return error


def _read(
    call: Call, request: httpx.Request, read: Callable[[Reply], T], most: int, first_byte_ms: int | None
) -> Flow[T]:
    response = yield from _answered(call, request, first_byte_ms)
    reply = Reply(response.status_code, response.headers, (yield from _body(call, request, response, most)))
    call.inferred = now()
    try:
        return read(reply)
    except MalformedError as error:
        kind = reply.headers.get("content-type") or "no content type"
        message = f'the route "{call.view.route.name}" answered {error} ({kind}). Try again.'
        raise BrokenAnswerError(message, trace=call.trace, status=reply.status) from None


def _answered(call: Call, request: httpx.Request, first_byte_ms: int | None) -> Flow[httpx.Response]:
    call.inferred = None
    request.extensions["timeout"] = call.timeouts(first_byte_ms)
    try:
        response: httpx.Response = yield request
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        raise failure(call, error, host_of(request)) from None
    # The transport begins to read the body with these: what the headers took is gone from them.
    request.extensions["timeout"] = call.timeouts()
    if not response.is_success:
        body = yield from _body(call, request, response, LARGEST_REFUSAL)
        raise _refused(call, response, body)
    return response


def _body(call: Call, request: httpx.Request, response: httpx.Response, most: int) -> Flow[bytes]:
    try:
        body: bytes = yield Body(response, most, call.deadline)
    except BodyTooLargeError:
        status = response.status_code
        raise BrokenAnswerError(
            f"{_what(call)}: the answer is larger than {most:,} bytes. Ask for less.", trace=call.trace, status=status
        ) from None
    except (httpx.HTTPError, httpx.StreamError, OSError, TimeoutError) as error:
        raise failure(call, error, host_of(request), "Try again.") from None
    return body


def host_of(request: httpx.Request) -> str:
    """Where a request went, as a message names it."""
    return request.url.netloc.decode("ascii", "replace")


def _what(call: Call) -> str:
    return f'the route "{call.view.route.name}" did not answer'


def failure(
    call: Call, error: Exception, host: str, way_on: str = "Is GATEWRIGHT_URL right, and the network up?"
) -> CallError:
    """Our error for a failure of the transport; `reached` tells whether a model may have seen the request."""
    kind = type(error).__name__
    if call.over:
        limit_ms = round((call.deadline - call.started) * 1000)
        message = f"{_what(call)} within {limit_ms:,} ms. Raise `deadline_ms`, or choose a faster arm."
        return DeadlineError(message, trace=call.trace)
    if isinstance(error, httpx.DecodingError):
        return BrokenAnswerError(f"{_what(call)}: its encoding is broken ({kind}). Try again.", trace=call.trace)
    reason = f"nothing came in time ({kind})" if isinstance(error, _SLOW) else _said(error) or kind
    failed = ConnectionFailedError(f"{_what(call)} at {host}: {reason.rstrip('.')}. {way_on}", trace=call.trace)
    failed.reached = not isinstance(error, _NOT_SENT)
    return failed


def _said(error: BaseException) -> str:
    """What an error says, or what it comes from: asyncio's connections wrap what TLS says in errors without words."""
    inner = error.__cause__ or error.__context__
    return str(error) or (_said(inner) if inner is not None else "")


def _refused(call: Call, response: httpx.Response, body: bytes) -> CallError:
    content_type = response.headers.get("content-type", "")
    what = f'the gateway refused the route "{call.view.route.name}"'
    error = refusal(what, response.status_code, content_type, body, call.trace)
    error.own = complaint_of(body).own
    error.asked_delay_s = asked_delay_s(response.headers.get("retry-after"))
    return error


# --- again, where nothing has reached a model ---------------------------------------------------------------------


def repeated(call: Call, budget: RetryBudget, attempt: Callable[[], Flow[T]]) -> Flow[T]:
    """What `attempt` comes to, tried again only after failures before any model, and while time and budget last."""
    if not call.attempts:
        budget.request()
    while True:
        try:
            return (yield from attempt())
        except CallError as error:
            pause_s = _pause_s(call, budget, error)
            if pause_s is None:
                raise
        call.repeats += 1
        yield Pause(pause_s)


def _pause_s(call: Call, budget: RetryBudget, error: CallError) -> float | None:
    """How long to wait before another attempt, or None where there is to be none."""
    if call.repeats >= MOST_REPEATS or not _before_any_model(call, error):
        return None
    return pause_before(call.repeats + 1, call, budget, error)


def pause_before(retry: int, call: Call, budget: RetryBudget, error: CallError) -> float | None:
    """Seconds to wait before retry number `retry`, from 1; None where neither time nor budget is left for it."""
    wait_s = delay_s(retry, error.asked_delay_s)
    if now() + wait_s >= call.deadline or not budget.take():
        return None
    return wait_s


def _before_any_model(call: Call, error: CallError) -> bool:
    if isinstance(error, ConnectionFailedError):
        return not error.reached
    if isinstance(error, RateLimitedError):
        return error.own
    # Bursts were seen to be answered 401/2009 although the token was good (facts, trap 17): once more, then believe it.
    believed = sum(attempt.code == 2009 for attempt in call.attempts) > 1
    return isinstance(error, UnauthorizedError) and error.code == 2009 and not believed
