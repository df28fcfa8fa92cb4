"""With the real engine: a gateway that was made elsewhere becomes config and stack, and the next preview is empty."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_config.commands.app import app_for
from gateway_config.control_plane import ControlPlane
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


def test_what_is_imported_previews_as_nothing_to_change(tmp_path: Path, emulator: Running) -> None:
    project = write_project(tmp_path)
    shutil.rmtree(project / "gateway_config")
    environment = {**os.environ, **project_environment(project, emulator.url)}
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        make_gateway(api)
    said = take_in(project, environment).splitlines()
    assert said.count("in the stack: AiGateway gateway") == 1
    config = project / "gateway_config"
    assert "fallback" in (config / "routes/chain.yaml").read_text(), "the readable form"
    assert "elements" in (config / "routes/by-hand.yaml").read_text(), "what it cannot say stays as it is"
    outcome = Engine(project, "dev", environment=environment).preview()
    assert [str(leaf) for change in outcome.changes for leaf in change.differences] == []
    assert outcome.changes == ()


def take_in(project: Path, environment: dict[str, str]) -> str:
    words = ["import", "--gateway", "acme-dev", "--stage", "dev", "--project", str(project)]
    result = CliRunner().invoke(app_for(words), words, env=environment)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_the_config_says_otherwise_is_taken_in_as_it_is_and_previewed(tmp_path: Path, emulator: Running) -> None:
    project = write_project(tmp_path)
    shutil.rmtree(project / "gateway_config")
    environment = {**os.environ, **project_environment(project, emulator.url)}
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        make_gateway(api)
    take_in(project, environment)
    file = project / "gateway_config/routes/chain.yaml"
    file.write_text(file.read_text().replace("9000", "8000"))
    shutil.rmtree(project / "state/.pulumi")
    take_in(project, environment)
    outcome = Engine(project, "dev", environment=environment).preview()
    assert [(change.operation, change.name) for change in outcome.changes] == [("update", "chain")]


def test_a_gateway_of_another_stage_is_refused_with_the_stage_that_fits(tmp_path: Path, emulator: Running) -> None:
    project = write_project(tmp_path)
    words = ["import", "--gateway", "acme-prod", "--stage", "dev", "--project", str(project)]
    result = CliRunner().invoke(app_for(words), words, env=project_environment(project, emulator.url))
    assert result.exit_code == 2
    assert "--stage prod" in result.stderr
