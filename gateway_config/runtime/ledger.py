"""Keeps records in append-only segments: JSON lines, one file for each process, closed when it is large or old.

A record is handed to the operating system before its answer is handed to the caller, so it survives the end of the
process, kill -9 included. Nothing waits for the disk itself. What cannot be written is counted and told, and no call
fails for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

log = logging.getLogger("gatewright")
OPEN, CLOSED = ".open.jsonl", ".jsonl"
SEGMENT_BYTES = 16_000_000
SEGMENT_S = 3600.0
TELL_EVERY_S = 60.0


class Ledger:
    """A folder of segments that this process writes one of. Safe for threads, for other processes, and for a fork."""

    def __init__(self, folder: Path, segment_bytes: int = SEGMENT_BYTES, segment_s: float = SEGMENT_S) -> None:
        self.folder, self._segment_bytes, self._segment_s = folder, segment_bytes, segment_s
        self.lost = 0
        self._file: int | None = None
        self._path = folder
        self._size, self._until, self._pid = 0, 0.0, os.getpid()
        self._torn = False
        self._told = -TELL_EVERY_S
        self._lock = threading.Lock()

    def write(self, record: Mapping[str, Any]) -> None:
        """Appends a record; never raises for a disk that is full or away."""
        line = json.dumps(record, separators=(",", ":"), default=str).encode() + b"\n"
        with self._lock:
            try:
                self._append(line)
            except OSError as error:
                self._lose(error)

    def _append(self, line: bytes) -> None:
        if self._pid != os.getpid():
            self._file, self._pid = None, os.getpid()  # the parent's segment stays the parent's
        if self._file is None or self._size >= self._segment_bytes or time.monotonic() >= self._until:
            self._next_segment()
        assert self._file is not None
        # After a write that was cut short, an empty line keeps the torn one apart from this.
        data = b"\n" + line if self._torn else line
        self._torn = True
        written = os.write(self._file, data)
        self._size += written
        if written < len(data):
            raise OSError("the disk took a part of a record only")
        self._torn = False

    def _next_segment(self) -> None:
        self._close()
        self.folder.mkdir(parents=True, exist_ok=True)
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        at = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{rest:09d}Z"
        name = f"{at}-{os.getpid()}-{os.urandom(4).hex()}"
        path = self.folder / (name + OPEN)
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held while this process lives: see `close_abandoned`
        self._file, self._path, self._size, self._torn = file, path, 0, False
        self._until = time.monotonic() + self._segment_s

    def _close(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)
            close_segment(self._path)

    def close(self) -> None:
        """Closes the segment, so that it can be shipped."""
        with self._lock, contextlib.suppress(OSError):
            if self._pid == os.getpid():
                self._close()

    def _lose(self, error: OSError) -> None:
        self.lost += 1
        now = time.monotonic()
        if now - self._told >= TELL_EVERY_S:
            self._told = now
            log.error("records are lost (%d until now): %s: %s", self.lost, self.folder, error.strerror or error)


def close_segment(path: Path) -> Path:
    """Gives a segment the name of one that nobody writes any more."""
    closed = path.with_name(path.name.removesuffix(OPEN) + CLOSED)
    path.rename(closed)
    return closed


def close_abandoned(folder: Path) -> None:
    """Closes the segments whose process is gone: its lock went with it."""
    for path in folder.glob(f"*{OPEN}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            close_segment(path)


def closed_segments(folder: Path) -> list[Path]:
    """The segments that nobody writes any more, the oldest first."""
    return sorted(path for path in folder.glob(f"*{CLOSED}") if not path.name.endswith(OPEN))


def read_records(folder: Path) -> Iterator[dict[str, Any]]:
    """All records of a folder, those of open segments included, one segment after the other.

    A line that was torn by a crash or a full disk is passed over.
    """
    for path in sorted(folder.glob(f"*{CLOSED}")):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                with contextlib.suppress(ValueError):
                    record = json.loads(line)
                    if isinstance(record, dict):
                        yield record
