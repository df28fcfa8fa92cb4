"""With the real engine: a gateway that was made elsewhere becomes config and stack, and the next preview is empty."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.commands.app import app_for
from infra.engine import Engine
from tests.emulator.server import TEST_TOKEN, Running
from tests.stand_in.project import TEST_ACCOUNT, project_environment, write_project

pytestmark = pytest.mark.engine

GATEWAYS = f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways"


def model(id: str, name: str, fallback: str = "end", timeout_ms: int = 9000) -> dict[str, Any]:
    return {
        "id": id,
        "type": "model",
        "properties": {"provider": "workers-ai", "model": name, "timeout": timeout_ms, "retries": 1},
        "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": fallback}},
    }


START = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "a"}}}
END = {"id": "end", "type": "end", "outputs": {}}
CHAIN = [START, model("a", "@cf/meta/llama-3.1-8b-instruct-fast", "b"), model("b", "@cf/openai/gpt-oss-120b"), END]
DASHBOARD = [
    {**START, "outputs": {"next": {"elementId": "p"}}},
    {"id": "p", "type": "percentage", "outputs": {"70%": {"elementId": "a"}, "30%": {"elementId": "b"}}},
    *CHAIN[1:],
]


def make_gateway(api: ControlPlane) -> None:
    settings = {"cache_invalidate_on_update": False, "cache_ttl": 0, "collect_logs": True, "authentication": True}
    limits = {"rate_limiting_interval": 60, "rate_limiting_limit": 50, "rate_limiting_technique": "fixed"}
    api.post(GATEWAYS, {"id": "acme-dev", **settings, **limits})
    for name, elements in (("chain", CHAIN), ("by-hand", DASHBOARD)):
        api.post(f"{GATEWAYS}/acme-dev/routes", {"name": name, "elements": elements})


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without a config."""
    project = write_project(tmp_path)
    shutil.rmtree(project / "gateway_config")
    return project


@pytest.fixture
def environment(project: Path, emulator: Running) -> dict[str, str]:
    return {**os.environ, **project_environment(project, emulator.url)}


@pytest.fixture
def api(emulator: Running) -> Iterator[ControlPlane]:
    """Where a gateway with two routes was made by hand."""
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        make_gateway(api)
        yield api


