"""The parts of infra that need no engine: settings, locks, inputs of the gateway, reports, what commands refuse."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_config.commands.app import app_for
from gateway_config.config import GatewayFile
from gateway_config.errors import ConfigError, UsageError
from infra import report
from infra.changes import ROUTE_TYPE, Difference, Outcome, ResourceChange, value_at
from infra.engine_setup import read_yaml
from infra.gateway_inputs import gateway_inputs
from infra.locks import locks, remove_dead_locks, restore_state
from infra.settings import settings_of
from infra.tokens import USES, use_of
from tests.emulator.server import Running
from tests.stand_in.project import write_project
from tests.stand_in.types import AI_GATEWAY

TOKEN = "test-" * 8
FILE = Path("Pulumi.dev.yaml")

# --- settings ---


@pytest.fixture(autouse=True)
def event_loop() -> Iterator[None]:
    """Pulumi's outputs want a current event loop, and an earlier test's `asyncio.run` has taken it away."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


def test_the_account_comes_from_the_stack_or_the_environment_which_wins() -> None:
    config = {"gatewright:account": "a" * 32}
    assert settings_of(config, "dev", {}, FILE).account == "a" * 32
    assert settings_of(config, "dev", {"CLOUDFLARE_ACCOUNT_ID": "b" * 32}, FILE).account == "b" * 32


def test_the_stage_is_the_stack_unless_it_is_told() -> None:
    environment = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32}
    assert settings_of({}, "prod", environment, FILE).stage == "prod"
    assert settings_of({"gatewright:stage": "prod"}, "blue", environment, FILE).stage == "prod"


def test_a_missing_account_says_both_ways_to_name_it() -> None:
    with pytest.raises(UsageError, match=r"CLOUDFLARE_ACCOUNT_ID, or run `pulumi config set gatewright:account"):
        settings_of({}, "dev", {}, FILE)


def test_a_credential_in_plain_text_is_refused_without_being_shown() -> None:
    with pytest.raises(ConfigError, match="gatewright:token looks like a credential") as caught:
        settings_of({"gatewright:account": "a" * 32, "gatewright:token": TOKEN}, "dev", {}, FILE)
    assert TOKEN not in str(caught.value)


# --- locks ---


def lock(folder: Path, pid: int, host: str) -> Path:
    file = folder / f".pulumi/locks/organization/gatewright/dev/{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": pid, "username": "ada", "hostname": host, "timestamp": "2026-11-21T09:00:00Z"}))
    return file


NOBODY = 2**22 + 1  # beyond any process id of Linux


def test_the_lock_of_a_dead_process_is_removed(tmp_path: Path) -> None:
    file = lock(tmp_path, NOBODY, socket.gethostname())
    (removed,) = remove_dead_locks(f"file://{tmp_path}", "gatewright", "dev")
    assert str(removed) == f"ada on {socket.gethostname()}, process {NOBODY}, since 2026-11-21T09:00:00Z"
    assert not file.exists()


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    lock(tmp_path, NOBODY, "elsewhere")
    assert remove_dead_locks(f"file://{tmp_path}", "gatewright", "dev") == []
    assert len(locks(f"file://{tmp_path}", "gatewright", "dev")) == 1


def test_a_process_that_runs_keeps_its_lock_unless_the_system_says_that_it_is_another_program(tmp_path: Path) -> None:
    lock(tmp_path, os.getpid(), socket.gethostname())
    removed = remove_dead_locks(f"file://{tmp_path}", "gatewright", "dev")
    assert bool(removed) == Path("/proc/self/stat").exists()


def test_a_backend_that_is_no_folder_has_no_locks_that_we_can_see() -> None:
    assert locks("s3://state?region=auto", "gatewright", "dev") == []


# --- the gateway's inputs ---


def stock_source() -> Path:
    spec = find_spec("pulumi_cloudflare")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "ai_gateway.py"


def stock_arguments(name: str) -> set[str]:
    """The arguments of a class of pulumi_cloudflare, without importing it."""
    tree = ast.parse(stock_source().read_text())
    args = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    init = next(node for node in args.body if isinstance(node, ast.FunctionDef) and node.name == "__init__")
    return {_camel(argument.arg) for argument in init.args.kwonlyargs}


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def file_with(**gateway: Any) -> GatewayFile:
    models = {"fast": {"upstream": "workers-ai", "model": "@cf/meta/fast", "kind": "chat"}}
    return GatewayFile.model_validate({"version": 1, "gateway": {"id": "inference", **gateway}, "models": models})


EVERYTHING: dict[str, Any] = {
    "rate_limit": {"requests": 600, "window_s": 60},
    "guardrails": {"prompt": {"S1": "block"}, "response": {}},
    "data_loss_prevention": {"action": "flag", "profiles": ["p1"]},
    "spend_limits": [
        {"usd": Decimal(5), "window_s": 3600, "models": ["fast"], "per": "tenant_id"},
        {"usd": Decimal(9), "window_s": 60},
    ],
    "telemetry": [{"url": "https://otel.example.com/v1", "authorization_env": "OTEL_AUTHORIZATION"}],
}
ENVIRONMENT = {"OTEL_AUTHORIZATION": "test-authorization"}


