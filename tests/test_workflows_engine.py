"""What the workflows' steps do with the real engine, each on a fresh checkout: preview, deploy, drift."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.settings import TokenUse
from infra.tokens import USES
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.permissions import granted, new_token
from tests.s3 import running_s3
from tests.stand_in.project import ROOT, TEST_ACCOUNT, edit, project_environment, write_project
from tests.workflows import Ran, Runner, step

pytestmark = pytest.mark.engine

ROUTES = f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways/inference-prod/routes"
TIMEOUT = 'elements["quick-chat.champion"].properties.timeout'
DEPLOY = ("deploy", "prod", "Bring it up, and see that nothing is left to change")
PREVIEW = ("pull-request", "preview", "Preview")
DRIFT = ("drift", "drift", "Compare")


class Repository:
    """A repository with the project in it, an account of Cloudflare's, and a runner of GitHub's."""

    def __init__(self, folder: Path, emulator: Running, s3_url: str, api: ControlPlane) -> None:
        self.folder, self.emulator, self.api = write_project(folder / "repository"), emulator, api
        for name in (".gitignore", "Pulumi.prod.yaml"):
            shutil.copy(ROOT / name, self.folder)
        subprocess.run(["git", "init", "-q"], cwd=self.folder, check=True)
        self.commit(".")
        machine = project_environment(folder / "machine", emulator.url)
        self.state = folder / "machine" / "state"
        access = {"AWS_ACCESS_KEY_ID": "test-id", "AWS_SECRET_ACCESS_KEY": "test-secret", "STAGE": "prod"}
        self.runner = Runner(self.folder, {**machine, **access, "GATEWRIGHT_R2_URL": s3_url})

    def commit(self, path: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@example.com")
        for words in (("add", path), (*who, "commit", "-q", "-m", "a change")):
            subprocess.run(["git", *words], cwd=self.folder, check=True)

    def run(self, *name: str, **environment: str) -> Ran:
        """Runs a step of a workflow on a fresh checkout."""
        subprocess.run(["git", "clean", "-qfdx"], cwd=self.folder, check=True)
        subprocess.run(["git", "checkout", "-q", "."], cwd=self.folder, check=True)
        (self.folder / ".venv").symlink_to(sys.prefix)
        return self.runner.run(step(*name), **environment)

    def tamper(self) -> None:
        """Somebody changes the champion's time limit in the dashboard."""
        [route] = [route for route in self.api.pages(ROUTES, "routes") if route["name"] == "quick-chat"]
        path = f"{ROUTES}/{route['id']}"
        elements = self.api.get(path)["version"]["data"]
        next(one for one in elements if one["id"] == "quick-chat.champion")["properties"]["timeout"] = 1234
        version = self.api.post(f"{path}/versions", {"elements": elements})["version_id"]
        self.api.post(f"{path}/deployments", {"version_id": version})


@pytest.fixture
def repository(tmp_path: Path) -> Iterator[Repository]:
    with (
        running_s3() as s3,
        running_emulator(s3_url=s3.url) as emulator,
        ControlPlane(TEST_TOKEN, emulator.control_plane) as api,
    ):
        yield Repository(tmp_path, emulator, s3.url, api)


def files(folder: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def writes(emulator: Running) -> list[Any]:
    return [(one["method"], one["path"]) for one in emulator.journal("/client/v4") if one["method"] != "GET"]


@pytest.mark.parametrize("use", ["preview", "deploy"])
def test_the_page_on_ci_names_the_permission_groups_of_the_stage_s_own_tokens(use: TokenUse) -> None:
    assert granted(use) == USES[use].groups


def test_a_change_is_deployed_previewed_by_who_may_only_read_and_a_hand_edit_is_found(repository: Repository) -> None:
    bootstrap, reader = (new_token(repository.api, *granted(name)) for name in ("bootstrap", "preview"))
    deployed = repository.run(*DEPLOY, CLOUDFLARE_API_TOKEN=bootstrap)
    assert deployed.code == 0, deployed.said
    assert deployed.said.splitlines()[-1].startswith("nothing to change")

    edit(repository.folder / "gateway_config/routes/quick-chat.yaml", {"challenger: 10": "challenger: 20"})
    repository.commit("gateway_config")
    state, before = files(repository.state), len(writes(repository.emulator))
    previewed = repository.run(*PREVIEW, CLOUDFLARE_API_TOKEN=reader)
    assert previewed.code == 0, previewed.said
    comment = previewed.outputs["prod"]
    assert "- `quick-chat`: 10 buckets of 100 move from `champion` to `challenger`." in comment
    assert "  - `split.challenger`: `10` → `20`" in comment
    assert reader not in previewed.said + comment
    assert str(repository.folder) not in comment
    assert len(writes(repository.emulator)) == before, "a preview asks, and changes nothing"
    assert files(repository.state) == state, "its access to the state may be read-only as well"

    assert repository.run(*DEPLOY, CLOUDFLARE_API_TOKEN=reader).code == 3, "who may only read deploys nothing"
    deployer = new_token(repository.api, *granted("deploy"))
    assert repository.run(*DEPLOY, CLOUDFLARE_API_TOKEN=deployer).code == 0
    assert repository.run(*DRIFT, CLOUDFLARE_API_TOKEN=reader).outputs == {"status": "0"}
    repository.tamper()
    drifted = repository.run(*DRIFT, CLOUDFLARE_API_TOKEN=reader)
    assert (drifted.code, drifted.outputs) == (0, {"status": "7"})
    assert f"`{TIMEOUT}`: `1234` → `8000`" in drifted.summary
