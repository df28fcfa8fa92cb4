"""Plain `pulumi preview` and `pulumi up`, as people with the Pulumi CLI run them, give what `gatewright` gives."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.emulator.server import Running, running_emulator
from tests.language_host.plain import pulumi
from tests.stand_in.project import ROOT, edit, write_project

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def emulator() -> Iterator[Running]:
    with running_emulator(seed=3) as emulator:
        yield emulator


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose program is a file in `main: infra/`, as in the committed Pulumi.yaml."""
    folder = write_project(tmp_path / "project")
    (folder / "infra").mkdir()
    shutil.copy(ROOT / "infra" / "__main__.py", folder / "infra")
    told = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    told["main"] = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["main"]
    told["runtime"]["options"]["virtualenv"] = str(ROOT / ".venv")
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(told, sort_keys=False))
    return folder


def test_plain_pulumi_deploys_what_is_declared_and_then_has_nothing_to_do(project: Path, emulator: Running) -> None:
    assert pulumi(project, emulator, "stack", "init", "plain").returncode == 0
    plan = pulumi(project, emulator, "preview", "--json")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    steps = [step["urn"].split("::")[-1] for step in json.loads(plan.stdout)["steps"] if step["op"] == "create"]
    assert {"gateway", "quick-chat", "reasoning", "seeing"} <= set(steps)
    up = pulumi(project, emulator, "up", "--yes", "--skip-preview")
    assert up.returncode == 0, up.stdout + up.stderr
    again = pulumi(project, emulator, "preview", "--expect-no-changes")
    assert again.returncode == 0, again.stdout + again.stderr
    down = pulumi(project, emulator, "destroy", "--yes", "--skip-preview")
    assert down.returncode == 0, down.stdout + down.stderr


def test_plain_pulumi_shows_the_problems_of_the_config_with_their_place(project: Path, emulator: Running) -> None:
    edit(project / "gateway_config" / "routes" / "quick-chat.yaml", {"challenger: 10": "challenger: 110"})
    assert pulumi(project, emulator, "stack", "init", "broken").returncode == 0
    plan = pulumi(project, emulator, "preview")
    assert plan.returncode != 0
    assert "routes/quick-chat.yaml:" in plan.stdout + plan.stderr
    assert "wrong-value" in plan.stdout + plan.stderr
    assert "Traceback" not in plan.stdout + plan.stderr


def test_the_cli_gets_our_schema_and_finds_nothing_wrong_in_it(project: Path, emulator: Running) -> None:
    plugin = ROOT / "infra/provider/bin/pulumi-resource-gatewright"
    got = pulumi(project, emulator, "package", "get-schema", str(plugin))
    assert got.returncode == 0, got.stderr
    assert json.loads(got.stdout)["resources"].keys() == {
        f"gatewright:index:{name}" for name in ("LogpushJob", "LoraAdapter", "PublishedConfig", "Route")
    }
    (project / "schema.json").write_text(got.stdout)
    checked = pulumi(project, emulator, "schema", "check", "schema.json")
    assert checked.returncode == 0, checked.stdout + checked.stderr
