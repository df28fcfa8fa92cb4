"""Records are written in a thread of its own: whole, many at once, and counted where they are lost."""

import errno
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gateway_config.runtime.records import ledger as ledgers
from gateway_config.runtime.records.ledger import Ledger
from gateway_config.runtime.records.segments import close_abandoned, closed_segments, read_records
from gateway_config.runtime.records.shipping import ship
from tests.runtime.test_records import records_in


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "records"


def line(**record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def writing(ledger: Ledger, **record: Any) -> None:
    ledger.write(lambda: line(**record))
    ledger.flush()


def test_a_segment_is_closed_when_it_is_large(folder: Path) -> None:
    ledger = Ledger(folder, segment_bytes=100)
    for number in range(20):
        writing(ledger, number=number)
    ledger.close()
    assert len(closed_segments(folder)) > 1
    assert [record["number"] for record in read_records(folder)] == list(range(20))


def test_a_segment_is_closed_when_it_is_old(folder: Path) -> None:
    ledger = Ledger(folder, segment_s=0.0)
    writing(ledger)
    writing(ledger)
    assert len(closed_segments(folder)) == 1


def numbers(folder: Path) -> list[int]:
    return [record["number"] for record in read_records(folder)]


def odd_lines(folder: Path) -> list[bytes]:
    odd: list[bytes] = []
    list(read_records(folder, odd.append))
    return odd


def full_after(count: int, at_once: int = 1_000_000) -> Callable[[int, bytes], int]:
    """A write to a disk that has room for so many bytes more, and takes that many at once."""
    write, left = os.write, count

    def written(file: int, data: bytes) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = write(file, data[: min(left, at_once)])
        left -= taken
        return taken

    return written


def waiting(ledger: Ledger, *numbers: int) -> None:
    """Records that are written together."""
    with ledger._writing:
        for number in numbers:
            ledger.write(partial(line, number=number))
    ledger.flush()


def test_records_that_wait_together_are_written_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, write, sizes = Ledger(folder), os.write, list[int]()

    def counted(file: int, data: bytes) -> int:
        sizes.append(data.count(b"\n"))
        return write(file, data)

    monkeypatch.setattr(os, "write", counted)
    waiting(ledger, *range(600))
    assert sizes == [256, 256, 88]
    assert numbers(folder) == list(range(600))


def test_a_write_that_was_cut_short_goes_on_with_the_rest(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder)
    monkeypatch.setattr(os, "write", full_after(1000, at_once=5))
    waiting(ledger, 1, 2, 3)
    assert (numbers(folder), ledger.lost) == ([1, 2, 3], 0)


def test_a_disk_that_fills_within_a_record_loses_that_and_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(folder)
    monkeypatch.setattr(os, "write", full_after(2 * len(line(number=1)) + 5))
    waiting(ledger, 1, 2, 3, 4, 5)
    assert (numbers(folder), ledger.lost) == ([1, 2], 3)


def test_a_disk_that_takes_nothing_and_says_nothing_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder)
    monkeypatch.setattr(os, "write", lambda file, data: 0)
    waiting(ledger, 1, 2)
    assert ledger.lost == 2