def test_every_input_of_the_gateway_is_one_of_the_stock_provider() -> None:
    assert gateway_inputs(file_with(**EVERYTHING), ENVIRONMENT).keys() <= stock_arguments("AiGatewayArgs")


def stock_outputs(*, optional: bool) -> set[str]:
    """The stock gateway's properties: left out, computed ones keep what is live, optional ones are off."""
    told = re.findall(r"def (\w+)\(self\) -> pulumi\.Output\[(Optional\[)?", stock_source().read_text())
    return {_camel(name) for name, marked in told if bool(marked) == optional}


def test_whatever_the_stock_provider_would_leave_as_it_is_live_is_declared() -> None:
    settable = stock_arguments("AiGatewayArgs") & stock_outputs(optional=False)
    inputs = gateway_inputs(file_with(), {})
    assert settable - {"accountId", "aiGatewayId"} <= {key for key, value in inputs.items() if value is not None}


def test_the_stand_in_takes_as_off_what_the_stock_provider_does() -> None:
    assert AI_GATEWAY.unset_is_off == stock_outputs(optional=True)


def test_a_gateway_without_a_limit_has_it_switched_off() -> None:
    inputs = gateway_inputs(file_with(), {})
    assert (inputs["rateLimitingInterval"], inputs["rateLimitingLimit"]) == (0, 0)


def test_guardrails_have_both_halves() -> None:
    inputs = gateway_inputs(file_with(**EVERYTHING), ENVIRONMENT)
    assert inputs["guardrails"] == {"prompt": {"s1": "BLOCK"}, "response": {}}


def test_every_spend_rule_has_an_id_of_its_own() -> None:
    first, second = gateway_inputs(file_with(**EVERYTHING), ENVIRONMENT)["spendLimits"]["rules"]
    assert first["id"] != second["id"]
    assert first["model"] == {"mode": "filter", "values": ["@cf/meta/fast"]}
    assert first["metadata"] == {"tenant_id": {"mode": "partition"}}


def test_a_secret_of_telemetry_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="OTEL_AUTHORIZATION is not set"):
        gateway_inputs(file_with(**EVERYTHING), {})


# --- tokens ---


def test_a_preview_may_ask_workers_ai_only_where_there_are_adapters_to_list() -> None:
    assert "Workers AI Read" not in use_of("preview", has_adapters=False).groups
    assert "Workers AI Read" in use_of("preview", has_adapters=True).groups
    assert use_of("write-logs", has_adapters=True) == USES["write-logs"]


# --- property paths and reports ---


def test_a_value_is_found_by_its_property_path() -> None:
    properties = {"elements": {"chat.a": {"outputs": {"10%": "x"}}}, "list": [{"a": 1}]}
    assert value_at(properties, 'elements["chat.a"].outputs["10%"]') == "x"
    assert value_at(properties, "list[0].a") == 1
    assert value_at(properties, 'elements["ghost"].outputs') is None


def outcome(*changes: ResourceChange, drift: tuple[ResourceChange, ...] = (), notices: tuple[str, ...] = ()) -> Outcome:
    return Outcome(changes, drift, notices, {}, 1.23)


SPLIT = ResourceChange(
    "update",
    "gatewright:index:Route",
    "quick-chat",
    (Difference("split.challenger", 10, 20), Difference("split.champion", 90, 80)),
    {"split": {"champion": 90, "challenger": 10}},
    {"split": {"champion": 80, "challenger": 20}},
)


def test_a_changed_split_is_told_in_leaves_shares_and_buckets() -> None:
    assert list(report.lines(outcome(SPLIT), done=False)) == [
        "~ update Route quick-chat",
        "    split.challenger: 10 => 20",
        "    split.champion: 90 => 80",
        "    shares: champion 90 %, challenger 10 % => champion 80 %, challenger 20 %",
        "    10 of 100 buckets move from champion to challenger",
        "1 to update (1.2 s)",
    ]


def test_nothing_to_change_is_said() -> None:
    assert list(report.lines(outcome(), done=False)) == ["nothing to change (1.2 s)"]


def test_a_held_route_is_not_told_as_one_that_up_puts_back() -> None:
    by_hand = ResourceChange("refresh", ROUTE_TYPE, "quick-chat", (Difference("split.challenger", 10, 5),))
    held = replace(outcome(SPLIT, drift=(by_hand,)), held=("quick-chat",))
    assert list(report.lines(held, done=False)) == [
        "= held: Route quick-chat, which `up` leaves as it is",
        "    split.challenger: 10 => 20",
        "    split.champion: 90 => 80",
        "nothing to change but what is held (1.2 s)",
    ]
    told = report.as_json(held)
    assert (told["held"], told["drift"], told["changes"]) == (["quick-chat"], [], [])


