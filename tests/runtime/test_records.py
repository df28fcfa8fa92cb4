"""Every call leaves one record, whatever became of it, and whatever becomes of the process."""

import asyncio
import gc
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import NoModelAnsweredError, StreamInterruptedError
from gateway_config.runtime import ledger as ledgers
from gateway_config.runtime.ledger import Ledger
from gateway_config.runtime.segments import close_abandoned, closed_segments, read_records
from tests.runtime.test_decoder import OPENAI
from tests.runtime.test_stream import streaming
from tests.runtime.world import GEMMA, TOKEN, Gateway, answering, gateway_error


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "records"


def records_in(folder: Path) -> list[Mapping[str, Any]]:
    """The records of a folder, those that are still waiting included."""
    for ledger in ledgers.ledgers:
        if ledger.folder == folder:
            ledger.flush()
    return list(read_records(folder))


def only(folder: Path) -> Mapping[str, Any]:
    (record,) = records_in(folder)
    return record


def line(**record: Any) -> bytes:
    return json.dumps(record).encode() + b"\n"


def writing(ledger: Ledger, **record: Any) -> None:
    ledger.write(lambda: line(**record))
    ledger.flush()


def test_a_record_has_the_frozen_fields(config: CompiledConfig, folder: Path) -> None:
    gateway = Gateway(answering(model=GEMMA))
    answer = gateway.client(config, records=folder).ask(
        "sprinter", "Hi", arm="challenger", user="ada", tenant="acme", project="tarot", metadata={"page": 3}
    )
    record = dict(only(folder))
    for name in ("prepare_ms", "prompt_ms", "inference_ms", "parse_ms", "total_ms"):
        assert record.pop(name) >= 0
    assert record.pop("slowest") in ("prepare", "prompt", "inference", "parse")
    (attempt,) = record.pop("attempts")
    assert sorted(attempt) == ["code", "duration_ms", "element", "number", "outcome", "started_ms", "status"]
    route = config.routes["quick-chat"]
    assert record == {
        "type": "call",
        "v": 1,
        "id": answer.trace.split(".")[1],
        "trace": answer.trace,
        "at": record["at"],
        "stage": "dev",
        "gateway_id": "inference-dev",
        "kind": "chat",
        "intent": "sprinter",
        "route": "quick-chat",
        "tier": None,
        "tenant": "acme",
        "project": "tarot",
        "user": "ada",
        "arm": "challenger",
        "pinned": True,
        "served_upstream": "workers-ai",
        "served_model": GEMMA,
        "served_name": "gemma",
        "served_arm": "challenger",
        "status": "ok",
        "http_status": 200,
        "code": None,
        "tokens_in": 10,
        "tokens_out": 5,
        "cached_tokens_in": None,
        "reasoning_tokens": None,
        "cost_usd": "0.000002500",
        "cache": None,
        "first_token_ms": None,
        "graph_digest": route.graph_digest,
        "config_digest": route.config_digest,
        "log_id": "log-1",
        "finish_reason": "stop",
        "deeper_of": None,
        "metadata": {
            "trace": answer.trace,
            "bucket": "challenger",
            "tenant_id": "acme",
            "project": "tarot",
            "intent": "sprinter",
            "page": 3,
        },
        "left_out": ["page"],
    }


def test_the_time_of_a_record_is_when_the_call_began(config: CompiledConfig, folder: Path) -> None:
    Gateway().client(config, records=folder).ask("sprinter", "Hi")
    assert only(folder)["at"][:16] == time.strftime("%Y-%m-%dT%H:%M", time.gmtime())


def test_neither_prompt_nor_answer_nor_token_is_in_a_record(config: CompiledConfig, folder: Path) -> None:
    Gateway().client(config, records=folder).ask("sprinter", "a secret question")
    text = json.dumps(only(folder))
    assert "secret question" not in text
    assert "Hello." not in text
    assert TOKEN not in text


def test_unknown_is_null_and_never_zero(config: CompiledConfig, folder: Path) -> None:
    gateway = Gateway(httpx.Response(200, json={"choices": [{"message": {"content": "Hi"}}]}))
    gateway.client(config, records=folder).ask("sprinter", "Hi")
    record = only(folder)
    for name in ("tokens_in", "tokens_out", "cost_usd", "served_model", "first_token_ms", "log_id"):
        assert record[name] is None, name


def test_a_failure_is_recorded_with_its_attempts(config: CompiledConfig, folder: Path) -> None:
    gateway = Gateway(httpx.ConnectError("refused"), gateway_error(400, 2005, "No"))
    with pytest.raises(NoModelAnsweredError):
        gateway.client(config, records=folder).ask("sprinter", "Hi")
    record = only(folder)
    assert (record["status"], record["http_status"], record["code"]) == ("NoModelAnsweredError", 400, 2005)
    assert [attempt["outcome"] for attempt in record["attempts"]] == ["ConnectionFailedError", "NoModelAnsweredError"]
    assert record["trace"].endswith(".2")


