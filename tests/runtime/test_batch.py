"""Batches: queued once, polled, and joined to their inputs."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    AnsweredNoError,
    AsyncClient,
    BrokenAnswerError,
    Client,
    DeadlineError,
    InputError,
    MissingSettingError,
    Settings,
    UnauthorizedError,
)
from gateway_config.runtime.records.segments import read_records
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT
from tests.runtime.test_asking import MODELS, ROUTES
from tests.runtime.test_network import drip_body, serving
from tests.runtime.world import Gateway, compiled


@pytest.fixture
def client(
    config: CompiledConfig, emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Client]:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", emulator.control_plane)
    settings = Settings(ACCOUNT, TEST_TOKEN, emulator.data_plane)
    with Client(config, settings, records=tmp_path) as client:
        yield client


@pytest.mark.http
def test_the_jobs_come_back_in_the_order_of_their_inputs(client: Client, emulator: Running, tmp_path: Path) -> None:
    texts = [f"question {number}" for number in range(200)]
    jobs = client.batch("sprinter", texts, poll_s=0.01)
    assert [job.index for job in jobs] == list(range(200))
    answers = [job.answer for job in jobs if job.answer is not None]
    assert len(answers) == 200
    assert {answer.assigned_arm for answer in answers} == {"champion", "challenger"}
    assert all(answer.assigned_arm == answer.served_by.arm for answer in answers)
    client.close()
    assert len(list(read_records(tmp_path))) == 200
    assert len(emulator.journal("/ai/run/")) < 10


@pytest.mark.http
def test_all_of_one_user_are_one_request(client: Client, emulator: Running) -> None:
    client.batch("sprinter", ["a", "b", "c"], user="ada", poll_s=0.01)
    queued = [entry for entry in emulator.journal("/ai/run/") if "requests" in str(entry.get("body"))]
    assert len(queued) == 1


ENVELOPE = {"success": True, "errors": [], "messages": []}


@pytest.mark.http
@pytest.mark.parametrize("result", [{}, [1], "text"])
def test_a_batch_that_is_answered_oddly_is_our_error_and_recorded(
    client: Client, emulator: Running, tmp_path: Path, result: object
) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=200, body={**ENVELOPE, "result": result}, times=1)
    with pytest.raises(BrokenAnswerError):
        client.batch("sage", ["a", "b"], poll_s=0.01)
    client.close()
    assert [record["status"] for record in read_records(tmp_path)] == ["BrokenAnswerError"] * 2


@pytest.mark.http
def test_one_odd_item_loses_no_other(client: Client, emulator: Running) -> None:
    good = {"id": 1, "success": True, "result": {"response": "Hi"}}
    answer = {**ENVELOPE, "result": {"responses": [5, {"id": 0, "success": True, "result": "abc"}, good]}}
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=200, body=answer, times=1, after=1)
    odd, fine = client.batch("sage", ["a", "b"], poll_s=0.01)
    assert (odd.answer, fine.error) == (None, None)


@pytest.mark.http
def test_a_slow_batch_ends_at_its_deadline(client: Client, emulator: Running) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", delay_ms=2000, times=1)
    began = time.monotonic()
    with pytest.raises(DeadlineError):
        client.batch("sage", ["a"], poll_s=0.01, deadline_ms=300)
    assert time.monotonic() - began < 1.5


@pytest.mark.http
def test_a_batch_whose_answer_drips_ends_at_its_deadline(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    with serving(drip_body) as settings:
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", settings.url)
        began = time.monotonic()
        with Client(config, settings) as client, pytest.raises(DeadlineError):
            client.batch("sage", ["a"], deadline_ms=250)
    assert time.monotonic() - began < 0.85


@pytest.mark.http
def test_a_batch_keeps_its_connection(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    connect = httpcore.SyncBackend.connect_tcp

    def counted(backend: httpcore.SyncBackend, host: str, port: int, *more: Any) -> httpcore.NetworkStream:
        made.append(port)
        return connect(backend, host, port, *more)

    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", counted)
    client.batch("sprinter", ["a", "b"], user="ada", poll_s=0.01)
    assert len(made) == 1


@pytest.mark.http
def test_an_api_token_that_is_refused_is_said_to_be_and_no_token_is_shown(
    client: Client, emulator: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    api_token = "test_" * 8
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", api_token)
    said = {"success": False, "errors": [{"code": 10000, "message": f"not {api_token}, {TEST_TOKEN}"}]}
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=403, body=said)
    with pytest.raises(UnauthorizedError, match="CLOUDFLARE_API_TOKEN") as caught:
        client.batch("sage", ["a"])
    assert "not ***, ***" in str(caught.value)


@pytest.mark.http
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"status": 503, "body": "<html>"}, {"status": 429}, {"reset": True}]
)
def test_a_poll_that_breaks_off_is_repeated(client: Client, emulator: Running, fault: dict[str, Any]) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", **fault, times=1, after=1)
    (job,) = client.batch("sage", ["a"], poll_s=0.01)
    assert job.answer is not None


@pytest.mark.http
def test_polls_that_break_off_for_ever_end_at_the_deadline_and_say_why(
    client: Client, emulator: Running, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=500, after=1)
    with pytest.raises(DeadlineError, match=r"The last poll failed: .*HTTP 500") as caught:
        client.batch("sage", ["a"], poll_s=0.01, deadline_ms=300)
    client.close()
    (record,) = read_records(tmp_path)
    assert (record["status"], record["trace"]) == ("DeadlineError", caught.value.trace)
    assert caplog.text.count("asked for again") == 1


@pytest.mark.http
def test_a_poll_that_is_refused_for_good_is_not_repeated(client: Client, emulator: Running) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=400, after=1)
    with pytest.raises(AnsweredNoError) as caught:
        client.batch("sage", ["a"], poll_s=0.01)
    assert caught.value.status == 400


@pytest.mark.http
def test_a_batch_that_cannot_be_queued_is_not_queued_twice(client: Client, emulator: Running) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=500)
    with pytest.raises(AnsweredNoError):
        client.batch("sage", ["a"], poll_s=0.01)
    assert len(emulator.journal("/ai/run/")) == 1


@pytest.mark.http
def test_a_batch_whose_task_is_cancelled_leaves_no_thread_behind(
    config: CompiledConfig, emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", emulator.control_plane)

    async def cancelling() -> None:
        settings = Settings(ACCOUNT, TEST_TOKEN, emulator.data_plane)
        async with AsyncClient(config, settings, records=tmp_path) as client:
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(client.batch("sage", ["a"], poll_s=30), 0.5)
            await asyncio.get_running_loop().shutdown_default_executor()

    began = time.monotonic()
    asyncio.run(cancelling())
    assert time.monotonic() - began < 5
    assert [record["status"] for record in read_records(tmp_path)] == ["cancelled"]


@pytest.mark.parametrize("poll_s", [0, -1, "5", None, True, float("nan"), 1e9])
def test_a_pause_between_polls_that_is_none_is_refused_before_anything_is_queued(
    config: CompiledConfig, poll_s: Any
) -> None:
    with pytest.raises(InputError, match="poll_s"):
        Gateway().client(config).batch("sage", ["a"], poll_s=poll_s)


@pytest.mark.parametrize("address", ["http://127.0.0.1:port", "nonsense", "\udcff", "http://api.test/client/v4"])
def test_a_batch_with_an_address_that_no_token_may_go_to_is_a_missing_setting(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", address)
    with pytest.raises(MissingSettingError, match="CLOUDFLARE_BASE_URL"):
        Gateway().client(config).batch("sage", ["a"])


def test_a_batch_of_a_tenant_speaks_with_its_adapter(rich: CompiledConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    sent: list[Any] = []

    def post(api: ControlPlane, path: str, body: Any) -> Any:
        sent.append(body)
        done = {"responses": [{"id": 0, "result": {"response": "Hi"}}]}
        return {"request_id": "r"} if "requests" in body else done

    monkeypatch.setattr(ControlPlane, "post", post)
    Gateway().client(rich).batch("voice", ["a"], tenant="acme")
    assert sent[0]["requests"][0]["lora"] == "acme-tone"


def test_a_batch_without_an_api_token_is_a_missing_setting(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUDFLARE_API_TOKEN", raising=False)
    with pytest.raises(MissingSettingError, match="CLOUDFLARE_API_TOKEN"):
        Gateway().client(config).batch("sage", ["a"])


@pytest.mark.parametrize("inputs", [[], "text", ["a"] * 1001, [""]])
def test_a_batch_of_nothing_or_too_much_is_refused(config: CompiledConfig, inputs: list[str]) -> None:
    with pytest.raises(InputError):
        Gateway().client(config).batch("sprinter", inputs)


def test_another_upstream_queues_nothing(tmp_path: Path) -> None:
    config = compiled(tmp_path, MODELS, {name: f"version: 1\n{text.strip()}\n" for name, text in ROUTES.items()})
    with pytest.raises(InputError, match="only Workers AI queues batches"):
        Gateway().client(config).batch("elsewhere", ["a"])


@pytest.mark.http
@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["whole", "half \ud800"], {}),
        (["a"], {"parameters": {"seed": {1}}}),
        (["a"], {"parameters": {"seed": float("nan")}}),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_queued(
    client: Client, emulator: Running, texts: list[str], options: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=r"half a character|cannot be written as JSON"):
        client.batch("sprinter", texts, poll_s=0.01, **options)
    assert emulator.journal("/ai/run/") == []
