"""The commands: what they print, and how they end."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import typer
from moto.server import ThreadedMotoServer
from typer.testing import CliRunner, Result

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.commands.app import app_for
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.records.reader import RecordReader
from gateway_config.runtime.records.usage import table, usage_rows
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy, routes_path
from tests.runtime.test_kinds import MODELS, ROUTES, WAV
from tests.runtime.world import GEMMA, Gateway, answering, compiled, gateway_error

Run = Callable[..., Result]


@pytest.fixture
def run() -> Run:
    def run(*words: str) -> Result:
        app: typer.Typer = app_for(words)
        return CliRunner().invoke(app, list(words))

    return run


@pytest.fixture
def records(config: CompiledConfig, tmp_path: Path) -> Path:
    """Three calls of two tenants: one priced, one unpriced, one failed."""
    folder = tmp_path / "records"
    priced, failed = answering(model=GEMMA), gateway_error(400, 2005, "No")
    with Gateway(priced, answering(), failed).client(config, records=folder) as client:
        client.ask("sage", "Hi", tenant="acme")
        client.ask("sprinter", "Hi", tenant="acme", arm="champion")
        with pytest.raises(Exception, match="No"):
            client.ask("sprinter", "Hi", tenant="other", arm="champion")
    return folder


# --- usage --------------------------------------------------------------------------------------------------------


def test_usage_counts_calls_failures_tokens_and_cost(run: Run, records: Path) -> None:
    result = run("usage", "--records", str(records), "--by", "tenant", "--json")
    acme, other = json.loads(result.stdout)
    assert (acme["calls"], acme["failed"], acme["tokens_in"], acme["unpriced"]) == (2, 0, 20, 1)
    assert acme["cost_usd"] == "0.000002500"
    assert (other["calls"], other["failed"], other["tokens_in"], other["cost_usd"]) == (1, 1, None, None)


def test_what_is_not_known_stands_as_a_question_mark(run: Run, records: Path) -> None:
    line = run("usage", "--records", str(records), "--by", "tenant").stdout.splitlines()[2]
    assert line.split()[:5] == ["other", "1", "1", "?", "?"]


def test_usage_comes_as_csv(run: Run, records: Path) -> None:
    lines = run("usage", "--records", str(records), "--by", "route", "--format", "csv").stdout.splitlines()
    assert lines[0].startswith("route,calls,failed")
    assert [line.partition(",")[0] for line in lines[1:]] == ["quick-chat", "reasoning"]


def test_csv_without_calls_has_its_names_all_the_same(run: Run, records: Path) -> None:
    words = ("usage", "--records", str(records), "--by", "route", "--format", "csv")
    (names,) = run(*words, "--since", "9999-01-01").stdout.splitlines()
    assert names == run(*words).stdout.splitlines()[0]


def test_a_record_that_arrived_twice_counts_once(records: Path) -> None:
    (segment,) = records.iterdir()
    segment.with_name("copy.jsonl").write_bytes(segment.read_bytes())
    assert sum(row["calls"] for row in usage_rows(RecordReader(records), ["day"])) == 3


def test_the_rate_of_hits_is_that_of_the_calls_with_a_cache(records: Path) -> None:
    one, *_ = RecordReader(records)
    asked = [{**one, "id": str(number), "cache": cache} for number, cache in enumerate(("hit", "miss", None, None))]
    assert usage_rows(asked, [])[0]["hit_rate"] == 0.5


def test_where_no_cache_was_asked_the_rate_of_hits_is_unknown(records: Path) -> None:
    (row,) = usage_rows(RecordReader(records), [])
    assert row["hit_rate"] is None


ODD = {
    "text for a number": {"total_ms": "abc"},
    "no time": {"total_ms": None},
    "infinite": {"total_ms": float("inf")},
    "not a number": {"total_ms": float("nan")},
    "negative": {"tokens_in": -1},
    "true for a number": {"tokens_in": True},
    "as long as one can read": {"tokens_in": 10**4200},
    "no decimal": {"cost_usd": "sNaN"},
    "a number for text": {"cost_usd": 1.5},
    "no attempts": {"attempts": "three"},
    "odd attempts": {"attempts": [{"number": 1}]},
    "no text": {"route": ["a"]},
    "nested metadata": {"metadata": {"a": {}}},
    "a later schema": {"v": 2},
    "another type": {"type": "batch"},
    "no type": {"type": []},
}


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_a_line_that_is_no_record_is_counted_and_told(run: Run, records: Path, change: Mapping[str, Any]) -> None:
    (segment,) = records.iterdir()
    line = json.loads(segment.read_text().splitlines()[0])
    (records / "odd.jsonl").write_text(json.dumps({**line, "id": "odd", **change}) + "\n")
    result = run("usage", "--records", str(records), "--by", "kind", "--json")
    assert result.exit_code == 0
    assert [row["calls"] for row in json.loads(result.stdout)] == [3]
    assert result.stderr.startswith("1 line is no record of version 1, and not counted")


def test_lines_that_are_no_objects_are_told_and_empty_ones_are_not(run: Run, records: Path) -> None:
    lines = ["[1]", '"a"', "null", '{"torn": ', "[" * 100_000, "", "\xff"]
    (records / "odd.jsonl").write_text("\n".join(lines) + "\n", encoding="latin-1")
    assert run("usage", "--records", str(records)).stderr.startswith("6 lines are no record")


def test_a_feedback_is_no_odd_line(run: Run, records: Path, config: CompiledConfig) -> None:
    with Gateway().client(config, records=records) as client:
        client.feedback(client.ask("sage", "Hi"), thumb="up")
    assert run("usage", "--records", str(records)).stderr == ""


def test_no_calls_are_no_table() -> None:
    assert table([]) == "no calls are recorded."


def test_usage_by_something_else_or_of_nowhere_is_refused(run: Run, records: Path, tmp_path: Path) -> None:
    assert run("usage", "--records", str(records), "--by", "colour").exit_code == 2
    assert run("usage", "--records", str(tmp_path / "nowhere")).exit_code == 2
    assert run("usage", "--records", str(records), "--since", "yesterday").exit_code == 2
    assert run("usage", "--records", str(records), "--since", "2026-02-30").exit_code == 2


def test_usage_may_begin_at_a_day(run: Run, records: Path) -> None:
    assert run("usage", "--records", str(records), "--since", "2026-01-01", "--json").stdout != "[]\n"
    assert run("usage", "--records", str(records), "--since", "9999-01-01", "--json").stdout == "[]\n"


# --- why ----------------------------------------------------------------------------------------------------------


def test_why_tells_what_was_declared_the_way_and_who_served(
    run: Run, config: CompiledConfig, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("why")
    own = compiled(folder)
    with Gateway(answering(model=GEMMA)).client(own, records=tmp_path) as client:
        trace = client.ask("sprinter", "Hi", arm="challenger").trace
    text = run("why", trace, "--records", str(tmp_path), "--config", str(folder)).stdout
    assert f"routes/quick-chat.yaml:5:1  (config {own.routes['quick-chat'].config_digest[:12]})" in text
    assert "assigned  challenger (pinned by the caller)" in text
    assert f"served    {GEMMA} (gemma)" in text
    assert "quick-chat.in.challenger" in text
    assert "attempt 1 ok" in text
    assert "cost      0.000002500 USD" in text


def test_why_finds_a_call_by_any_of_its_attempts(run: Run, config: CompiledConfig, tmp_path: Path) -> None:
    with Gateway().client(config, records=tmp_path) as client:
        trace = client.ask("sprinter", "Hi").trace
    assert run("why", trace.removesuffix(".1"), "--records", str(tmp_path), "--json").exit_code == 0


def test_why_finds_a_call_whose_clock_was_set_anew(run: Run, records: Path) -> None:
    trace = next(iter(RecordReader(records)))["trace"]
    for segment in records.glob("*.jsonl"):
        segment.rename(records / f"20200101T000000.0Z-1-{segment.name[-14:]}")
    assert run("why", trace, "--records", str(records)).exit_code == 0


@pytest.mark.parametrize("trace", ["nonsense", "0123456789ab.01a1fd8e8f170011223344556677.1"])
def test_why_of_what_is_not_recorded_says_so(run: Run, tmp_path: Path, trace: str) -> None:
    result = run("why", trace, "--records", str(tmp_path))
    assert result.exit_code == 2
    assert "trace" in result.stderr or "no record" in result.stderr


# --- against the emulator -----------------------------------------------------------------------------------------


@pytest.fixture
def stage(emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A config folder whose routes are deployed, and an environment that leads there."""
    folder = tmp_path / "config"
    routes = {name: f"version: 1\n{text}\n" for name, text in ROUTES.items()}
    routes["talk"] = "version: 1\nkind: chat\nintents: [talk]\narms: {one: {model: gemma}}\n"
    gemma = f'  gemma: {{upstream: workers-ai, model: "{GEMMA}", kind: chat}}\n'
    config = compiled(folder, MODELS.rstrip() + "\n" + gemma, routes)
    deploy(emulator, config)
    for name, value in {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "GATEWRIGHT_TOKEN": TEST_TOKEN,
        "GATEWRIGHT_URL": emulator.data_plane,
        "GATEWRIGHT_CONFIG": str(folder),
        "GATEWRIGHT_RECORDS": str(tmp_path / "records"),
        "CLOUDFLARE_API_TOKEN": TEST_TOKEN,
        "CLOUDFLARE_BASE_URL": emulator.control_plane,
    }.items():
        monkeypatch.setenv(name, value)
    return folder