def test_the_time_of_a_call_that_failed_does_not_grow_while_its_record_waits(
    config: CompiledConfig, folder: Path
) -> None:
    client = Gateway(gateway_error(400, 2005, "No")).client(config, records=folder)
    (ledger,) = (ledger for ledger in ledgers.ledgers if ledger.folder == folder)
    with ledger._writing:
        began = time.perf_counter()
        with pytest.raises(NoModelAnsweredError):
            client.ask("sprinter", "Hi")
        took_ms = (time.perf_counter() - began) * 1000
        time.sleep(0.05)
    assert only(folder)["total_ms"] <= took_ms


def test_what_was_never_sent_is_not_recorded(config: CompiledConfig, folder: Path) -> None:
    with pytest.raises(ValueError, match="cannot be written as JSON"):
        raise ValueError(str(_input_error(config, folder)))
    assert records_in(folder) == []


def _input_error(config: CompiledConfig, folder: Path) -> Exception:
    try:
        Gateway().client(config, records=folder).ask("sprinter", "Hi", parameters={"seed": object()})
    except Exception as error:
        return error
    raise AssertionError


def test_a_stream_is_recorded_with_the_time_to_its_first_token(config: CompiledConfig, folder: Path) -> None:
    gateway, _ = streaming(OPENAI)
    list(gateway.client(config, records=folder).stream("sage", "Hi"))
    record = only(folder)
    assert record["status"] == "ok"
    assert record["first_token_ms"] is not None


def test_a_stream_that_broke_off_is_recorded_so(config: CompiledConfig, folder: Path) -> None:
    gateway, _ = streaming(httpx.ReadError("reset"))
    with pytest.raises(StreamInterruptedError):
        list(gateway.client(config, records=folder).stream("sage", "Hi"))
    assert only(folder)["status"] == "StreamInterruptedError"


def test_a_stream_that_was_left_early_is_cancelled(config: CompiledConfig, folder: Path) -> None:
    gateway, _ = streaming(OPENAI)
    with gateway.client(config, records=folder).stream("sage", "Hi") as stream:
        next(stream)
    assert only(folder)["status"] == "cancelled"


def test_a_stream_that_nobody_read_leaves_no_record(config: CompiledConfig, folder: Path) -> None:
    gateway, _ = streaming(OPENAI)
    client = gateway.client(config, records=folder)
    client.stream("sage", "Hi").close()
    del client
    gc.collect()
    assert records_in(folder) == []


def test_a_cancelled_task_is_recorded(config: CompiledConfig, folder: Path) -> None:
    async def asking() -> None:
        gateway, _ = streaming(OPENAI, pause_s=5)
        task = asyncio.create_task(gateway.async_client(config, records=folder).ask("sage", "Hi"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(asking())
    assert only(folder)["status"] == "cancelled"


def test_the_folder_may_come_from_the_environment(
    config: CompiledConfig, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway_config.runtime import Client

    for name, value in {
        "CLOUDFLARE_ACCOUNT_ID": "a",
        "GATEWRIGHT_TOKEN": TOKEN,
        "GATEWRIGHT_RECORDS": str(folder),
    }.items():
        monkeypatch.setenv(name, value)
    with Client(config, transport=httpx.MockTransport(Gateway())) as client:
        client.ask("sprinter", "Hi")
    assert len(closed_segments(folder)) == 1


# --- segments -----------------------------------------------------------------------------------------------------


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


def test_a_full_disk_loses_records_but_no_answer(config: CompiledConfig, folder: Path, caplog: Any) -> None:
    folder.write_text("a file where the folder should be")
    client = Gateway().client(config, records=folder)
    for _ in range(3):
        assert client.ask("sprinter", "Hi").text == "Hello."
    records_in(folder)
    assert client.lost_records == 3
    assert len([record for record in caplog.records if "records are lost" in record.message]) == 1


def test_after_a_write_that_was_cut_short_the_next_record_is_whole(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, write = Ledger(folder), os.write
    writing(ledger, number=1)
    monkeypatch.setattr(os, "write", lambda file, data: write(file, data[:5]))
    writing(ledger, number=2)
    monkeypatch.setattr(os, "write", write)
    writing(ledger, number=3)
    assert [record["number"] for record in read_records(folder)] == [1, 3]
    assert ledger.lost == 1


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
from gateway_config.runtime.ledger import Ledger
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
    monkeypatch.setattr(ledgers, "MOST_WAITING", 10)
    ledger = Ledger(folder)
    with ledger._writing:
        started = time.monotonic()
        for number in range(100):
            ledger.write(partial(line, number=number))
        assert time.monotonic() - started < 0.1
    assert len(records_in(folder)) == 10
    assert ledger.lost == 90


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
