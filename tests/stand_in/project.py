"""A project in a folder of its own: copies of the YAML, a Pulumi.yaml with our plugin and the stand-in, own state."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent.parent
STAND_IN = ROOT / "tests" / "stand_in" / "bin"
TEST_ACCOUNT = "test-account"
TEST_TOKEN = "test-" * 8


def write_project(folder: Path) -> Path:
    """Fills a folder and returns it; nothing of the checkout is ever written to."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(ROOT / "gateway_config", folder / "gateway_config", ignore=shutil.ignore_patterns("*.py", "*.pyc"))
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    del project["main"]  # the program comes from the checkout, inline
    ours = [{**plugin, "path": str(ROOT / plugin["path"])} for plugin in project["plugins"]["providers"]]
    project["plugins"]["providers"] = [*ours, {"name": "cloudflare", "path": str(STAND_IN)}]
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False))
    return folder


def project_environment(folder: Path, emulator_url: str) -> dict[str, str]:
    """What `gatewright up` needs to find this project's state, and the emulator instead of Cloudflare."""
    return {
        "CLOUDFLARE_ACCOUNT_ID": TEST_ACCOUNT,
        "CLOUDFLARE_API_TOKEN": TEST_TOKEN,
        "CLOUDFLARE_BASE_URL": f"{emulator_url}/client/v4",
        "GATEWRIGHT_URL": f"{emulator_url}/v1",
        "PULUMI_BACKEND_URL": f"file://{_made(folder / 'state')}",
        "PULUMI_CONFIG_PASSPHRASE": "test-passphrase",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_HOME": str(_made(folder / "home")),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def edit(file: Path, changes: Mapping[str, str]) -> None:
    """Replaces texts in a file; each must be there exactly once."""
    text = file.read_text()
    for before, after in changes.items():
        if text.count(before) != 1:
            raise ValueError(f"{file} has {before!r} {text.count(before)} times, not once")
        text = text.replace(before, after)
    file.write_text(text)
