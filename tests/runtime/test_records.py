"""Every call leaves one record, whatever became of it, and whatever becomes of the process."""

import asyncio
import gc
import json
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import CallError, NoModelAnsweredError, StreamInterruptedError
from gateway_config.runtime.records import ledger as ledgers
from gateway_config.runtime.records import schema as records
from gateway_config.runtime.records.reader import RecordReader
from gateway_config.runtime.records.segments import closed_segments, read_records
from tests.runtime.test_decoder import OPENAI
from tests.runtime.test_stream import streaming
from tests.runtime.world import GEMMA, TOKEN, Gateway, answering, completion, gateway_error


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
        "prompt": None,
        "answer": None,
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


def test_every_field_stands_in_the_schema(config: CompiledConfig, folder: Path) -> None:
    Gateway().client(config, records=folder).ask("sprinter", "Hi")
    said = set(re.findall(r"\w+", records.__doc__ or ""))
    assert [name for name in only(folder) if name not in said] == []


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


def slowly(step: Any) -> Callable[[httpx.Request], httpx.Response]:
    """The step after 30 ms."""

    def answered(request: httpx.Request) -> httpx.Response:
        time.sleep(0.03)
        return Gateway(step)(request)

    return answered


NO_JSON, CUT = httpx.Response(200, text="no JSON"), httpx.ReadError("reset")


@pytest.mark.parametrize(
    "script", [[CUT], [gateway_error(500, 1, "No")], [NO_JSON], [NO_JSON, CUT], [NO_JSON, NO_JSON]]
)
def test_the_wait_of_a_call_that_failed_is_inference_and_no_phase_is_negative(
    kinds: CompiledConfig, folder: Path, script: list[Any]
) -> None:
    client = Gateway(*map(slowly, script)).client(kinds, records=folder)
    with pytest.raises(CallError):
        client.embed("vectors", "Hi", arm="small")
    record = only(folder)
    phases = [record[f"{phase}_ms"] for phase in ("prepare", "prompt", "inference", "parse")]
    assert min(phases) >= 0
    assert record["slowest"] == "inference"
    assert record["inference_ms"] >= 30 * len(record["attempts"])
    assert sum(phases) == pytest.approx(record["total_ms"], abs=0.01)


@pytest.mark.parametrize("code", [-1, 10**400, 10**16])
def test_a_code_that_is_none_is_unknown_and_the_record_is_kept(config: CompiledConfig, folder: Path, code: int) -> None:
    client = Gateway(gateway_error(400, code, "No")).client(config, records=folder)
    with pytest.raises(CallError) as caught:
        client.ask("sprinter", "Hi")
    assert (caught.value.code, only(folder)["code"]) == (None, None)
    assert [*RecordReader(folder)]


@pytest.mark.parametrize(("tokens", "known"), [(10**15, 10**15), (10**15 + 1, None), (10**400, None)])
def test_the_largest_count_of_tokens_that_is_written_can_be_read(
    config: CompiledConfig, folder: Path, tokens: int, known: int | None
) -> None:
    usage = {"prompt_tokens": tokens, "completion_tokens": 1}
    Gateway(answering(completion(usage=usage))).client(config, records=folder).ask("sage", "Hi")
    only(folder)
    assert [record["tokens_in"] for record in RecordReader(folder)] == [known]


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


def test_a_full_disk_loses_records_but_no_answer(config: CompiledConfig, folder: Path, caplog: Any) -> None:
    folder.write_text("a file where the folder should be")
    client = Gateway().client(config, records=folder)
    for _ in range(3):
        assert client.ask("sprinter", "Hi").text == "Hello."
    records_in(folder)
    assert client.lost_records == 3
    assert len([record for record in caplog.records if "records are lost" in record.message]) == 1


def test_the_folder_may_be_named_by_a_text(config: CompiledConfig, folder: Path) -> None:
    Gateway().client(config, records=str(folder)).ask("sprinter", "Hi")
    assert len(records_in(folder)) == 1
