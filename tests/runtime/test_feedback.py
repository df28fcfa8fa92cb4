"""Feedback is always in our records, and in the gateway's log where that is possible."""

import time
from pathlib import Path
from typing import Any

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, InputError, Settings
from gateway_config.runtime.records import feedback, ledger
from gateway_config.runtime.records.feedback import Feedback
from gateway_config.runtime.records.segments import read_records
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy
from tests.runtime.test_network import drip_body, serving
from tests.runtime.world import TOKEN, Gateway

API_TOKEN = "test_" * 8


def feedback_in(folder: Path) -> list[dict[str, Any]]:
    return [record for record in read_records(folder) if record["type"] == "feedback"]


def test_a_thumb_a_score_and_a_note_are_recorded_with_the_trace(config: CompiledConfig, tmp_path: Path) -> None:
    with Gateway().client(config, records=tmp_path) as client:
        answer = client.ask("sprinter", "Hi")
        noted = client.feedback(answer, thumb="down", score=20, note="too long")
    (record,) = feedback_in(tmp_path)
    assert (record["trace"], record["id"]) == (answer.trace, answer.trace.split(".")[1])
    assert (record["thumb"], record["score"], record["note"]) == (-1, 20, "too long")
    assert record["feedback_id"] == noted.id
    assert noted.why_not == "CLOUDFLARE_API_TOKEN is not set"


def test_a_trace_is_enough(config: CompiledConfig, tmp_path: Path) -> None:
    with Gateway().client(config, records=tmp_path) as client:
        trace = client.ask("sprinter", "Hi").trace
        assert not client.feedback(trace, thumb="up").in_gateway_log
    assert feedback_in(tmp_path)[0]["thumb"] == 1


@pytest.mark.parametrize(
    ("about", "said"),
    [
        ("no trace", {"thumb": "up"}),
        ("0123456789ab.ffffffffffff0011223344556677.1", {"thumb": "up"}),
        (f"0123456789ab.01a1fd8e8f170011223344556677.{'1' * 5000}", {"thumb": "up"}),
        ("0123456789ab.01a1fd8e8f170011223344556677.1", {}),
        ("0123456789ab.01a1fd8e8f170011223344556677.1", {"thumb": "yes"}),
        ("0123456789ab.01a1fd8e8f170011223344556677.1", {"score": 101}),
        ("0123456789ab.01a1fd8e8f170011223344556677.1", {"score": True}),
        ("0123456789ab.01a1fd8e8f170011223344556677.1", {"note": "x" * 2001}),
    ],
)
def test_feedback_that_says_nothing_is_refused(
    config: CompiledConfig, tmp_path: Path, about: str, said: dict[str, Any]
) -> None:
    with Gateway().client(config, records=tmp_path) as client, pytest.raises(InputError):
        client.feedback(about, **said)
    assert feedback_in(tmp_path) == []


def test_feedback_without_records_is_refused(config: CompiledConfig) -> None:
    client = Gateway().client(config)
    with pytest.raises(InputError, match="GATEWRIGHT_RECORDS"):
        client.feedback(client.ask("sprinter", "Hi"), thumb="up")


@pytest.fixture
def settings(config: CompiledConfig, emulator: Running, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Those of the deployed config, whose API token may write the log."""
    deploy(emulator, config)
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", TEST_TOKEN)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", emulator.control_plane)
    return Settings(ACCOUNT, TEST_TOKEN, emulator.data_plane)


@pytest.mark.http
def test_the_gateways_log_has_it_where_the_token_may(
    config: CompiledConfig, tmp_path: Path, emulator: Running, settings: Settings
) -> None:
    with Client(config, settings, records=tmp_path) as client:
        noted = client.feedback(client.ask("sprinter", "Hi"), thumb="up", score=90)
    told = [entry for entry in emulator.journal("/logs/") if entry["method"] == "PATCH"]
    assert len(told) == 1
    assert noted.in_gateway_log == (told[0]["status"] == 200)


@pytest.mark.http
def test_a_trace_leads_to_the_log_by_its_record(
    config: CompiledConfig, tmp_path: Path, emulator: Running, settings: Settings
) -> None:
    with Client(config, settings, records=tmp_path) as client:
        client.ask("sprinter", "Hi")
        answer = client.ask("sprinter", "Hi again")
    with Client(config, settings, records=tmp_path) as client:
        client.feedback(answer.trace, score=50)
    (told,) = [entry for entry in emulator.journal("/logs/") if entry["method"] == "PATCH"]
    assert told["path"].endswith(f"/logs/{answer.log_id}")


def test_a_trace_is_known_while_the_record_of_its_call_still_waits(
    config: CompiledConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger, "GATHER_S", 60)
    with Gateway().client(config, records=tmp_path) as client:
        noted = client.feedback(client.ask("sprinter", "Hi").trace, thumb="up")
    assert noted.why_not == "CLOUDFLARE_API_TOKEN is not set"


def test_a_note_alone_is_nothing_for_the_log(
    config: CompiledConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", API_TOKEN)
    with Gateway().client(config, records=tmp_path) as client:
        noted = client.feedback(client.ask("sprinter", "Hi"), note="nice")
    assert (noted.in_gateway_log, noted.why_not) == (False, "the log takes a thumb or a score, and no note")


def answered_by(address: str, config: CompiledConfig, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Feedback:
    """What became of a feedback where the API is at this address."""
    monkeypatch.setenv("CLOUDFLARE_API_TOKEN", API_TOKEN)
    monkeypatch.setenv("CLOUDFLARE_BASE_URL", address)
    with Gateway().client(config, records=folder) as client:
        return client.feedback(client.ask("sprinter", "Hi"), thumb="up")


@pytest.mark.http
def test_a_log_whose_answer_drips_is_waited_for_no_longer_than_a_moment(
    config: CompiledConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feedback, "LONGEST_S", 0.3)
    began = time.monotonic()
    with serving(drip_body) as settings:
        noted = answered_by(settings.url, config, tmp_path, monkeypatch)
    assert time.monotonic() - began < 1.5
    assert not noted.in_gateway_log
    assert len(feedback_in(tmp_path)) == 1


@pytest.mark.http
def test_why_the_log_has_it_not_is_said_without_a_token(
    config: CompiledConfig, tmp_path: Path, emulator: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {"success": False, "errors": [{"code": 10000, "message": f"not {API_TOKEN}, {TOKEN}"}]}
    emulator.fault("/client/v4/accounts/*/ai-gateway/*", status=403, body=said)
    noted = answered_by(emulator.control_plane, config, tmp_path, monkeypatch)
    assert "not ***, ***" in (noted.why_not or "")


@pytest.mark.parametrize("address", ["http://127.0.0.1:port", "nowhere"])
def test_an_address_that_is_none_is_a_reason_and_the_feedback_is_kept(
    config: CompiledConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    noted = answered_by(address, config, tmp_path, monkeypatch)
    assert noted.why_not
    assert len(feedback_in(tmp_path)) == 1