def test_where_the_disk_has_room_again_no_torn_line_stands_between_the_records(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = Ledger(folder)
    with monkeypatch.context() as full:
        full.setattr(os, "write", full_after(20))
        waiting(ledger, 1, 2)
    waiting(ledger, 3)
    assert (numbers(folder), odd_lines(folder)) == ([1, 3], [])
    assert len(list(folder.iterdir())) == 1


def test_a_torn_line_that_cannot_be_taken_away_ends_its_segment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger = Ledger(folder)

    def refused(*_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as full:
        full.setattr(os, "write", full_after(20))
        full.setattr(os, "ftruncate", refused)
        waiting(ledger, 1, 2)
    waiting(ledger, 3)
    assert (numbers(folder), len(odd_lines(folder))) == ([1, 3], 1)
    assert len(closed_segments(folder)) == 1


def test_a_folder_that_was_taken_away_costs_what_was_in_it_and_no_more(folder: Path) -> None:
    ledger = Ledger(folder, segment_bytes=1)
    waiting(ledger, 1)
    shutil.rmtree(folder)
    waiting(ledger, 2, 3)
    assert (numbers(folder), ledger.lost) == ([2, 3], 0)


def test_many_threads_write_whole_records(folder: Path) -> None:
    ledger = Ledger(folder, segment_bytes=5000)

    def write(thread: int) -> None:
        for number in range(200):
            ledger.write(partial(line, thread=thread, number=number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({(record["thread"], record["number"]) for record in records_in(folder)}) == 1600


PROGRAM = """
import sys, time
from pathlib import Path
from typing import Any
from gateway_config.runtime.records.ledger import Ledger
ledger = Ledger(Path(sys.argv[1]))
for number in range(1_000_000):
    ledger.write(lambda number=number: b'{"number": %d, "at": %f}\\n' % (number, time.monotonic()))
    if number % 100 == 0:
        time.sleep(0.001)
        print(number, flush=True)
"""


def killed(folder: Path) -> float:
    """When a process that wrote record after record was killed."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(50)]
    assert lines[-1]
    process.send_signal(signal.SIGKILL)
    at = time.monotonic()
    process.communicate()
    return at


def test_kill_9_loses_no_more_than_the_last_moment(folder: Path) -> None:
    at = killed(folder)
    records = list(read_records(folder))
    assert [record["number"] for record in records] == list(range(len(records)))
    assert at - records[-1]["at"] < 0.5


def test_a_disk_that_hangs_holds_no_answer_and_fills_no_memory(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "MOST_UNMADE", 4)
    monkeypatch.setattr(ledgers, "MOST_HELD", 6 * len(line(number=10)))
    ledger = Ledger(folder)
    with ledger._writing:
        started = time.monotonic()
        for number in range(100):
            ledger.write(partial(line, number=10 + number))
        assert time.monotonic() - started < 0.1
    assert len(records_in(folder)) == 10
    assert ledger.lost == 90
    waiting(ledger, *range(10, 20))
    assert (len(numbers(folder)), ledger.lost) == (20, 90)


def test_what_records_are_made_of_is_not_kept_while_the_disk_hangs(folder: Path) -> None:
    class Answer:
        """Something large."""

    ledger, kept = Ledger(folder), list[weakref.ref[Answer]]()
    with ledger._writing:
        for number in range(200):
            answer = Answer()
            kept.append(weakref.ref(answer))
            ledger.write(lambda number=number, answer=answer: line(number=number))  # type: ignore[misc]
        del answer
        assert sum(ref() is not None for ref in kept) <= ledgers.MOST_UNMADE
    assert len(records_in(folder)) == 200


def test_an_end_does_not_wait_for_ever_for_a_disk_that_hangs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledgers, "CLOSE_S", 0.05)
    ledger = Ledger(folder)
    with ledger._writing:
        ledger.write(partial(line, number=1))
        ledger.close()
    assert ledger.lost == 1


def test_a_process_that_ends_writes_what_is_waiting(folder: Path) -> None:
    program = PROGRAM.replace("1_000_000", "50")
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, capture_output=True)
    assert len(list(read_records(folder))) == 50
    assert len(closed_segments(folder)) == 1


def test_the_segment_of_a_process_that_is_gone_is_closed_for_it(folder: Path) -> None:
    killed(folder)
    own = Ledger(folder)
    writing(own)
    close_abandoned(folder)
    assert len(closed_segments(folder)) == 1
    own.close()
    assert len(closed_segments(folder)) == 2


def in_a_child(work: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    os.waitpid(pid, 0)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_that_outlives_its_parent_does_not_hold_its_segment(folder: Path) -> None:
    ledger = Ledger(folder)
    waiting(ledger, 1)
    ready, go = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        os.write(ready[1], b".")
        os.read(go[0], 1)
        os._exit(0)
    os.read(ready[0], 1)
    ledger._segments.leave()  # what the end of the parent does
    close_abandoned(folder)
    os.write(go[1], b".")
    os.waitpid(pid, 0)
    for end in (*ready, *go):
        os.close(end)
    assert len(closed_segments(folder)) == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_writes_a_segment_of_its_own(folder: Path) -> None:
    ledger = Ledger(folder)
    ledger.write(lambda: line(number=1))
    in_a_child(lambda: writing(ledger, number=2))
    ledger.write(lambda: line(number=3))
    assert sorted(record["number"] for record in records_in(folder)) == [1, 2, 3]
    assert len(list(folder.iterdir())) == 2


def test_a_record_that_cannot_be_written_is_counted_and_stops_no_other(folder: Path) -> None:
    ledger = Ledger(folder)
    ledger.write(lambda: json.dumps(object()).encode())
    ledger.write(lambda: b"{}\n")
    ledger.close()
    assert (ledger.lost, len(list(read_records(folder)))) == (1, 1)


def test_a_call_is_looked_for_in_the_segments_of_its_day(folder: Path) -> None:
    folder.mkdir()
    for name in ("20261120T000000.0Z-1-a", "20261121T120000.0Z-1-a", "20261123T000000.0Z-1-a", "copy"):
        (folder / f"{name}.jsonl").write_text(f'{{"name": "{name[:8]}"}}\n')
    found = read_records(folder, around=datetime(2026, 11, 21, 12, 30, tzinfo=UTC))
    assert [record["name"] for record in found] == ["20261121", "copy"]


def test_nobody_sees_a_segment_before_its_lock_is_held(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    lock = fcntl.flock

    def locked(file: int, how: int) -> None:
        seen.append([path.name for path in folder.glob("*.jsonl")])
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", locked)
    waiting(Ledger(folder), 1)
    assert seen == [[]]
    assert numbers(folder) == [1]


def test_two_who_ship_at_once_disturb_neither(folder: Path) -> None:
    ledger = Ledger(folder, segment_bytes=1)
    for number in (1, 2):
        waiting(ledger, number)
    ledger.close()

    class Other:
        """A bucket; while it takes a segment, somebody else ships the rest."""

        def put(self, key: str, body: bytes, content_type: str = "") -> str:
            for path in closed_segments(folder):
                path.unlink()
            return key

    assert len([*ship(folder, Other())]) == 1  # type: ignore[arg-type]
