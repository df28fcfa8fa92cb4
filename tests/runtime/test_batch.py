"""Batches: queued once, polled, and joined to their inputs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, InputError, Settings
from gateway_config.runtime.segments import read_records
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT
from tests.runtime.test_asking import MODELS, ROUTES
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
    texts = [f"question {number}" for number in range(30)]
    jobs = client.batch("sprinter", texts, poll_s=0.01)
    assert [job.index for job in jobs] == list(range(30))
    answers = [job.answer for job in jobs if job.answer is not None]
    assert len(answers) == 30
    assert {answer.assigned_arm for answer in answers} == {"champion", "challenger"}
    assert all(answer.assigned_arm == answer.served_by.arm for answer in answers)
    client.close()
    assert len(list(read_records(tmp_path))) == 30
    assert len(emulator.journal("/ai/run/")) < 10


@pytest.mark.http
def test_all_of_one_user_are_one_request(client: Client, emulator: Running) -> None:
    client.batch("sprinter", ["a", "b", "c"], user="ada", poll_s=0.01)
    queued = [entry for entry in emulator.journal("/ai/run/") if "requests" in str(entry.get("body"))]
    assert len(queued) == 1


@pytest.mark.parametrize("inputs", [[], "text", ["a"] * 1001, [""]])
def test_a_batch_of_nothing_or_too_much_is_refused(config: CompiledConfig, inputs: list[str]) -> None:
    with pytest.raises(InputError):
        Gateway().client(config).batch("sprinter", inputs)


def test_another_upstream_queues_nothing(tmp_path: Path) -> None:
    config = compiled(tmp_path, MODELS, {name: f"version: 1\n{text.strip()}\n" for name, text in ROUTES.items()})
    with pytest.raises(InputError, match="only Workers AI queues batches"):
        Gateway().client(config).batch("elsewhere", ["a"])
