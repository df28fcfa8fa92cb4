"""Plain `pulumi preview` and `pulumi up`, as people with the Pulumi CLI run them, give what `gatewright` gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from gateway_config.cloudflare.control_plane import ControlPlane
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.stand_in.project import ROOT, TEST_ACCOUNT, edit, project_environment, write_project

pytestmark = pytest.mark.engine
STAND_IN = ROOT / "tests" / "language_host" / "bin"


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


def pulumi(project: Path, emulator: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the CLI, with the real Python host where it is, else with the stand-in."""
    path = f"{ROOT / '.tools' / 'pulumi' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    if shutil.which("pulumi-language-python", path=path) is None:
        path = f"{STAND_IN}{os.pathsep}{path}"
    environment = {**os.environ, **project_environment(project, emulator.url), "PATH": path}
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


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


def test_a_route_that_was_made_elsewhere_is_imported_by_its_name(project: Path, emulator: Running) -> None:
    assert pulumi(project, emulator, "stack", "init", "imported").returncode == 0
    gateways = f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways"
    settings = {"cache_invalidate_on_update": False, "cache_ttl": 0, "collect_logs": True}
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        api.post(gateways, {"id": "elsewhere", **settings, "rate_limiting_interval": 0, "rate_limiting_limit": 0})
        start = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "end"}}}
        elements = [start, {"id": "end", "type": "end", "outputs": {}}]
        api.post(f"{gateways}/elsewhere/routes", {"name": "theirs", "elements": elements})
    id = f"{TEST_ACCOUNT}/elsewhere/theirs"
    words = ("import", "gatewright:index:Route", "theirs", id, "--yes", "--skip-preview", "--generate-code=false")
    done = pulumi(project, emulator, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    state = json.loads(pulumi(project, emulator, "stack", "export").stdout)["deployment"]["resources"]
    (route,) = [resource for resource in state if resource["type"] == "gatewright:index:Route"]
    assert (route["inputs"]["name"], route["inputs"]["elements"].keys()) == ("theirs", {"start", "end"})
