"""How a model shall behave: fail so and so often, be slow, answer what a test wants."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.chance import Chance
from tests.emulator.web import Status

NINETY_FIFTH = 1.645  # standard deviations from the median to the 95th percentile


@dataclass
class Failure:
    """The next `times` calls (null: all) fail with this status, Cloudflare code and message."""

    status: Status = 500
    code: int = 3040
    message: str = "Capacity temporarily exceeded, please try again."
    times: int | None = None


@dataclass
class Latency:
    """Milliseconds until the first byte: fixed where only the median is given, else log-normal."""

    p50_ms: float = 0
    p95_ms: float | None = None

    def sample_ms(self, chance: Chance) -> float:
        if self.p95_ms is None or self.p50_ms <= 0:
            return self.p50_ms
        spread = (self.p95_ms / self.p50_ms) ** (1 / NINETY_FIFTH)
        return float(self.p50_ms * spread ** chance.gauss())


@dataclass
class Programme:
    """What one model was told; `answers` are given once each, in order, then `always`, else the usual text."""

    failures: deque[Failure] = field(default_factory=deque)
    latency: Latency = field(default_factory=Latency)
    chunk_delay_ms: float = 0
    answers: deque[Any] = field(default_factory=deque)
    always: Any = None
    number_chunks: bool = False  # Workers AI streams can carry a JSON number as content
    break_after_chunks: int | None = None

    def next_failure(self) -> Failure | None:
        while self.failures and self.failures[0].times == 0:
            self.failures.popleft()
        if not self.failures:
            return None
        failure = self.failures[0]
        if failure.times is not None:
            failure.times -= 1
        return failure


class Programmes:
    """Programmes by model id, as upstreams know it (`@cf/…`, `gpt-4o`)."""

    def __init__(self) -> None:
        self._by_model: dict[str, Programme] = {}
        self._usual = Programme()

    def of(self, model: str) -> Programme:
        return self._by_model.get(model, self._usual)

    def set(self, model: str, programme: Programme) -> None:
        self._by_model[model] = programme

    def models(self) -> list[str]:
        return sorted(self._by_model)

    def reset(self) -> None:
        self._by_model.clear()
