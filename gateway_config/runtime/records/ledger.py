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
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

from gateway_config.runtime.forks import begins_in_child
from gateway_config.runtime.records.segments import LostLinesError, Segments

log = logging.getLogger("gatewright")
SEGMENT_BYTES = 16_000_000
SEGMENT_S = 3600.0
GATHER_S = 0.02
MOST_UNMADE = 64  # records that wait as what they are made of: beyond, no answer is kept while the disk is slow
MOST_HELD = 16_000_000  # bytes of lines that wait
MOST_AT_ONCE = 256  # lines of one write
CLOSE_S = 5.0  # how long an end waits for a disk that hangs
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
        begins_in_child(self)

    def _begin(self) -> None:
        """Everything that a child process must not share with its parent."""
        self._waiting: deque[Line | bytes] = deque()
        self._held = 0
        self._segments = Segments(self.folder, self._segment_bytes, self._segment_s)
        # The second may be taken twice by one thread: what it counts is also counted where garbage is collected.
        self._writing, self._counting = threading.Lock(), threading.RLock()
        self._roused = self._has_thread = False
        self._wake: Wake = SimpleQueue()
        self._gone = weakref.finalize(self, _left_behind, self._wake, self._segments)
        self._gone.atexit = False  # `_close_all` is what happens then

    def begin_in_child(self) -> None:
        """Leaves what the parent of this process has begun to the parent."""
        self._gone.detach()
        self._segments.leave()
        self._begin()

    def write(self, line: Line) -> None:
        """Takes what makes the line of a record, which is mostly done later; never waits for the disk, never raises."""
        if len(self._waiting) < MOST_UNMADE:
            self._waiting.append(line)
        else:
            self._hold(self._made(line))
        if not self._roused:
            self._rouse()

    def _rouse(self) -> None:
        """Has what is waiting written soon; until then the queue keeps this ledger alive."""
        with self._counting:
            has_thread, self._roused, self._has_thread = self._has_thread, True, True
            self._wake.put(self)
            if has_thread:
                return
            try:
                threading.Thread(target=_run, args=(self._wake,), name="gatewright-records", daemon=True).start()
            except RuntimeError:  # no thread can be had now: the next record tries again, and `close` writes the rest
                self._roused = self._has_thread = False

    def _hold(self, line: bytes) -> None:
        """Lets a line wait, if there is room."""
        with self._counting:
            has_room = self._held + len(line) <= MOST_HELD
            self._held += len(line) if has_room else 0
        if has_room:
            self._waiting.append(line)
        else:
            self._lose(1, "the disk does not keep up")

    def flush(self) -> None:
        """Writes what is waiting: many lines at once, since each write hands the interpreter to another thread."""
        self._roused = False
        with self._writing:
            self._flush()

    def _flush(self) -> None:
        while self._waiting:
            lines = [self._taken() for _ in range(min(MOST_AT_ONCE, len(self._waiting)))]
            try:
                self._segments.append(b"".join(lines))
            except LostLinesError as error:
                self._lose(error.count, str(error))

    def _taken(self) -> bytes:
        """The line that waits longest."""
        line = self._waiting.popleft()
        if not isinstance(line, bytes):
            return self._made(line)
        with self._counting:
            self._held -= len(line)
        return line

    def _made(self, line: Line) -> bytes:
        """The line; none where it cannot be made, which ends no thread and no call."""
        try:
            return line()
        except Exception as error:
            self._lose(1, str(error))
            return b""

    def close(self) -> None:
        """Writes what is waiting, and closes the segment so that it can be shipped; gives up on a disk that hangs.

        Its thread ends; what is written after this begins another, and another segment.
        """
        with self._counting:
            if self._has_thread:
                self._has_thread = False
                self._wake.put(None)
        if not self._writing.acquire(timeout=CLOSE_S):
            self._lose(len(self._waiting), "the disk hangs")
            return
        try:
            self._flush()
            with contextlib.suppress(OSError):
                self._segments.close()
        finally:
            self._writing.release()

    def _lose(self, count: int, reason: str) -> None:
        self.lost += count
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            log.error("records are lost (%d until now): %s: %s", self.lost, self.folder, reason)


Wake = SimpleQueue[Ledger | None]


def _run(wake: Wake) -> None:
    """Writes for the ledgers that come by this queue, which must not be kept alive while there is nothing to write."""
    while (ledger := wake.get()) is not None:
        time.sleep(GATHER_S)
        ledger.flush()
        del ledger


def _left_behind(wake: Wake, segments: Segments) -> None:
    """Ends what belonged to a ledger that nobody has closed, and nobody uses any more."""
    wake.put(None)
    with contextlib.suppress(OSError):
        segments.close()


ledgers: weakref.WeakSet[Ledger] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for ledger in ledgers:
        ledger.close()


def _close_with_multiprocessing(*_: object) -> None:
    """The children of multiprocessing end without `atexit`: it has a list of its own, which each of them empties."""
    if (own := sys.modules.get("multiprocessing.util")) is not None:
        own.Finalize(None, _close_all, exitpriority=0)


def _tell_multiprocessing() -> None:
    if (own := sys.modules.get("multiprocessing.util")) is not None:
        own.register_after_fork(_close_all, _close_with_multiprocessing)


_close_with_multiprocessing()  # where such a child is the first to import this
os.register_at_fork(after_in_child=_tell_multiprocessing)
