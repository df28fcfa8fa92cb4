"""The demo cleans up after itself, also when somebody loses patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.stand_in.project import ROOT

pytestmark = pytest.mark.engine


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    return folder


@pytest.fixture
def demo(temporary: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "tests.demo"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        yield process


def working_in(folder: Path) -> list[str]:
    """The commands of all processes whose folder is this one or below."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # ended meanwhile, or not ours
    return found


@pytest.mark.parametrize("chapter", ["emulator", "preview"])
def test_an_interrupted_demo_leaves_no_process_and_no_file(
    demo: subprocess.Popen[str], temporary: Path, chapter: str
) -> None:
    assert demo.stdout is not None
    url = ""
    for line in demo.stdout:
        url = url or (line.split()[-1] if "http://" in line else "")
        if chapter in line:
            break
    time.sleep(0.7)  # into the middle of what comes next
    os.killpg(demo.pid, signal.SIGINT)  # as Ctrl-C does: the engine hears it too
    _, said = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Traceback" not in said
    assert list(temporary.iterdir()) == []
    assert soon_empty(temporary) == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def soon_empty(folder: Path) -> list[str]:
    """What still works in a folder after at most ten seconds: plugins end by themselves when the engine has."""
    deadline = time.monotonic() + 10
    while (left := working_in(folder)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left
