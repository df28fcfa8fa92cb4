"""When a request that never reached a model is sent again, and how long to wait before."""

from __future__ import annotations

import random
import threading

from gateway_config.runtime.forks import begins_in_child

MOST_REPEATS = 3  # of one call, however many models it asks
FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 4.0


class RetryBudget:
    """Retries are at most a tenth of all requests, and ten in reserve: a gateway in trouble is not hit harder.

    Safe for use by several threads.
    """

    def __init__(self, reserve: float = 10.0, per_request: float = 0.1) -> None:
        self._reserve, self._per_request, self._left = reserve, per_request, reserve
        self.begin_in_child()
        begins_in_child(self)

    def begin_in_child(self) -> None:
        """Takes a lock that no other thread holds."""
        self._lock = threading.Lock()

    def request(self) -> None:
        """Notes a request; it earns a part of a retry."""
        with self._lock:
            self._left = min(self._reserve, self._left + self._per_request)

    def take(self) -> bool:
        """Whether one more retry is within the budget; if so, it is spent."""
        with self._lock:
            if self._left < 1.0:
                return False
            self._left -= 1.0
            return True


def delay_s(retry: int, asked_s: float | None) -> float:
    """Seconds before the retry number `retry`, from 1: what the gateway asks for, else doubling, with jitter."""
    if asked_s is not None:
        return asked_s * random.uniform(1.0, 1.1)
    return random.uniform(0.5, 1.0) * min(LONGEST_DELAY_S, FIRST_DELAY_S * float(2 ** (retry - 1)))


def asked_delay_s(retry_after: str | None) -> float | None:
    """The seconds of a Retry-After header; a date or nonsense is none."""
    try:
        seconds = float(retry_after or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 3600 else None
