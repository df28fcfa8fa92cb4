"""One call from its first moment to its last: what was known, when what happened, and every HTTP try."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway_config.compiled import Kept
from gateway_config.runtime.answer import Attempt, Outcome, Timing
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import Facts, check_arm, metadata_of
from gateway_config.runtime.sending.trace import new_request_id, trace_of
from gateway_config.runtime.views import RouteView

CONNECT_S = 10.0
now = time.perf_counter


class Until(float):
    """Seconds that one wait may take, and the moment at which all waits that are given it end."""

    moment: float

    def __new__(cls, seconds: float, moment: float) -> Until:
        until = super().__new__(cls, seconds)
        until.moment = moment
        return until

    def left_s(self) -> float:
        """Seconds that a wait may take which begins now; none are left where this is not positive."""
        return min(float(self), self.moment - now())


class Call:
    """The facts are fixed here, before the first try; `assigned` is the model element that they mean."""

    def __init__(
        self, view: RouteView, facts: Facts, deadline_ms: int | None = None, deeper_of: str | None = None
    ) -> None:
        self.started = now()
        self.view, self.facts, self.deeper_of = view, facts, deeper_of
        if facts.arm is not None:
            check_arm(view.route, facts.arm)
        if facts.tier is not None and view.route.tier is None:
            raise InputError(f'the route "{view.route.name}" has no tiers. Leave `tier` out.')
        self.deadline = self.started + (deadline_ms or view.route.deadline_ms) / 1000
        self.request_id = new_request_id()
        self.attempts: list[Attempt] = []
        self.repeats = 0  # attempts that were sent again, since nothing had reached a model
        self.metadata, self.left_out = metadata_of(view.route, facts, self.request_id, self.trace)
        self.assigned = view.assigned(self.metadata)
        self.prepared = self.prompted = self.started
        self.inferred: float | None = None  # when the answer to the last attempt was there
        self.first_token: float | None = None
        self.headers: dict[str, str] = {}  # sent with every attempt
        self.paid: Outcome | None = None  # all answers until now, together: known also where the call fails after them
        self.question: tuple[str, Any, Mapping[str, Any]] = ("", "", {})
        self.prompt: str | None = None  # what was asked and answered, as far as the route's records keep it
        self.answer: str | None = None

    @property
    def assigned_arm(self) -> str | None:
        target = self.view.target(self.assigned)
        return target.arm if target is not None else None

    @property
    def tier(self) -> str | None:
        """The tier that the request asks for, by itself or by its route."""
        return self.facts.tier or self.view.route.tier

    @property
    def trace(self) -> str:
        """The trace of the attempt that runs, or runs next."""
        return trace_of(self.view.route.config_digest, self.request_id, len(self.attempts) + 1)

    @property
    def last_trace(self) -> str:
        """The trace of the attempt that ended last."""
        return trace_of(self.view.route.config_digest, self.request_id, max(1, len(self.attempts)))

    def asked(self, intent: str, text: str | Sequence[Any], options: Mapping[str, Any]) -> None:
        """Notes the question, for `deeper` and the record; the caller may go on with its list of messages."""
        self.question = (intent, text if isinstance(text, str) else [*text], options)
        self.keep("prompt", text)

    def keep(self, part: Kept, said: str | Sequence[Any] | Mapping[str, Any] | None) -> None:
        """Keeps what was asked or answered for the record, if the route asks for it and it is not empty."""
        if part in self.view.route.records and said:
            from gateway_config.runtime.kept import kept

            setattr(self, part, kept(said))

    def left_s(self) -> float:
        """Seconds until the deadline; never below a millisecond, since 0 means no limit to some."""
        return max(0.001, self.deadline - now())

    @property
    def over(self) -> bool:
        return now() >= self.deadline

    def timeouts(self, first_byte_ms: int | None = None) -> dict[str, float]:
        """The time limits of a request, so that all its waits together end at the deadline, or the arm's own limit."""
        left = self.left_s()
        first = left if first_byte_ms is None else min(left, first_byte_ms / 1000)
        until = Until(first, now() + first)
        return {"connect": Until(min(CONNECT_S, first), until.moment), "read": until, "write": until, "pool": left}

    def ended(
        self,
        began: float,
        outcome: str,
        status: int | None = None,
        code: int | None = None,
        element: str | None = None,
    ) -> None:
        """Notes an attempt that is over."""
        took, since = (now() - began) * 1000, (began - self.started) * 1000
        number = len(self.attempts) + 1
        self.attempts.append(Attempt(number, round(since, 3), round(took, 3), outcome, status, code, element))

    def prepared_now(self) -> None:
        """Ends the phase; what comes after the first attempt is a part of the inference, and so is a repair."""
        if not self.attempts:
            self.prepared = now()

    def prompted_now(self) -> None:
        """The same for the next phase."""
        if not self.attempts:
            self.prompted = now()

    def timing(self) -> Timing:
        """Where the time went until now; what was waited for in vain is inference."""
        end = now()
        prompted = max(self.prepared, self.prompted)
        inferred = end if self.inferred is None else max(prompted, self.inferred)
        return Timing(
            prepare_ms=(self.prepared - self.started) * 1000,
            prompt_ms=(prompted - self.prepared) * 1000,
            inference_ms=(inferred - prompted) * 1000,
            parse_ms=(end - inferred) * 1000,
            total_ms=(end - self.started) * 1000,
            first_token_ms=None if self.first_token is None else (self.first_token - self.started) * 1000,
        )