def test_the_end_of_a_hold_is_told_in_words() -> None:
    ended = ResourceChange("update", ROUTE_TYPE, "quick-chat", (Difference("held", True, None),))
    _, leaf, _ = report.lines(outcome(ended), done=True)
    assert leaf == "    no longer held: the config agrees with what is live"


def test_what_was_deleted_by_hand_is_said_so() -> None:
    deleted = ResourceChange("delete", ROUTE_TYPE, "chat")
    first, *_ = report.lines(outcome(drift=(deleted,)), done=False)
    assert first == "! changed by hand: deleted Route chat"


def test_what_was_changed_by_hand_comes_first() -> None:
    by_hand = ResourceChange("refresh", "gatewright:index:Route", "chat", (Difference("split.a", 90, 50),))
    first, second, *_ = report.lines(outcome(drift=(by_hand,), notices=("note this",)), done=False)
    assert (first, second) == ("note: note this", "! changed by hand: Route chat")


def test_the_report_as_json_has_leaves_and_shares() -> None:
    (change,) = json.loads(json.dumps(report.as_json(outcome(SPLIT))))["changes"]
    assert change["differences"][0] == {"path": "split.challenger", "before": 10, "after": 20}
    assert change["shares"]["after"] == {"champion": 80, "challenger": 20}


# --- commands ---


def run(*words: str, **environment: str) -> Any:
    told = {"PULUMI_CONFIG_PASSPHRASE": "test-passphrase", "CLOUDFLARE_ACCOUNT_ID": "a" * 32, **environment}
    return CliRunner().invoke(app_for(words), list(words), env=told)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path)


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    result = run("preview", "--project", str(tmp_path))
    assert result.exit_code == 2
    assert f"there is no Pulumi.yaml in {tmp_path}" in result.stderr


def test_a_problem_of_the_config_comes_with_its_place_before_anything_else(project: Path) -> None:
    route = project / "gateway_config/routes/quick-chat.yaml"
    route.write_text(route.read_text().replace("challenger: 10", "challenger: 10.5"))
    result = run("up", "--project", str(project))
    assert result.exit_code == 1
    assert re.search(r"routes/quick-chat\.yaml:\d+:\d+ ", result.stderr)


def test_a_missing_passphrase_is_one_sentence(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    result = CliRunner().invoke(app_for(["up"]), ["up", "--project", str(project)])
    assert result.exit_code == 2
    assert "PULUMI_CONFIG_PASSPHRASE is not set" in result.stderr


@pytest.mark.http
def test_nobody_at_the_address_is_one_sentence(project: Path) -> None:
    result = run("preview", "--project", str(project), "--emulator", "http://127.0.0.1:9")
    assert result.exit_code == 3
    assert result.stderr.startswith("Cannot reach 127.0.0.1")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.http
def test_a_wrong_token_is_one_sentence(project: Path, emulator: Running) -> None:
    words = ("preview", "--project", str(project), "--emulator", emulator.url)
    result = run(*words, CLOUDFLARE_API_TOKEN="short")
    assert result.exit_code == 3
    assert "CLOUDFLARE_API_TOKEN" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_destroy_asks_first(project: Path) -> None:
    result = run("destroy", "--project", str(project))
    assert result.exit_code == 2
    assert "Nothing was removed" in result.stderr


def test_a_stage_with_thresholds_is_not_destroyed_and_nobody_is_even_asked(project: Path) -> None:
    nobody = "http://127.0.0.1:9"
    result = run("destroy", "--yes", "--stage", "prod", "--project", str(project), "--emulator", nobody)
    assert result.exit_code == 3
    assert result.stderr.startswith("Stage prod has thresholds, so it is not destroyed. Nothing was changed.")


def test_state_lies_beside_the_project_unless_it_is_told(project: Path) -> None:
    from infra.engine import Engine

    engine = Engine(project, "dev", environment={})
    assert engine.backend_url == f"file://{project}/.state"
    assert Engine(project, "dev", environment={"PULUMI_BACKEND_URL": "s3://state"}).backend_url == "s3://state"


@pytest.mark.parametrize("text", ["config: [\n", "- a\n", "config: \x00\n"])
def test_a_stage_file_that_is_no_mapping_is_one_sentence(tmp_path: Path, text: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"Pulumi\.dev\.yaml.*Mend it"):
        read_yaml(file)


@pytest.mark.parametrize("left", ["", '{"version": 3, "checkp'])
def test_a_state_that_was_cut_short_is_replaced_by_the_one_before_it(tmp_path: Path, left: str) -> None:
    state = tmp_path / ".pulumi" / "stacks" / "gatewright" / "dev.json"
    state.parent.mkdir(parents=True)
    state.write_text(left)
    place = (f"file://{tmp_path}", "gatewright", "dev")
    assert not restore_state(*place), "there is none before it"
    state.with_name("dev.json.bak").write_text('{"version": 3}')
    assert restore_state(*place)
    assert state.read_text() == '{"version": 3}'
    assert not restore_state(*place), "what is whole stays as it is"
