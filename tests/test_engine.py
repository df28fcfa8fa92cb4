"""The real engine on the emulator: what exists already, hand edits, and runs that were killed.

The whole story from an edit in YAML to a healed hand edit is in test_journey.py.
"""

from __future__ import annotations

import copy
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from infra import stage_stack
from infra.changes import Outcome
from infra.engine import Engine
from infra.engine_errors import EngineError
from tests.emulator.server import TEST_TOKEN, Running
from tests.stand_in.event_loops import collected_at_once
from tests.stand_in.project import TEST_ACCOUNT, edit, project_environment, write_project

pytestmark = pytest.mark.engine

GATEWAYS = f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways"
GATEWAY = f"{GATEWAYS}/inference-dev"
ROUTES = f"{GATEWAY}/routes"


class Stage:
    """A project of its own on the emulator, with ways past the engine."""

    def __init__(self, folder: Path, emulator: Running) -> None:
        self.folder = write_project(folder)
        self.emulator = emulator
        self.environment = {**os.environ, **project_environment(folder, emulator.url)}
        self.api = ControlPlane(TEST_TOKEN, emulator.control_plane)

    def preview(self) -> Outcome:
        return Engine(self.folder, "dev", environment=self.environment).preview()

    def up(self) -> Outcome:
        return Engine(self.folder, "dev", environment=self.environment).up()

    def edit_split(self) -> None:
        edit(self.folder / "gateway_config/routes/quick-chat.yaml", {"challenger: 10": "challenger: 20"})

    def routes(self) -> dict[str, Any]:
        return {route["name"]: route for route in self.api.pages(ROUTES, "routes")}

    def gateways(self) -> list[Any]:
        return list(self.api.pages(GATEWAYS, "gateways"))

    def deploy(self, name: str, elements: list[Any]) -> None:
        path = f"{ROUTES}/{self.routes()[name]['id']}"
        version = self.api.post(f"{path}/versions", {"elements": elements})["version_id"]
        self.api.post(f"{path}/deployments", {"version_id": version})

    def live(self, name: str) -> list[Any]:
        elements: list[Any] = self.api.get(f"{ROUTES}/{self.routes()[name]['id']}")["version"]["data"]
        return elements

    def versions(self, name: str) -> int:
        return len(list(self.api.pages(f"{ROUTES}/{self.routes()[name]['id']}/versions", "versions")))


@pytest.fixture
def stage(tmp_path: Path, emulator: Running) -> Any:
    stage = Stage(tmp_path, emulator)
    with stage.api:
        yield stage


def steps(outcome: Outcome) -> list[tuple[str, str]]:
    return sorted((change.operation, change.name) for change in outcome.changes)


def leaves(outcome: Outcome) -> list[str]:
    return [str(leaf) for change in outcome.changes for leaf in change.differences]


def make_gateway(stage: Stage, cache_ttl: int) -> None:
    settings = {"cache_invalidate_on_update": False, "cache_ttl": cache_ttl, "collect_logs": True}
    limits = {"rate_limiting_interval": 0, "rate_limiting_limit": 0}
    stage.api.post(GATEWAYS, {"id": "inference-dev", **settings, **limits})


def files(folder: Path) -> dict[Path, bytes]:
    """All files but the CLI's own: its home, and the mark of a backend's format."""
    found = (file for file in folder.rglob("*") if file.is_file() and "home" not in file.parts)
    return {file: file.read_bytes() for file in found if not file.name.startswith("meta.yaml")}


def test_a_preview_changes_no_file_also_where_the_stage_was_never_made(stage: Stage) -> None:
    before = files(stage.folder)
    plan = stage.preview()
    assert ("create", "gateway") in steps(plan)
    assert "stage dev is new: it has no Pulumi.dev.yaml and no stack" in plan.notices
    assert files(stage.folder) == before


def test_a_slip_of_a_stage_s_name_is_asked_about(stage: Stage) -> None:
    stage.up()
    plan = Engine(stage.folder, "devv", environment=stage.environment).preview()
    assert 'stage devv is new: it has no Pulumi.devv.yaml and no stack. Did you mean "dev"?' in plan.notices
    assert not (stage.folder / "Pulumi.devv.yaml").exists()


