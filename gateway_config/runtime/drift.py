"""Notices, from the answers themselves, when what served is not what was declared."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from gateway_config.runtime.forks import begins_in_child

log = logging.getLogger("gatewright")
REPORT_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class Drift:
    """One answer by a model that the declared route does not have in this place."""

    route: str
    trace: str
    meant: tuple[str, ...]
    served: str

    def __str__(self) -> str:
        meant = ", ".join(self.meant) or "no model"
        return f'drift route={self.route} trace={self.trace} meant="{meant}" served="{self.served}"'


class DriftWatch:
    """Counts every drift; reports each route and model once a minute, by one log line and the callback.

    What the callback raises is counted in `failed`, and logged the first time: the answer that drifted is paid.
    Safe for use by several threads.
    """

    def __init__(
        self, callback: Callable[[Drift], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.failed = 0
        self._callback, self._clock = callback, clock
        self._reported: dict[tuple[str, str], float] = {}
        self.begin_in_child()
        begins_in_child(self)

    def begin_in_child(self) -> None:
        """Takes a lock that no other thread holds."""
        self._lock = threading.Lock()

    def note(self, drift: Drift) -> None:
        key = (drift.route, drift.served)
        with self._lock:
            self.counts[key] += 1
            now = self._clock()
            if now - self._reported.get(key, -REPORT_EVERY_S) < REPORT_EVERY_S:
                return
            self._reported[key] = now
        log.warning("%s", drift)
        if self._callback is not None:
            self._tell(self._callback, drift)

    def _tell(self, callback: Callable[[Drift], None], drift: Drift) -> None:
        try:
            callback(drift)
        except Exception:
            with self._lock:
                self.failed += 1
                first = self.failed == 1
            if first:
                log.exception("on_drift raised; the answer is given all the same, and this is not logged again")
