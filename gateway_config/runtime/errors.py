"""Every error of the client, in one tree.

GatewrightError
  └── ClientError
        ├── InputError               (UsageError, 2)  refused here, before any request
        │     ├── MissingSettingError     a token, an account; the message names the variable
        │     ├── UnknownIntentError      with near misses
        │     └── KindMismatchError       asked in a way that the intent's kind of model does not answer
        └── CallError                (ServiceError, 3) one call did not get its answer; .trace .attempts .status .code
              ├── ConnectionFailedError   (UnreachableError) nothing answered, or the connection broke
              ├── DeadlineError           (UnreachableError) the time for the call is over
              ├── BrokenAnswerError       an answer in a form that nobody promised: HTML, half a JSON, too large
              │     ├── StreamInterruptedError   .received holds what came before
              │     └── UnfitAnswerError         does not fit the schema, also when asked to repair it; .answer
              ├── DriftError              another model answered than declared, where the client refuses that
              └── AnsweredNoError         (RefusedError) an answer that says no
                    ├── UnauthorizedError
                    ├── GatewayMissingError
                    ├── RouteMissingError
                    ├── RateLimitedError
                    ├── BlockedError      a guardrail or data loss prevention
                    ├── TooLargeError
                    └── NoModelAnsweredError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway_config.errors import GatewrightError, RefusedError, ServiceError, UnreachableError, UsageError

if TYPE_CHECKING:
    from gateway_config.runtime.answer import Answer, Attempt


class ClientError(GatewrightError):
    """The root of what the client raises."""


class InputError(ClientError, UsageError):
    """The call was refused before anything was sent."""


class MissingSettingError(InputError):
    """A setting without which nothing can be sent, or that cannot be right."""


class UnknownIntentError(InputError):
    """No route serves the intent."""


class KindMismatchError(InputError):
    """The intent is served by another kind of model."""


class CallError(ClientError, ServiceError):
    """One call did not get its answer.

    `trace` finds the call in records and logs, `attempts` are all its HTTP tries; `status` and `code` are HTTP's and
    Cloudflare's, where there was an answer.
    """

    def __init__(self, message: str, *, trace: str = "", status: int | None = None, code: int | None = None) -> None:
        self.trace, self.status, self.code = trace, status, code
        self.attempts: tuple[Attempt, ...] = ()
        self.reached = True  # whether a model may have seen the request
        self.own = False  # whether the gateway itself said no, not a model behind it
        self.asked_delay_s: float | None = None  # how long the gateway asks to wait
        self.received = ""  # of a stream, the text that came before
        super().__init__(f"{message} (trace {trace})" if trace else message)


class ConnectionFailedError(CallError, UnreachableError):
    """Nothing answered, or the connection broke."""


class DeadlineError(CallError, UnreachableError):
    """The time for the call is over."""


class BrokenAnswerError(CallError):
    """An answer that is not what the gateway promises."""


class StreamInterruptedError(BrokenAnswerError):
    """A stream that ended before its end; `received` is the text that came until then, and stays valid."""


class UnfitAnswerError(BrokenAnswerError):
    """The answer does not fit the schema, and the repaired one does not either; `answer` is the last."""

    answer: Answer

    def __init__(self, message: str, *, trace: str = "", answer: Answer | None = None) -> None:
        super().__init__(message, trace=trace)
        if answer is not None:  # an error that comes from another process gets it, and all else, afterwards
            self.answer, self.attempts = answer, answer.attempts


class DriftError(CallError):
    """A model answered that the declared route does not have there; only clients with `refuse_drift` raise it."""


class AnsweredNoError(CallError, RefusedError):
    """An answer that says no; the subclasses say why, where it is known."""


class UnauthorizedError(AnsweredNoError):
    """The gateway does not take the token."""


class GatewayMissingError(AnsweredNoError):
    """The account has no such gateway."""


class RouteMissingError(AnsweredNoError):
    """The gateway has no such route or model."""


class RateLimitedError(AnsweredNoError):
    """A limit of the gateway still holds after the retries."""


class BlockedError(AnsweredNoError):
    """A guardrail or data loss prevention stopped the prompt or the answer."""


class TooLargeError(AnsweredNoError):
    """The model does not take an input of this size."""


class NoModelAnsweredError(AnsweredNoError):
    """Neither the arm nor any of its fallbacks answered."""