@pytest.mark.http
@pytest.mark.parametrize("way", [(), ("--stream",)])
def test_ask_prints_the_answer_and_who_served_beside_it(run: Run, stage: Path, way: tuple[str, ...]) -> None:
    result = run("ask", "talk", "Hello", *way)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("gemma-4-26b-a4b-it: ")
    assert "talk: one, served by gemma" in result.stderr


@pytest.mark.http
def test_ask_as_json_has_everything_but_no_secret(run: Run, stage: Path) -> None:
    result = run("ask", "talk", "Hello", "--json")
    answer = json.loads(result.stdout)
    assert (answer["route"], answer["assigned_arm"], answer["served_by"]["name"]) == ("talk", "one", "gemma")
    assert TEST_TOKEN not in result.output


@pytest.mark.http
def test_a_picture_a_recording_and_a_transcript_are_files(run: Run, stage: Path, tmp_path: Path) -> None:
    picture, speech, recording = tmp_path / "a.png", tmp_path / "a.mp3", tmp_path / "a.wav"
    recording.write_bytes(WAV)
    assert run("image", "artist", "A cat", "-o", str(picture), "--steps", "4").exit_code == 0
    assert run("speak", "announce", "Hello", "-o", str(speech)).exit_code == 0
    assert picture.stat().st_size > 0
    assert speech.stat().st_size > 0
    assert run("transcribe", "hear", str(recording)).stdout.strip()
    assert len(json.loads(run("embed", "vectors", "a", "b", "--json").stdout)["vectors"]) == 2