def test_a_gateway_that_is_there_already_is_taken_in_and_made_as_declared(stage: Stage) -> None:
    make_gateway(stage, cache_ttl=60)
    stage.api.put(GATEWAY, stage.api.get(GATEWAY) | {"otel": _SWITCHED_ON["otel"]})
    assert ("import", "gateway") in steps(stage.preview())
    outcome = stage.up()
    assert "gateway inference-dev exists already and is not in this stack: taken in" in outcome.notices
    assert stage.api.get(GATEWAY)["cache_ttl"] == 0
    assert not [text for text in files(stage.folder / "state").values() if b"test-authorization" in text]
    assert steps(stage.preview()) == []


def test_hand_edits_are_seen_and_healed_and_what_means_the_same_is_not_an_edit(stage: Stage) -> None:
    stage.up()
    settings = stage.api.get(GATEWAY)
    stage.api.put(GATEWAY, {key: settings[key] for key in _FULL_PUT} | {"rate_limiting_limit": 5})
    renamed = json.loads(json.dumps(stage.live("seeing")).replace("seeing.", "by-hand."))
    stage.deploy("seeing", list(reversed(renamed)))
    slower = copy.deepcopy(stage.live("quick-chat"))
    next(item for item in slower if item["id"] == "quick-chat.champion")["properties"]["timeout"] = 1234
    stage.deploy("quick-chat", slower)
    stage.api.delete(f"{ROUTES}/{stage.routes()['reasoning']['id']}")

    plan = stage.preview()
    assert steps(plan) == [("create", "reasoning"), ("update", "gateway"), ("update", "quick-chat")]
    assert [change.name for change in plan.drift if change.operation == "delete"] == ["reasoning"]
    limit = settings["rate_limiting_limit"]
    assert sorted(leaves(plan)) == [
        'elements["quick-chat.champion"].properties.timeout: 1234 => 8000',
        f"rateLimitingLimit: 5 => {limit}",
    ]
    stage.up()
    assert steps(stage.preview()) == []
    assert stage.api.get(GATEWAY)["rate_limiting_limit"] == limit
    assert stage.versions("seeing") == 2, "the graph with other names was left alone"


def test_a_route_that_was_renamed_by_hand_gets_its_name_back_and_is_not_replaced(stage: Stage) -> None:
    stage.up()
    route = stage.routes()["quick-chat"]
    stage.api.patch(f"{ROUTES}/{route['id']}", {"name": "by-hand"})
    plan = stage.preview()
    assert steps(plan) == [("update", "quick-chat")]
    assert leaves(plan) == ["name: by-hand => quick-chat"]
    stage.up()
    assert stage.routes()["quick-chat"]["id"] == route["id"]
    assert stage.versions("quick-chat") == 1
    assert steps(stage.preview()) == []


_FULL_PUT = (
    "authentication",
    "cache_invalidate_on_update",
    "cache_ttl",
    "collect_logs",
    "rate_limiting_interval",
    "rate_limiting_limit",
    "rate_limiting_technique",
)


def test_what_is_switched_on_by_hand_is_seen_and_healed_also_where_the_yaml_says_nothing_of_it(stage: Stage) -> None:
    stage.up()
    settings = stage.api.get(GATEWAY)
    stage.api.put(GATEWAY, {key: settings[key] for key in _FULL_PUT} | _SWITCHED_ON)
    plan = stage.preview()
    (by_hand,) = plan.drift
    names = ["dlp", "guardrails", "otels", "retryMaxAttempts", "spendLimits", "stripe"]
    assert [leaf.path for leaf in by_hand.differences] == names
    assert [change.name for change in plan.changes] == ["gateway"]
    assert "retryMaxAttempts: 4 => none" in leaves(plan)
    assert "otels: [secret] => []" in leaves(plan)
    assert not [leaf for leaf in leaves(plan) if "test-authorization" in leaf], "no secret is shown"
    stage.up()
    healed = stage.api.get(GATEWAY)
    assert {key: healed[key] for key in _SWITCHED_ON} == {key: settings[key] for key in _SWITCHED_ON}
    assert steps(stage.preview()) == []


