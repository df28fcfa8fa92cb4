"""Takes records from calls, and writes them in a thread of its own, many at once.

No call waits for a record to be written, or fails for one: what cannot be written, or finds no room while the disk
hangs, is counted and told. A record is with the operating system 20 ms after its call at the latest, and survives the
end of the process from then on, kill -9 included.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from gateway_config.runtime.segments import LostLinesError, Segments

log = logging.getLogger("gatewright")
SEGMENT_BYTES = 16_000_000
SEGMENT_S = 3600.0
GATHER_S = 0.02
MOST_WAITING = 10_000
MOST_AT_ONCE = 256  # lines of one write
TELL_EVERY_S = 60.0

Line = Callable[[], bytes]


class Ledger:
    """The records of this process, in a folder that other processes may use, too. Safe for threads and for a fork."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES, segment_s: float = SEGMENT_S) -> None:
        self.folder, self._segment_bytes, self._segment_s = folder, segment_bytes, segment_s
        self.lost = 0
        self._told = -TELL_EVERY_S
        self._begin()
        ledgers.add(self)

    def _begin(self) -> None:
        """Everything that a child process must not share with its parent."""
        self._pid = os.getpid()
        self._waiting: deque[Line] = deque()
        self._segments = Segments(self.folder, self._segment_bytes, self._segment_s)
        self._writing = threading.Lock()
        self._some = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, line: Line) -> None:
        """Takes what makes the line of a record, which is done later; never blocks, never raises."""
        if self._pid != os.getpid():
            self._begin()
        if len(self._waiting) >= MOST_WAITING:
            self._lose(1, "the disk does not keep up")
            return
        self._waiting.append(line)
        if not self._some.is_set():
            self._some.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="gatewright-records", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(GATHER_S)
            self._some.clear()
            self.flush()

    def flush(self) -> None:
        """Writes what is waiting: many lines at once, since each write hands the interpreter to another thread."""
        with self._writing:
            while self._waiting:
                try:
                    self._segments.append(b"".join(self._made()))
                except LostLinesError as error:
                    self._lose(error.count, str(error))

    def _made(self) -> Iterator[bytes]:
        """The next lines that wait."""
        for _ in range(min(MOST_AT_ONCE, len(self._waiting))):
            try:
                yield self._waiting.popleft()()
            except Exception as error:  # a line that cannot be made ends no thread
                self._lose(1, str(error))

    def close(self) -> None:
        """Writes what is waiting, and closes the segment so that it can be shipped."""
        if self._pid == os.getpid():
            self.flush()
            with self._writing, contextlib.suppress(OSError):
                self._segments.close()

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            log.error("records are lost (%d until now): %s: %s", self.lost, self.folder, reason)


ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for ledger in ledgers:
        ledger.close()
