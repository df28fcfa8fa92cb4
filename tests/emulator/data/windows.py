"""Counting what happened within a span of time, for rate limits and budgets."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass
class Window:
    """Amounts of the last `window_s` seconds: in aligned windows (fixed), or up to now (sliding)."""

    window_s: float
    sliding: bool
    events: deque[tuple[float, float]] = field(default_factory=deque)
    total: float = 0

    def used(self, now_s: float) -> float:
        start = now_s - self.window_s if self.sliding else now_s - now_s % self.window_s
        while self.events and (self.events[0][0] <= start if self.sliding else self.events[0][0] < start):
            self.total -= self.events.popleft()[1]
        if not self.events:
            self.total = 0
        return self.total

    def add(self, now_s: float, amount: float) -> None:
        self.events.append((now_s, amount))
        self.total += amount


@dataclass
class Windows:
    """One window for each thing that is limited."""

    all: dict[Hashable, Window] = field(default_factory=dict)

    def at(self, key: Hashable, window_s: float, sliding: bool) -> Window:
        window = self.all.get(key)
        if window is None or (window.window_s, window.sliding) != (window_s, sliding):
            window = self.all[key] = Window(window_s, sliding)
        return window
