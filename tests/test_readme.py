"""The README does what it says: its shell blocks are run, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


@pytest.mark.engine
@pytest.mark.parametrize("block", BLOCKS)
def test_a_shell_block_of_the_readme_runs_and_leaves_the_checkout_as_it_was(block: str) -> None:
    before = _changed_files()
    run = subprocess.run(["bash", "-euc", block], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert _changed_files() == before


def _changed_files() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_the_readme_has_shell_blocks_and_fits_on_a_screen() -> None:
    assert len(BLOCKS) >= 2
    assert len(README.splitlines()) < 90


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)\)", README))
def test_a_link_of_the_readme_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()