@pytest.mark.parametrize("words", [("image", "artist", "A cat"), ("speak", "announce", "Hello")])
@pytest.mark.parametrize(("output", "advice"), [(".", "name a file in it"), ("none/a.png", 'make "')])
def test_an_output_that_cannot_be_is_said_before_anything_is_asked(
    run: Run, tmp_path: Path, words: tuple[str, ...], output: str, advice: str
) -> None:
    result = run(*words, "-o", str(tmp_path / output), "--config", str(tmp_path / "no config is read"))
    assert result.exit_code == 2
    assert f'the output "{tmp_path / output}"' in result.stderr
    assert advice in result.stderr


def test_an_output_that_may_not_be_written_is_said_before_anything_is_asked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, _: path != tmp_path)
    result = run("image", "artist", "A cat", "-o", str(tmp_path / "a.png"))
    assert (result.exit_code, "may not be written; name a place that may" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    "words",
    [("transcribe", "hear", "none.wav"), ("image", "artist", "A cat", "-o", "a.png", "--reference", "none.png")],
)
def test_a_file_that_is_not_there_is_wrong_usage(run: Run, words: tuple[str, ...]) -> None:
    result = run(*words)
    assert (result.exit_code, "does not exist" in result.stderr) == (2, True)


@pytest.mark.http
def test_feedback_is_noted(run: Run, stage: Path) -> None:
    trace = json.loads(run("ask", "talk", "Hello", "--json").stdout)["trace"]
    assert run("feedback", trace, "--thumb", "up").stdout.startswith("noted as ")


