"""What scripts/ says for itself: help without doing anything, and what is missing in a sentence."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools.command import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("[!.]*") if path.name != "env")
ON_THEIR_OWN = [name for name in SCRIPTS if "help_at_head" in (ROOT / "scripts" / name).read_text()]


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout in which nothing but scripts/ is there, so that one which does more than to say its help fails."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    return tmp_path


def said(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    folder = script.parent  # not the project's: they are run from anywhere
    return subprocess.run([script, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", ON_THEIR_OWN)
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_a_script_asked_for_help_says_its_head_and_does_nothing(bare: Path, name: str, option: str) -> None:
    run = said(bare / "scripts" / name, option)
    assert (run.returncode, run.stderr) == (0, "")
    head = (ROOT / "scripts" / name).read_text().splitlines()[1]
    assert run.stdout.splitlines()[0] == head.removeprefix("# ")


@pytest.mark.parametrize("name", sorted({*SCRIPTS} - {*ON_THEIR_OWN}))
def test_a_script_with_options_of_its_own_names_itself_in_its_help(name: str) -> None:
    run = said(ROOT / "scripts" / name, "--help")
    assert run.returncode == 0, run.stderr
    assert f"usage: scripts/{name} " in run.stdout


@pytest.mark.parametrize("name", ["faults", "fuzz", "bench"])
def test_a_script_with_a_part_for_the_client_names_it_in_its_help(name: str) -> None:
    assert f"scripts/{name} client" in said(ROOT / "scripts" / name, "--help").stdout
    assert f"usage: scripts/{name} client" in said(ROOT / "scripts" / name, "client", "--help").stdout


@pytest.mark.parametrize(
    "arguments", [("faults", "--sample", "0"), ("fuzz", "0"), ("fuzz", "client", "--streams", "0")]
)
def test_a_run_of_no_trials_is_refused_since_it_would_find_nothing_wrong(arguments: tuple[str, ...]) -> None:
    name, *others = arguments
    run = said(ROOT / "scripts" / name, *others)
    assert (run.returncode, run.stdout) == (2, "")
    assert "expected a whole number from 1 on, not '0'" in run.stderr


def test_without_uv_the_locks_are_left_and_one_sentence_says_why(bare: Path) -> None:
    tools = bare / "bin"
    tools.mkdir()
    for tool in ("bash", "dirname"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    script = bare / "scripts" / "lock"
    run = subprocess.run([script], env={"PATH": str(tools)}, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr == "scripts/lock: uv is needed, and is not on PATH. Install it first.\n"
