"""The code that `pulumi import` prints: it runs with the SDK that Pulumi makes of our schema, and changes nothing."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.adapter_on_disk import write_adapter
from tests.language_host import generators
from tests.language_host.plain import brings_generators, pulumi
from tests.stand_in.project import ROOT, TEST_ACCOUNT
from tests.stand_in.stage import Stage, running_stage

pytestmark = pytest.mark.engine
PLUGIN = ROOT / "infra/provider/bin/pulumi-resource-gatewright"


class Stranger:
    """A project of somebody else, who has our plugin and none of our code, beside a stage that is deployed."""

    def __init__(self, folder: Path, stage: Stage) -> None:
        self.folder, self.stage = folder, stage
        folder.mkdir()
        (folder / "program").mkdir()
        options = {"virtualenv": str(ROOT / ".venv")}
        project = {
            "name": "stranger",
            "main": "program/",
            "runtime": {"name": "python", "options": options},
            "plugins": {"providers": [{"name": "gatewright", "path": str(PLUGIN.parent)}]},
        }
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project))
        self.run("stack", "init", "theirs")
        self.run("package", "gen-sdk", str(PLUGIN), "--language", "python", "--out", "sdk")
        self._install()

    def _install(self) -> None:
        """What an installer leaves beside the SDK, which asks for its own version; building it needs the network."""
        told = tomllib.loads((self.folder / "sdk/python/pyproject.toml").read_text())["project"]
        info = self.folder / f"sdk/python/{told['name']}-{told['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n")

    def run(self, *arguments: str) -> str:
        done = pulumi(self.folder, self.stage.emulator, *arguments, python_path=self.folder / "sdk/python")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def imported(self, kind: str, name: str, id: str) -> str:
        """The code that the import prints, which becomes the program."""
        words = (f"gatewright:index:{kind}", name, f"{TEST_ACCOUNT}/{id}")
        self.run("import", *words, "--yes", "--skip-preview", "--protect=false", "--out", "program/__main__.py")
        return self.program.read_text()

    @property
    def program(self) -> Path:
        return self.folder / "program/__main__.py"

    def steps(self) -> list[str]:
        """What an `up` would do, such as `update logs`."""
        steps = json.loads(self.run("preview", "--json"))["steps"]
        changing = [step for step in steps if step["op"] not in ("same", "refresh")]
        return [f"{step['op']} {step['urn'].split('::')[-1]}" for step in changing]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    if not brings_generators():
        generators.build()
    with running_stage(tmp_path_factory.mktemp("ours")) as stage:
        stage.run("up")
        yield stage


@pytest.fixture
def stranger(stage: Stage, tmp_path: Path) -> Stranger:
    return Stranger(tmp_path / "theirs", stage)


def test_the_code_of_an_imported_route_runs_and_changes_nothing(stranger: Stranger) -> None:
    code = stranger.imported("Route", "chat", "inference-dev/quick-chat")
    assert '"90%": "quick-chat.champion"' in code
    assert '"champion": 90,' in code
    assert stranger.steps() == []


def test_the_code_of_an_imported_job_needs_its_token_and_nothing_else(stranger: Stranger) -> None:
    code = stranger.imported("LogpushJob", "logs", stranger.stage.job()["name"])
    assert 'token_id="",' in code
    with_token = code.replace('token_id=""', 'token_id="test-id"').replace('token_value=""', 'token_value="test-value"')
    stranger.program.write_text(with_token)
    assert stranger.steps() == ["update logs"]


def test_the_code_of_an_imported_adapter_needs_its_folder_and_nothing_else(stranger: Stranger, tmp_path: Path) -> None:
    code = stranger.imported("LoraAdapter", "tarot", "tarot")
    folder = write_adapter(tmp_path / "files")
    stranger.program.write_text(code.replace('folder=""', f'folder="{folder}"'))
    assert stranger.steps() == ["update tarot"]
    stranger.run("up", "--yes", "--skip-preview")
    assert stranger.steps() == []
