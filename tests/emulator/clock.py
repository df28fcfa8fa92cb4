"""The emulator's own time: the machine's, moved or stopped by whoever asks."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since 1970 in this world."""

    def __init__(self) -> None:
        self._offset_s = 0.0
        self._stopped_at: float | None = None

    def now(self) -> float:
        return time.time() + self._offset_s if self._stopped_at is None else self._stopped_at

    def advance(self, seconds: float) -> None:
        """Move the time; raises ValueError or OverflowError for one that no timestamp can tell."""
        timestamp(self.now() + seconds)
        if self._stopped_at is None:
            self._offset_s += seconds
        else:
            self._stopped_at += seconds

    def stop(self, at: float | None = None) -> None:
        self._stopped_at = self.now() if at is None else at

    def run(self) -> None:
        """Go on from where the clock stands."""
        self._offset_s = self.now() - time.time()
        self._stopped_at = None

    def reset(self) -> None:
        self._offset_s, self._stopped_at = 0.0, None

    def timestamp(self) -> str:
        return timestamp(self.now())


def timestamp(seconds: float) -> str:
    """As Cloudflare writes a time: UTC, milliseconds, Z; raises ValueError or OverflowError for one without a year."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> float:
    """Seconds since 1970; raises ValueError for what is no RFC 3339 time."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
