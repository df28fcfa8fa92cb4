"""The examples of docs/client.md run, one after the other, as they stand."""

import re
from pathlib import Path

import pytest

from gateway_config.runtime.base import config_of_files
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy
from tests.runtime.world import GPT_OSS

PAGE = Path(__file__).parents[2] / "docs" / "client.md"


@pytest.mark.http
def test_the_examples_of_the_page_run(
    emulator: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deploy(emulator, config_of_files())
    for name, value in {
        "CLOUDFLARE_ACCOUNT_ID": ACCOUNT,
        "GATEWRIGHT_TOKEN": TEST_TOKEN,
        "GATEWRIGHT_URL": emulator.data_plane,
        "GATEWRIGHT_RECORDS": str(tmp_path),
        "CLOUDFLARE_API_TOKEN": TEST_TOKEN,
        "CLOUDFLARE_BASE_URL": emulator.control_plane,
    }.items():
        monkeypatch.setenv(name, value)
    emulator.programme(GPT_OSS, answers=['{"plan": "A", "points": 7}'])
    names: dict[str, object] = {"__name__": "docs"}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    names["client"].close()  # type: ignore[attr-defined]
    assert len(blocks) >= 6
    assert names["answer"].data.points == 7  # type: ignore[attr-defined]
    assert capsys.readouterr().out
