"""wrangler, Cloudflare's own command, works against the emulator.

Collected where wrangler is: on PATH, or in .tools/wrangler (docs/emulator.md says how it gets there).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.emulator.server import TEST_TOKEN, Running
from tests.emulator_tests.conftest import WRANGLER

pytestmark = pytest.mark.http
ACCOUNT = "0123456789abcdef" * 2
BASE = "@cf/mistral/mistral-7b-instruct-v0.2-lora"


class Wrangler:
    """wrangler with the emulator for its Cloudflare."""

    def __init__(self, emulator: Running, home: Path) -> None:
        self.home = home
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "CI": "1",
            "NO_COLOR": "1",
            "WRANGLER_SEND_METRICS": "false",
            "CLOUDFLARE_API_BASE_URL": emulator.control_plane,
            "CLOUDFLARE_API_TOKEN": TEST_TOKEN,
            "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        }

    def __call__(self, *arguments: str) -> str:
        command = [str(WRANGLER), *arguments]
        done = subprocess.run(command, cwd=self.home, env=self.environment, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def wrangler(emulator: Running, tmp_path: Path) -> Wrangler:
    return Wrangler(emulator, tmp_path)


def test_buckets_and_their_lifecycle(wrangler: Wrangler) -> None:
    assert "Created bucket 'logs'" in wrangler("r2", "bucket", "create", "logs")
    wrangler("r2", "bucket", "lifecycle", "add", "logs", "old", "--prefix", "ai/", "--expire-days", "30")
    assert "Expire objects after 30 days" in wrangler("r2", "bucket", "lifecycle", "list", "logs")
    assert "Deleted bucket logs" in wrangler("r2", "bucket", "delete", "logs")


def test_an_adapter_is_made_of_its_folder(emulator: Running, wrangler: Wrangler) -> None:
    folder = wrangler.home / "adapter"
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"model_type": "mistral", "r": 8}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    assert "is ready to use" in wrangler("ai", "finetune", "create", BASE, "tarot", str(folder))
    assert "tarot" in wrangler("ai", "finetune", "list")
    emulator.admin("POST", "/clock", {"advance_s": 31})
    url = f"{emulator.control_plane}/accounts/{ACCOUNT}/ai/run/{BASE}"
    body = {"prompt": "hello", "lora": "tarot"}
    assert httpx.post(url, json=body, headers=emulator.auth, verify=False).status_code == 200


def test_the_catalogue_is_listed(wrangler: Wrangler) -> None:
    assert "@cf/openai/gpt-oss-120b" in wrangler("ai", "models")
