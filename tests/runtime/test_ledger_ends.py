"""What is left of a ledger that was closed, dropped, or whose process ends: every record, and nothing else."""

import gc
import multiprocessing
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from gateway_config.runtime.records.ledger import Ledger
from gateway_config.runtime.records.segments import closed_segments
from tests.runtime.test_ledger import line, numbers


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "records"


def writers() -> int:
    return sum(thread.name == "gatewright-records" for thread in threading.enumerate())


@pytest.mark.parametrize("closed", [True, False])
def test_a_ledger_that_is_closed_or_gone_leaves_no_thread_and_no_open_segment(folder: Path, closed: bool) -> None:
    before = writers()
    for number in range(3):
        ledger = Ledger(folder)
        ledger.write(partial(line, number=number))
        if closed:
            ledger.close()
    del ledger
    deadline = time.monotonic() + 5
    while (writers() > before or len(closed_segments(folder)) < 3) and time.monotonic() < deadline:
        time.sleep(0.01)
        gc.collect()
    assert writers() <= before
    assert len(closed_segments(folder)) == 3
    assert sorted(numbers(folder)) == [0, 1, 2]


def test_a_stream_that_is_collected_while_a_writer_is_started_is_recorded_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, start, before = Ledger(folder), threading.Thread.start, writers()

    def collecting(thread: threading.Thread) -> None:  # any step may collect garbage
        if thread.name == "gatewright-records":
            ledger.write(lambda: line(number=1))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", collecting)
    caller = threading.Thread(target=ledger.write, args=(lambda: line(number=0),), daemon=True)
    caller.start()
    caller.join(5)
    assert not caller.is_alive()
    assert writers() <= before + 1
    ledger.close()
    assert numbers(folder) == [0, 1]


def test_a_call_does_not_fail_where_no_thread_can_be_had(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    ledger = Ledger(folder)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        ledger.write(lambda: line(number=0))
    ledger.write(lambda: line(number=1))
    ledger.close()
    assert numbers(folder) == [0, 1]


def test_a_ledger_that_was_closed_writes_again(folder: Path) -> None:
    ledger = Ledger(folder)
    for number in range(3):
        ledger.write(partial(line, number=number))
        ledger.close()
    assert numbers(folder) == [0, 1, 2]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize("begun", [True, False])
def test_the_last_record_of_a_child_of_multiprocessing_is_written_at_its_end(folder: Path, begun: bool) -> None:
    ledgers = [Ledger(folder)] if begun else []

    def work() -> None:
        (ledgers or [Ledger(folder)])[0].write(lambda: line(number=1))

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
    assert numbers(folder) == [1]
