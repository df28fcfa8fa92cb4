"""Where the demo plays: a scratch copy of the project, an emulator of its own, the real engine. All of it goes away."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.load import load
from infra.engine import Engine
from tests.emulator.server import Running
from tests.stand_in.project import ROOT, project_environment, write_project

STAGE = "demo"  # no file overrides anything for it
SEED = 7


@dataclass(frozen=True)
class Scene:
    """A scratch project, and the emulator that stands for Cloudflare."""

    folder: Path
    emulator: Running
    process: int

    @property
    def environment(self) -> dict[str, str]:
        """What our commands and clients read from the environment here."""
        own = project_environment(self.folder, self.emulator.url)
        return {**own, "GATEWRIGHT_STAGE": STAGE, "GATEWRIGHT_TOKEN": own["CLOUDFLARE_API_TOKEN"]}

    @property
    def config(self) -> Path:
        return self.folder / "gateway_config"

    @property
    def engine(self) -> Engine:
        return Engine(self.folder, STAGE, self.config, {**os.environ, **self.environment})

    def compiled(self) -> CompiledConfig:
        return compile_config(load(self.config, STAGE))


@contextmanager
def set_up(keep: bool = False) -> Iterator[Scene]:
    """A scene; with `keep` its folder and its emulator stay when the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="gatewright-demo-"))
    process = _start_emulator()
    try:
        yield Scene(write_project(folder), Running(_ready_url(process)), process.pid)
    except BaseException:
        keep = False
        raise
    finally:
        assert process.stdout is not None
        process.stdout.close()
        if not keep:
            _stop(process)
            shutil.rmtree(folder, ignore_errors=True)


def _start_emulator() -> subprocess.Popen[str]:
    # A session of its own: Ctrl-C reaches the demo, which then ends the emulator in order.
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", "--seed", str(SEED)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)


def _ready_url(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    line = process.stdout.readline().split()
    if not line:
        raise RuntimeError(f"the emulator ended with exit code {process.wait()} before it was ready")
    return line[-1]


def _stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
