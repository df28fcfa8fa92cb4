"""What only an emulator has: faults, clock, chance, state, journal, and its command line."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator import journal
from tests.emulator.clock import parse_timestamp
from tests.emulator.server import TEST_TOKEN, Running
from tests.emulator_tests.given import LLAMA, MINIMAL, chat_body, end, model, rate, start

pytestmark = pytest.mark.http
GATEWAYS = "/ai-gateway/gateways"
CHAT = "/compat/chat/completions"
DIRECT = chat_body(f"workers-ai/{LLAMA}")


def test_a_fault_answers_in_place_of_the_service(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("/client/*", status=503, body={"oops": True}, times=1)
    reply = control.get(GATEWAYS)
    assert (reply.status_code, reply.json()) == (503, {"oops": True})
    assert control.get(GATEWAYS).status_code == 200


def test_a_fault_begins_after_n_requests(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("*/gateways", status=500, after=2, times=1)
    assert [control.get(GATEWAYS).status_code for _ in range(4)] == [200, 200, 500, 200]


def test_a_fault_can_be_for_one_method(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("*", method="POST", status=500)
    assert control.get(GATEWAYS).status_code == 200
    assert control.post(GATEWAYS, json={}).status_code == 500


def test_a_fault_can_reset_the_connection(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("*", reset=True, times=1)
    with pytest.raises(httpx.TransportError):
        control.get(GATEWAYS)
    assert control.get(GATEWAYS).status_code == 200


def test_a_fault_can_cut_an_answer_short(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("*", truncate=5, times=1)
    with pytest.raises(httpx.RemoteProtocolError, match="received 5 bytes"):
        control.get(GATEWAYS)


def test_a_fault_can_delay(emulator: Running, control: httpx.Client) -> None:
    emulator.fault("*", delay_ms=80, times=1)
    began = time.perf_counter()
    assert control.get(GATEWAYS).status_code == 200
    assert time.perf_counter() - began >= 0.08


def test_a_fault_that_cannot_be_read_is_refused_with_the_known_fields(emulator: Running) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="unknown 'statuss'; a fault has path, method"):
        emulator.fault("*", statuss=500)


def test_state_can_be_taken_out_and_put_back(
    emulator: Running, control: httpx.Client, route: Callable[..., Any]
) -> None:
    made = route([start("m"), model("m", LLAMA), end()])
    state = emulator.admin("GET", "/state")
    emulator.reset()
    assert control.get(f"{GATEWAYS}/gw").status_code == 404
    emulator.admin("PUT", "/state", state)
    assert control.get(f"{GATEWAYS}/gw/routes/{made['id']}").json()["result"] == made


def test_a_broken_state_is_refused_and_changes_nothing(
    emulator: Running, control: httpx.Client, gateway: Callable[..., str]
) -> None:
    gateway()
    for broken in ({}, {"format": 1}, {"format": 1, "accounts": {"a": {"Gateways": {"all": 3}}}}):
        with pytest.raises(httpx.HTTPStatusError):
            emulator.admin("PUT", "/state", broken)
    assert control.get(f"{GATEWAYS}/gw").status_code == 200


def test_one_seed_gives_one_sequence_of_ids(
    emulator: Running, control: httpx.Client, route: Callable[..., Any]
) -> None:
    elements = [start("m"), model("m", LLAMA), end()]
    first = route(elements)["id"]
    emulator.reset()
    control.post(GATEWAYS, json={"id": "gw", **MINIMAL})
    again = control.post(f"{GATEWAYS}/gw/routes", json={"name": "chat", "elements": elements})
    assert again.json()["result"]["id"] == first


def test_the_journal_masks_tokens(emulator: Running, control: httpx.Client) -> None:
    control.get(GATEWAYS)
    assert TEST_TOKEN not in json.dumps(emulator.journal())


def percentages(*labels: str) -> str:
    """A body for /walk: start and one percentage element with these outputs."""
    outputs = {label: {"elementId": "start"} for label in labels}
    elements = [start("p"), {"id": "p", "type": "percentage", "outputs": outputs}]
    return json.dumps({"elements": elements, "draws": [5]})


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/clock", '{"advance_s": 1e18}'),
        ("POST", "/clock", '{"advance_s": NaN}'),
        ("GET", "/journal?limit=some", ""),
        ("POST", "/faults", '{"path": "/v1/*", "status": 99999}'),
        ("POST", "/models", '{"model": "m", "failures": [{"status": 0}]}'),
        ("POST", "/walk", percentages()),
        ("POST", "/walk", percentages("half")),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(emulator: Running, method: str, path: str, body: str) -> None:
    reply = httpx.request(method, f"{emulator.url}/_emulator{path}", content=body, verify=False)
    assert (reply.status_code, list(reply.json())) == (400, ["error"])
    assert abs(clock_s(emulator) - time.time()) < 60
    assert emulator.admin("GET", "/faults") == {"faults": []}


def clock_s(emulator: Running) -> float:
    return parse_timestamp(emulator.admin("POST", "/clock", {})["now"])


def test_a_journal_is_read_whole_by_a_limit_beyond_it(emulator: Running, control: httpx.Client) -> None:
    control.get(GATEWAYS)
    assert len(emulator.journal(limit=10**30)) == 1


@pytest.mark.parametrize("body", [{}, {"format": 1, "accounts": {}}])
def test_of_assumptions_with_an_unknown_one_none_is_switched(emulator: Running, body: dict[str, Any]) -> None:
    switched = {"missing-key": "as-in-mongodb", "nope": "1"}
    method, path = ("PUT", "/state") if body else ("POST", "/assumptions")
    with pytest.raises(httpx.HTTPStatusError, match="no assumption is named 'nope'"):
        emulator.admin(method, path, {**body, "assumptions": switched} if body else switched)
    questions = emulator.admin("GET", "/assumptions")["assumptions"]
    assert [one["chosen"] for one in questions if one["name"] == "missing-key"] == ["false"]


def test_an_unknown_assumption_is_refused_with_the_known_names(emulator: Running) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=r"no assumption is named 'nope'; there are: .*missing-key"):
        emulator.assume(nope="yes")


def test_an_unknown_choice_is_refused(emulator: Running) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="missing-key can be false or as-in-mongodb"):
        emulator.assume(missing_key="perhaps")


def test_a_model_says_what_it_was_told_to_say(
    emulator: Running, data: httpx.Client, gateway: Callable[..., str]
) -> None:
    gateway()
    emulator.programme(LLAMA, answers=["Yes."])
    said = [data.post(CHAT, json=DIRECT).json()["choices"][0]["message"]["content"] for _ in range(2)]
    assert said[0] == "Yes."
    assert said[1] != "Yes."


@pytest.mark.parametrize("body", [{"draws": [100]}, {"draws": "3"}, {}])
def test_draws_out_of_range_are_refused(emulator: Running, body: Any) -> None:
    with pytest.raises(httpx.HTTPStatusError, match="integers from 0 to 99"):
        emulator.admin("POST", "/draws", body)


@contextmanager
def process(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The emulator as a process, and its URL from the ready line."""
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        assert running.stdout
        line = running.stdout.readline()
        try:
            yield running, line.removeprefix("emulator ready ").strip()
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(timeout=10)