def test_what_is_imported_previews_as_nothing_to_change(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    said = take_in(project, environment).splitlines()
    assert "in the stack: gateway, by-hand, chain" in said
    config = project / "gateway_config"
    assert "fallback" in (config / "routes/chain.yaml").read_text(), "the readable form"
    assert "elements" in (config / "routes/by-hand.yaml").read_text(), "what it cannot say stays as it is"
    assert nothing_to_change(project, environment)
    api.post(f"{GATEWAYS}/acme-dev/routes", {"name": "later", "elements": CHAIN})
    assert "in the stack: gateway, by-hand, chain, later" in take_in(project, environment)
    assert nothing_to_change(project, environment)


def test_a_route_joins_a_config_that_names_its_models_otherwise_or_lacks_them(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    take_in(project, environment)
    for file in (project / "gateway_config").rglob("*.yaml"):
        file.write_text(re.sub(r"gpt-oss-120b(?=[:,}\n])", "sage", file.read_text()))
    unknown = [START, model("a", "@cf/meta/llama-4-scout-17b-16e-instruct"), END]
    for name, elements in (("later", CHAIN), ("other", unknown)):
        api.post(f"{GATEWAYS}/acme-dev/routes", {"name": name, "elements": elements})
    take_in(project, environment)
    assert "model: sage" in (project / "gateway_config/routes/later.yaml").read_text()
    assert "elements" in (project / "gateway_config/routes/other.yaml").read_text()
    assert nothing_to_change(project, environment)


def test_a_route_whose_name_no_file_can_have_is_refused_before_anything_is_written(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    api.post(f"{GATEWAYS}/acme-dev/routes", {"name": "By_Hand", "elements": CHAIN})
    words = ["import", "--gateway", "acme-dev", "--stage", "dev", "--project", str(project)]
    result = CliRunner().invoke(app_for(words), words, env=environment)
    assert result.exit_code == 2
    assert not (project / "gateway_config").exists()
    others = [*words[:1], "by-hand", "chain", *words[1:]]  # as the message says
    assert CliRunner().invoke(app_for(others), others, env=environment).exit_code == 0
    assert nothing_to_change(project, environment)


@pytest.mark.parametrize(
    ("arguments", "without", "said"),
    [
        ([], "", "Name one with --gateway ID"),
        (["--gateway", "acne-dev"], "", 'The account has no gateway "acne-dev". It has acme-dev.'),
        (["--gateway", "acme-dev"], "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE is not set"),
    ],
)
@pytest.mark.usefixtures("api")
def test_what_import_lacks_is_told_before_anything_is_written(
    arguments: list[str], without: str, said: str, project: Path, environment: dict[str, str]
) -> None:
    words = ["import", *arguments, "--project", str(project)]
    told = {name: None if name == without else value for name, value in environment.items()}
    result = CliRunner().invoke(app_for(words), words, env=told)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (project / "gateway_config").exists()


@pytest.mark.usefixtures("api")
def test_a_script_reads_what_was_imported_as_json(project: Path, environment: dict[str, str]) -> None:
    told = json.loads(take_in(project, environment, "--json"))
    assert (told["gateway"], told["routes"], told["notices"]) == ("acme-dev", ["by-hand", "chain"], [])
    assert [Path(file).name for file in told["written"]] == ["gateway.yaml", "by-hand.yaml", "chain.yaml"]


def nothing_to_change(project: Path, environment: dict[str, str]) -> bool:
    outcome = Engine(project, "dev", environment=environment).preview()
    return (outcome.changes, outcome.drift) == ((), ())


def take_in(project: Path, environment: dict[str, str], *options: str) -> str:
    words = ["import", "--gateway", "acme-dev", "--stage", "dev", "--project", str(project), *options]
    result = CliRunner().invoke(app_for(words), words, env=environment)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("api")
def test_what_the_config_says_otherwise_is_taken_in_as_it_is_and_previewed(
    project: Path, environment: dict[str, str]
) -> None:
    take_in(project, environment)
    file = project / "gateway_config/routes/chain.yaml"
    file.write_text(file.read_text().replace("9000", "8000"))
    shutil.rmtree(project / "state/.pulumi")
    take_in(project, environment)
    outcome = Engine(project, "dev", environment=environment).preview()
    assert [(change.operation, change.name) for change in outcome.changes] == [("update", "chain")]


FULL: dict[str, Any] = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": False,
    "authentication": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
    "log_management": 20_000,
    "log_management_strategy": "DELETE_OLDEST",
    "zdr": True,
    "guardrails": {"prompt": {"S1": "FLAG", "P1": "BLOCK"}, "response": {"S3": "BLOCK"}},
    "dlp": {"enabled": True, "action": "FLAG", "profiles": ["p1", "p2"]},
    "spend_limits": {
        "enabled": True,
        "rules": [
            {
                "id": "by-hand",
                "enabled": True,
                "limitType": "cost",
                "limit": 0.1,
                "window": 3600,
                "technique": "fixed",
                "model": {"mode": "filter", "values": ["@cf/openai/gpt-oss-120b"]},
                "metadata": {"tenant_id": {"mode": "partition"}},
            },
            {"id": "all", "enabled": True, "limitType": "cost", "limit": 9, "window": 60, "technique": "sliding"},
        ],
    },
    "otel": [
        {"url": "https://a.example/v1", "headers": {}, "authorization": "canary-authorization", "content_type": "json"},
        {"url": "https://b.example/v1", "headers": {}, "content_type": "protobuf"},
    ],
}


def everything_told(project: Path, environment: dict[str, str]) -> Iterator[str]:
    """All that a user or a reviewer may see, and all files of the state."""
    for words in (["preview"], ["preview", "--json"], ["preview", "--markdown"], ["up"], ["up", "--json"]):
        told = [*words, "--stage", "dev", "--project", str(project)]
        yield CliRunner().invoke(app_for(told), told, env=environment).output
        yield from (file.read_text(errors="replace") for file in (project / "state").rglob("*") if file.is_file())


def test_all_that_the_yaml_can_say_of_a_gateway_is_carried_over_and_no_secret_with_it(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    api.put(f"{GATEWAYS}/acme-dev", FULL)
    said = take_in(project, environment)
    assert "export OTEL_AUTHORIZATION before `preview` and `up`: what authorizes https://a.example/v1" in said
    assert "not carried over" not in said
    written = [file.read_text(errors="replace") for file in project.rglob("*") if file.is_file()]
    assert not [text for text in written if "canary-authorization" in text]

    environment["OTEL_AUTHORIZATION"] = "canary-authorization"
    assert nothing_to_change(project, environment)
    assert not [text for text in everything_told(project, environment) if "canary-authorization" in text]


def test_another_authorization_than_the_live_one_is_a_change_that_shows_neither(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    api.put(f"{GATEWAYS}/acme-dev", FULL)
    take_in(project, environment)
    environment["OTEL_AUTHORIZATION"] = "canary-another-one"
    told = [*everything_told(project, environment)]
    assert "otels" in told[0]
    assert not [text for text in told if "canary-" in text]
    assert api.get(f"{GATEWAYS}/acme-dev")["otel"][0]["authorization"] == "canary-another-one"


def test_what_the_yaml_cannot_say_is_named_with_a_way_on(
    project: Path, environment: dict[str, str], api: ControlPlane
) -> None:
    api.put(f"{GATEWAYS}/acme-dev", FULL | UNSAID)
    said = take_in(project, environment)
    assert [line.split(": ")[1].split(" (")[0] for line in said.splitlines() if "not carried over" in line] == [
        "cache_ttl",
        "retry_max_attempts",
        "stripe",
        "dlp",
        'spend limit "elsewhere"',
        "the headers of https://a.example/v1",
    ]
    assert "canary-" not in said
    live = api.get(f"{GATEWAYS}/acme-dev")
    assert {key: live[key] for key in UNSAID} == UNSAID, "import changes nothing"
    environment["OTEL_AUTHORIZATION"] = "canary-authorization"
    assert not [text for text in everything_told(project, environment) if "canary-" in text]


UNSAID: dict[str, Any] = {
    "cache_ttl": 300,
    "dlp": {"enabled": False, "action": "FLAG", "profiles": ["p1"]},
    "otel": [{**FULL["otel"][0], "headers": {"x-key": "canary-header"}}],
    "retry_max_attempts": 3,
    "spend_limits": {
        "enabled": True,
        "rules": [
            {
                "id": "elsewhere",
                "enabled": True,
                "limitType": "cost",
                "limit": 1,
                "window": 60,
                "technique": "fixed",
                "provider": {"mode": "filter", "values": ["openai"]},
            }
        ],
    },
    "stripe": {"authorization": "canary-stripe", "usage_events": [{"payload": "{}"}]},
}


def test_a_gateway_of_another_stage_is_refused_with_the_stage_that_fits(tmp_path: Path, emulator: Running) -> None:
    project = write_project(tmp_path)
    words = ["import", "--gateway", "acme-prod", "--stage", "dev", "--project", str(project)]
    result = CliRunner().invoke(app_for(words), words, env=project_environment(project, emulator.url))
    assert result.exit_code == 2
    assert "--stage prod" in result.stderr
