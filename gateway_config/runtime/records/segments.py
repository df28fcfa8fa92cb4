"""Append-only segments of records: JSON lines, one open file for each process, closed when it is large or old."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

OPEN, CLOSED = ".open.jsonl", ".jsonl"
# A call takes an hour at most, and no line is added to a segment that is older than that; the rest is for clocks.
_NEAR = timedelta(days=1)


class LostLinesError(Exception):
    """That many lines of those to append were lost, and why."""

    def __init__(self, count: int, reason: str) -> None:
        super().__init__(reason)
        self.count = count


class Segments:
    """A folder of segments, of which this writes one at a time. Other processes may write too; not for threads."""

    def __init__(self, folder: Path, segment_bytes: int, segment_s: float) -> None:
        self.folder, self._segment_bytes, self._segment_s = folder, segment_bytes, segment_s
        self._file: int | None = None
        self._path = folder
        self._size, self._until = 0, 0.0

    def append(self, lines: bytes) -> None:
        """Hands whole lines to the operating system at once; raises LostLinesError for those that it did not take."""
        taken = 0
        try:
            if self._file is None or self._size >= self._segment_bytes or time.monotonic() >= self._until:
                self._begin()
            while taken < len(lines):
                taken += self._written(lines[taken:])
        except OSError as error:
            whole = lines.rfind(b"\n", 0, taken) + 1
            if whole < taken:
                self._cut(taken - whole)
            raise LostLinesError(lines.count(b"\n", whole), error.strerror or str(error)) from error

    def _written(self, data: bytes) -> int:
        assert self._file is not None
        count = os.write(self._file, data)
        if count == 0:
            raise OSError("the disk takes nothing")
        self._size += count
        return count

    def _cut(self, torn: int) -> None:
        """Takes the torn end of a line away, else ends the segment with it, so that the next line stands apart."""
        assert self._file is not None
        self._size -= torn
        try:
            os.ftruncate(self._file, self._size)
        except OSError:
            self._end()

    def _begin(self) -> None:
        self._end()
        self.folder.mkdir(parents=True, exist_ok=True)
        seconds, rest = divmod(time.time_ns(), 1_000_000_000)
        at = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(seconds))}.{rest:09d}Z"
        path = self.folder / f"{at}-{os.getpid()}-{os.urandom(4).hex()}{OPEN}"
        # It has another name until its lock is held, which is while this process lives: see `close_abandoned`.
        unlocked = path.with_suffix(".new")
        file = os.open(unlocked, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlocked.rename(path)
        self._file, self._path, self._size = file, path, 0
        self._until = time.monotonic() + self._segment_s

    def _end(self) -> None:
        """Closes the segment, also where its folder was taken away: the next lines are not to be lost for that."""
        with contextlib.suppress(OSError):
            self.close()

    def close(self) -> None:
        """Closes the segment that is written, so that it can be shipped."""
        if self._file is not None:
            self.leave()
            _close(self._path)

    def leave(self) -> None:
        """Lets go of the segment, which another process writes: its lock is not to outlast that process."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)


def _close(path: Path) -> None:
    """Gives a segment the name of one that nobody writes any more."""
    path.rename(path.with_name(path.name.removesuffix(OPEN) + CLOSED))


def close_abandoned(folder: Path) -> None:
    """Closes the segments whose process is gone: its lock went with it."""
    for path in folder.glob(f"*{OPEN}"):
        with contextlib.suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _close(path)


def closed_segments(folder: Path) -> list[Path]:
    """The segments that nobody writes any more, the oldest first."""
    return sorted(path for path in folder.glob(f"*{CLOSED}") if not path.name.endswith(OPEN))


def _nobody(_: bytes) -> None:
    """Is not told."""


def read_records(
    folder: Path, pass_over: Callable[[bytes], None] = _nobody, around: datetime | None = None
) -> Iterator[dict[str, Any]]:
    """All records of a folder, those of open segments included, one segment after the other, the oldest first.

    Of a call that began `around` a moment, only the segments that can hold it. A line that was torn by a crash or a
    full disk is passed over, and so is other JSON than an object.
    """
    for path in sorted(folder.glob(f"*{CLOSED}")):
        if around is not None and not _may_hold(path.name, around):
            continue
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                record = _parsed(line)
                if isinstance(record, dict):
                    yield record
                elif not line.isspace():
                    pass_over(line)


def _may_hold(name: str, at: datetime) -> bool:
    """Whether the record of a call may be in the segment of this name: it begins with when the segment did."""
    try:
        begun = datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return True  # a name that somebody else gave
    return abs(begun - at) < _NEAR


def _parsed(line: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(line)