def test_null_for_nothing_is_no_difference_even_to_a_provider_that_tells_them_apart(stage: Stage) -> None:
    stage.environment["STAND_IN_LITERAL"] = "1"
    stage.up()
    settings = {key: value for key, value in stage.api.get(GATEWAY).items() if key in _FULL_PUT}
    for echo in (
        {"otel": None, "spend_limits": None},
        {"otel": [], "spend_limits": {"enabled": False, "rules": []}},
        {"otel": [], "spend_limits": {"enabled": False}},
    ):
        stage.api.put(GATEWAY, settings | echo)
        plan = stage.preview()
        assert (plan.changes, plan.drift) == ((), ()), echo


def test_an_authorization_given_by_hand_is_not_kept_in_plain_text_where_up_fails(stage: Stage) -> None:
    stage.up()
    settings = stage.api.get(GATEWAY)
    given = {key: _SWITCHED_ON[key] for key in ("otel", "stripe")}
    stage.api.put(GATEWAY, {key: settings[key] for key in _FULL_PUT} | given)
    stage.emulator.fault(f"/client/v4{GATEWAY}", method="PUT", status=400, times=9)
    with collected_at_once(), pytest.raises(EngineError):
        stage.up()
    written = [file.read_text() for file in (stage.folder / "state").rglob("*.json*")]
    assert [text for text in written if "stripe" in text and "otels" in text]
    assert not [text for text in written if "test-authorization" in text]


_SWITCHED_ON: dict[str, Any] = {
    "dlp": {"enabled": True, "action": "FLAG", "profiles": []},
    "guardrails": {"prompt": {"S1": "FLAG"}, "response": {}},
    "otel": [{"url": "https://collector.example/v1", "headers": {}, "authorization": "test-authorization"}],
    "retry_max_attempts": 4,
    "spend_limits": {"enabled": True, "rules": [{"limitType": "cost", "limit": 1, "window": 60}]},
    "stripe": {"authorization": "test-authorization", "usage_events": []},
}


def test_a_gateway_that_was_deleted_by_hand_is_made_again_with_its_routes(stage: Stage) -> None:
    stage.up()
    stage.api.delete(GATEWAY)
    stage.up()
    assert sorted(stage.routes()) == ["quick-chat", "reasoning", "seeing"]


# --- a run that is killed ---


def up_at_work(stage: Stage, path: str, delay_ms: int) -> subprocess.Popen[str]:
    """A `gatewright up` whose POST to a path is under way."""
    stage.emulator.fault(f"/client/v4{path}", method="POST", delay_ms=delay_ms, times=1)
    command = [
        sys.executable,
        "-c",
        "from gateway_config.cli import main; main()",
        "up",
        "--project",
        str(stage.folder),
    ]
    run = subprocess.Popen(command, env=stage.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _wait_until(lambda: all(fault["times"] == 0 for fault in stage.emulator.admin("GET", "/faults")["faults"]))
    return run


def kill_during(stage: Stage, path: str, killed: str) -> None:
    """Starts `gatewright up`, and kills it as soon as the POST to a path is under way."""
    run = up_at_work(stage, path, delay_ms=600)
    time.sleep(0.2)
    engines = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=True).stdout.split()
    pids: dict[str, list[str]] = {"engine": engines, "us": [str(run.pid)], "both": [*engines, str(run.pid)]}
    for pid in pids[killed]:
        os.kill(int(pid), signal.SIGKILL)
    run.communicate(timeout=30)
    time.sleep(0.6)  # the request that was under way is still carried out


def _wait_until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited for 30 s"
        time.sleep(0.02)


@pytest.mark.parametrize(("path", "killed"), [(GATEWAYS, "engine"), (ROUTES, "both")], ids=["gateway", "route"])
def test_a_first_up_that_was_killed_is_finished_by_the_next(stage: Stage, path: str, killed: str) -> None:
    kill_during(stage, path, killed)
    stage.up()
    assert steps(stage.preview()) == []
    assert sorted(stage.routes()) == ["quick-chat", "reasoning", "seeing"]
    assert stage.versions("quick-chat") == 1