def test_the_command_prints_where_it_listens_and_ends_with_0_on_ctrl_c() -> None:
    with process() as (running, url):
        assert httpx.get(f"{url}/_emulator", verify=False).json()["ready"] is True
    assert running.returncode == 0


def test_the_command_keeps_its_state_in_a_file(tmp_path: Path) -> None:
    kept = str(tmp_path / "state.json")
    headers = {"Authorization": f"Bearer {TEST_TOKEN}"}
    with process("--state", kept) as (_, url):
        at = f"{url}/client/v4/accounts/a{GATEWAYS}"
        httpx.post(at, json={"id": "gw", **MINIMAL}, headers=headers, verify=False).raise_for_status()
    with process("--state", kept) as (_, url):
        again = httpx.get(f"{url}/client/v4/accounts/a{GATEWAYS}/gw", headers=headers, verify=False)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--assume", "nope=1"], 2, "no assumption is named 'nope'"),
        (["--assume", "missing-key"], 2, "expected NAME=CHOICE"),
        (["--s3", "localhost:5000"], 2, "expected http://HOST:PORT, not 'localhost:5000'"),
        (["--port", "1", "--host", "203.0.113.1"], 3, "Try --port 0"),
    ],
)
def test_wrong_usage_is_one_sentence(arguments: list[str], code: int, words: str) -> None:
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, "Traceback" in ended.stderr) == (code, False)
    assert words in ended.stderr


def test_a_state_file_that_is_no_state_is_refused(tmp_path: Path) -> None:
    kept = tmp_path / "state.json"
    kept.write_text("{oops")
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", "--state", str(kept)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, "is not JSON" in ended.stderr) == (2, True)


def test_the_journal_forgets_the_oldest_when_bodies_are_many(
    emulator: Running, control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "KEPT_BYTES", 250)
    for letter in "abc":
        control.post(GATEWAYS, content=letter * 100)
    assert [entry["body"][0] for entry in emulator.journal()] == ["b", "c"]


def test_a_state_file_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    kept = tmp_path / "nowhere" / "state.json"
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", "--state", str(kept)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (ended.returncode, "No such file or directory" in ended.stderr) == (2, True)


def test_a_state_file_that_is_gone_later_stops_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with process("--state", str(folder / "state.json")) as (_, url):
        (folder / "state.json").unlink()
        folder.rmdir()
        at = f"{url}/client/v4/accounts/a{GATEWAYS}"
        headers = {"Authorization": f"Bearer {TEST_TOKEN}"}
        reply = httpx.post(at, json={"id": "gw", **MINIMAL}, headers=headers, verify=False)
    assert reply.status_code == 200


def test_a_state_put_back_is_the_state_taken_out(
    emulator: Running, control: httpx.Client, route: Callable[..., Any]
) -> None:
    route([start("m"), model("m", LLAMA), end()])
    control.post("/r2/buckets", json={"name": "logs"}).raise_for_status()
    control.post("/ai/finetunes", json={"model": "@cf/google/gemma-7b-it-lora", "name": "x"}).raise_for_status()
    group = {"id": "4dc8917b4b40457d88d3035d5dadb054"}
    policy = {"effect": "allow", "resources": {"com.cloudflare.api.account.a": "*"}, "permission_groups": [group]}
    control.post("/tokens", json={"name": "x", "policies": [policy]}).raise_for_status()
    emulator.assume(missing_key="as-in-mongodb")
    state = emulator.admin("GET", "/state")
    emulator.reset()
    emulator.admin("PUT", "/state", state)
    assert emulator.admin("GET", "/state") == state


def test_a_reset_in_the_middle_of_a_request_harms_nobody(
    emulator: Running, data: httpx.Client, route: Callable[..., Any]
) -> None:
    limited = rate("r", "m", "m", limitType="cost")
    route([start("r"), limited, model("m", LLAMA), end()])
    emulator.programme(LLAMA, latency={"p50_ms": 100})
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(data.post, CHAT, json=chat_body())
        time.sleep(0.05)
        emulator.reset()
        assert waiting.result().status_code == 200