@pytest.mark.http
def test_feedback_that_cannot_be_noted_is_not_said_to_be(
    run: Run, stage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("GATEWRIGHT_RECORDS", str(tmp_path / "file"))
    result = run("feedback", "0123456789ab.01a1fd8e8f170011223344556677.1", "--thumb", "up", "--config", str(stage))
    assert (result.exit_code, result.stdout) == (2, "")
    assert "the feedback is not noted" in result.stderr


@pytest.mark.http
def test_an_unknown_intent_is_wrong_usage(run: Run, stage: Path) -> None:
    result = run("ask", "tlak", "Hello")
    assert (result.exit_code, 'Did you mean "talk"?' in result.stderr) == (2, True)


@pytest.mark.http
def test_verify_is_quiet_until_something_differs(run: Run, stage: Path, emulator: Running) -> None:
    assert run("verify").stdout == "talk: same\n"
    base = f"/accounts/{ACCOUNT}/ai-gateway/gateways/inference-dev/routes"
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        ((name, id),) = [(item["name"], item["id"]) for item in api.get(base)["routes"]]
        elements = api.get(f"{base}/{id}")["version"]["data"]
        model = next(element for element in elements if element["type"] == "model")
        model["properties"]["timeout"] = 1
        version = api.post(f"{base}/{id}/versions", {"elements": elements})
        api.post(f"{base}/{id}/deployments", {"version_id": version["version_id"]})
        api.post(base, {"name": "extra", "elements": elements})
    result = run("verify")
    assert result.exit_code == 7
    assert "talk: different" in result.stdout
    assert "extra: undeclared" in result.stdout
    assert name == "talk"


@pytest.mark.http
def test_verify_names_a_route_that_is_missing(run: Run, stage: Path, emulator: Running, config: CompiledConfig) -> None:
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        (route,) = api.get(routes_path(config))["routes"]
        api.delete(f"{routes_path(config)}/{route['id']}")
    result = run("verify")
    assert (result.exit_code, result.stdout) == (7, 'talk: missing\n  the gateway has no route "talk"\n')


# --- shipping -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bucket that the environment names; the client is one that we did not write."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    httpx.post(f"{url}/moto-api/reset", trust_env=False)
    for name, value in {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "GATEWRIGHT_R2_URL": url,
        "GATEWRIGHT_USAGE_BUCKET": "usage",
        "GATEWRIGHT_USAGE_TOKEN_ID": "id",
        "GATEWRIGHT_USAGE_TOKEN": TEST_TOKEN,
    }.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3", endpoint_url=url, aws_access_key_id="a", aws_secret_access_key="b", region_name="us-east-1")
    s3.create_bucket(Bucket="usage")
    yield s3
    s3.close()
    server.stop()


def keys_in(bucket: Any) -> list[str]:
    return [item["Key"] for item in bucket.list_objects_v2(Bucket="usage").get("Contents", ())]


@pytest.mark.http
def test_segments_are_shipped_by_their_day_and_removed_here(run: Run, records: Path, bucket: Any) -> None:
    (segment,) = records.iterdir()
    result = run("ship", "--records", str(records))
    day = segment.name[:8]
    assert result.stdout.endswith("1 segments shipped\n")
    assert keys_in(bucket) == [f"usage/{day[:4]}/{day[4:6]}/{day[6:]}/{segment.name}.gz"]
    assert list(records.iterdir()) == []


@pytest.mark.http
def test_a_segment_that_is_shipped_twice_is_there_once(run: Run, records: Path, bucket: Any) -> None:
    for _ in range(2):
        assert run("ship", "--records", str(records), "--keep").exit_code == 0
    assert len(keys_in(bucket)) == 1


@pytest.mark.http
def test_nothing_is_removed_that_did_not_arrive(run: Run, records: Path, bucket: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("GATEWRIGHT_USAGE_BUCKET", "elsewhere")
    result = run("ship", "--records", str(records))
    assert result.exit_code == 3
    assert "the bucket does not exist" in result.stderr
    assert len(list(records.iterdir())) == 1


def test_shipping_without_a_bucket_says_what_is_missing(run: Run, records: Path) -> None:
    result = run("ship", "--records", str(records))
    assert (result.exit_code, "CLOUDFLARE_ACCOUNT_ID is not set" in result.stderr) == (2, True)