def test_a_destroy_removes_what_a_killed_up_was_making(stage: Stage) -> None:
    kill_during(stage, GATEWAYS, "engine")
    assert len(stage.gateways()) == 1
    Engine(stage.folder, "dev", environment=stage.environment).destroy()
    assert stage.gateways() == []


def test_an_edit_that_was_killed_is_finished_without_another_version(stage: Stage) -> None:
    stage.up()
    stage.edit_split()
    kill_during(stage, f"{ROUTES}/*/deployments", "us")
    stage.up()
    assert steps(stage.preview()) == []
    assert stage.versions("quick-chat") == 2


def test_a_ctrl_c_finishes_what_is_under_way_and_the_next_up_the_rest(stage: Stage) -> None:
    run = up_at_work(stage, ROUTES, delay_ms=1500)
    run.send_signal(signal.SIGINT)
    said = run.communicate(timeout=30)
    assert (run.returncode, said) == (130, ("", "Interrupted. `gatewright up` again does what is left.\n"))
    assert not list((stage.folder / "state/.pulumi/locks").rglob("*.json")), "its lock is gone"
    made = stage.routes()
    outcome = stage.up()
    assert not [notice for notice in outcome.notices if "interrupted" in notice], "nothing was left half done"
    assert steps(stage.preview()) == []
    assert {name: route["id"] for name, route in stage.routes().items() if name in made} == {
        name: route["id"] for name, route in made.items()
    }
    assert stage.versions("quick-chat") == 1


@pytest.mark.parametrize("seen_by", ["us", "the engine"])
def test_of_two_ups_at_once_the_second_is_told_and_the_first_loses_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, seen_by: str
) -> None:
    stage.up()
    stage.edit_split()
    first = up_at_work(stage, f"{ROUTES}/*/versions", delay_ms=600)
    first.send_signal(signal.SIGSTOP)  # its engine waits for it, and keeps the lock
    monkeypatch.setattr(stage_stack, "LOCK_PATIENCE_S", 0.0)
    if seen_by == "the engine":  # both looked for a lock before either had one, or the state lies where we see none
        monkeypatch.setattr(stage_stack, "locks", lambda *place: [])
    monkeypatch.setattr(Engine, "_made_after_all", pytest.fail)  # it would take what the first one makes for ours
    holder = rf"Somebody else works on stage dev: \S+ on {re.escape(socket.gethostname())}, process \d+, since \S+\."
    with pytest.raises(EngineError, match=rf"{holder} Nothing was changed\. Wait, then try again\."):
        stage.up()
    first.send_signal(signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert steps(stage.preview()) == []
    assert stage.versions("quick-chat") == 2


def test_who_comes_second_is_told_who_is_at_work(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_stack, "LOCK_PATIENCE_S", 0.0)
    locks = stage.folder / "state/.pulumi/locks/organization/gatewright/dev"
    locks.mkdir(parents=True)
    told = {"pid": 7, "username": "ada", "hostname": f"not-{socket.gethostname()}", "timestamp": "2026-11-21T09:00:00Z"}
    (locks / "lock.json").write_text(json.dumps(told))
    with pytest.raises(EngineError, match="Somebody else works on stage dev: ada on not-"):
        stage.up()


def test_a_wrong_passphrase_is_one_sentence(stage: Stage) -> None:
    stage.up()
    stage.environment["PULUMI_CONFIG_PASSPHRASE"] = "another"
    with pytest.raises(EngineError, match="PULUMI_CONFIG_PASSPHRASE is not the passphrase"):
        stage.preview()


def test_a_gateway_that_exists_is_explained_to_those_who_run_plain_pulumi(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_gateway(stage, cache_ttl=0)
    monkeypatch.setattr(Engine, "_existing_unknown", lambda *_: [])
    with pytest.raises(EngineError, match=r"exists already.*`gatewright up` takes it in"):
        stage.up()
