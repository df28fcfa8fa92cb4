"""With the real engine: a rollback that holds, and a stage with thresholds."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.commands.app import app_for
from infra.changes import Outcome
from infra.engine import Engine
from infra.engine_errors import EngineError
from infra.safety import UnsafeError
from tests.emulator.server import TEST_TOKEN, Running
from tests.stand_in.event_loops import collected_at_once
from tests.stand_in.project import TEST_ACCOUNT, edit, project_environment, write_project

pytestmark = pytest.mark.engine


class Stage:
    def __init__(self, folder: Path, emulator: Running, stage: str) -> None:
        self.folder, self.stage = write_project(folder), stage
        self.environment = {**os.environ, **project_environment(folder, emulator.url)}
        self.route = folder / "gateway_config/routes/quick-chat.yaml"

    def engine(self) -> Engine:
        return Engine(self.folder, self.stage, environment=self.environment)

    def preview(self) -> Outcome:
        return self.engine().preview()

    def command(self, *words: str) -> Any:
        told = [*words, "--project", str(self.folder), "--stage", self.stage]
        return CliRunner().invoke(app_for(told), told, env=self.environment)


def test_a_rollback_holds_until_it_is_resumed(tmp_path: Path, emulator: Running) -> None:
    stage = Stage(tmp_path, emulator, "dev")
    stage.engine().up()
    edit(stage.route, {"challenger: 10": "challenger: 20"})
    stage.engine().up()

    rollback = stage.command("rollback", "quick-chat", "--json")
    assert rollback.exit_code == 0, rollback.output
    told = json.loads(rollback.stdout)
    assert told["deployed"] == told["versions"][1]["version_id"]

    plan = stage.preview()
    assert plan.held == ("quick-chat",)
    assert [notice for notice in plan.notices if "is held" in notice]
    edit(stage.folder / "gateway_config/routes/seeing.yaml", {"first_byte_ms: 15000": "first_byte_ms: 16000"})
    with collected_at_once(), pytest.raises(EngineError, match="gatewright resume quick-chat"):
        stage.engine().up()
    assert [change.name for change in stage.preview().changes] == ["quick-chat"], "the other route went on"

    resumed = stage.command("resume", "quick-chat")
    assert resumed.exit_code == 0, resumed.output
    outcome = stage.engine().up()
    assert [str(leaf) for change in outcome.changes for leaf in change.differences] == [
        "split.challenger: 10 => 20",
        "split.champion: 90 => 80",
    ]
    assert stage.preview().changes == ()


def test_prod_refuses_a_jump_before_anything_changes_unless_it_is_overridden(tmp_path: Path, emulator: Running) -> None:
    stage = Stage(tmp_path, emulator, "prod")
    stage.engine().up()
    edit(stage.route, {"challenger: 10": "challenger: 70"})
    with pytest.raises(UnsafeError, match=r'share of "challenger" moves by 60 points \(10 => 70\)'):
        stage.engine().up()
    assert "/versions" not in "".join(call["path"] for call in emulator.journal() if call["method"] == "POST")
    outcome = stage.engine().up(override=True)
    assert [notice for notice in outcome.notices if notice.startswith("overridden: quick-chat")]
    assert [change.name for change in outcome.changes] == ["quick-chat"]


def test_prod_weighs_neither_a_rollback_nor_its_end(tmp_path: Path, emulator: Running) -> None:
    stage = Stage(tmp_path, emulator, "prod")
    stage.engine().up()
    edit(stage.route, {"challenger: 10": "challenger: 70"})
    stage.engine().up(override=True)
    assert stage.command("rollback", "quick-chat").exit_code == 0
    plan = stage.preview()
    assert (plan.held, plan.refusals) == (("quick-chat",), ())
    with collected_at_once(), pytest.raises(EngineError, match="gatewright resume quick-chat"):
        stage.engine().up()
    assert stage.command("resume", "quick-chat").exit_code == 0
    assert [change.name for change in stage.engine().up().changes] == ["quick-chat"]
    assert stage.command("rollback", "quick-chat").exit_code == 0
    assert stage.command("resume", "quick-chat").exit_code == 0
    assert stage.preview().refusals == (), "nor where no `up` came in between"


def gateways(emulator: Running) -> list[str]:
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        return [gateway["id"] for gateway in api.get(f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways")]


def test_prod_refuses_to_lose_a_gateway_in_our_words_and_shows_the_plan(tmp_path: Path, emulator: Running) -> None:
    stage = Stage(tmp_path, emulator, "prod")
    stage.engine().up()
    edit(stage.folder / "gateway_config/gateway.yaml", {"  id: inference\n": "  id: another\n"})
    refused = "gateway: a gateway is never replaced here (aiGatewayId: inference-prod => another-prod)"

    told = stage.command("preview")
    assert told.exit_code == 0, told.output
    assert "± replace AiGateway gateway" in told.stdout
    assert refused in told.stdout
    assert refused in stage.command("preview", "--markdown").stdout
    with pytest.raises(UnsafeError, match=re.escape(refused)):
        stage.engine().up()
    assert gateways(emulator) == ["inference-prod"]

    passed = stage.command("up", "--override")
    assert f"overridden: {refused}" in passed.stdout, passed.output
    assert gateways(emulator) == ["another-prod"]
    assert stage.preview().changes == ()
    assert protected(stage) == ["gateway"], "what is made anew is protected again"


def protected(stage: Stage) -> list[str]:
    state = json.loads((stage.folder / f"state/.pulumi/stacks/gatewright/{stage.stage}.json").read_text())
    resources = state["checkpoint"]["latest"]["resources"]
    return [resource["urn"].split("::")[-1] for resource in resources if resource.get("protect")]
