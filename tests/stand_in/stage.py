"""The repository's dev stage with everything that is ours in it: routes, log push, an adapter, a published config."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.changes import Outcome
from infra.engine import Engine
from infra.keys import make_pair
from tests.adapter_on_disk import MISTRAL, write_adapter
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.s3 import S3, running_s3
from tests.stand_in.project import ROOT, TEST_ACCOUNT, edit, project_environment, write_project

ACCOUNT = f"/accounts/{TEST_ACCOUNT}"
MODEL = f'  tarot-base: {{upstream: workers-ai, model: "{MISTRAL}", kind: chat, capabilities: [lora], price: null}}\n'
PUBLIC, PRIVATE = make_pair()


class Stage:
    """The repository's dev stage, with log push and one adapter, on an emulator whose objects are in moto's S3."""

    def __init__(self, folder: Path, emulator: Running, s3: S3, api: ControlPlane) -> None:
        self.folder, self.emulator, self.s3, self.api = write_project(folder), emulator, s3, api
        (folder / "Pulumi.dev.yaml").write_text((ROOT / "Pulumi.dev.yaml").read_text())
        self.environment = {**os.environ, **project_environment(folder, emulator.url), "GATEWRIGHT_R2_URL": s3.url}
        self.adapter = write_adapter(folder / "gateway_config/adapters/tarot")
        key = f"  logpush_public_key: |\n{textwrap.indent(PUBLIC, '    ')}"
        file = folder / "gateway_config/gateway.yaml"
        edit(file, {"  collect_logs: true\n": f"  collect_logs: true\n{key}", "\nprojects:": f"{MODEL}\nprojects:"})
        file.write_text(file.read_text() + "\nadapters:\n  tarot: {model: tarot-base, folder: adapters/tarot}\n")

    def run(self, verb: str) -> Outcome:
        outcome: Outcome = getattr(Engine(self.folder, "dev", environment=self.environment), verb)()
        return outcome

    def words(self, verb: str) -> list[str]:
        """The command as a user gives it."""
        command = [sys.executable, "-c", "from gateway_config.cli import main; main()", verb, "--stage", "dev"]
        places = ["--project", str(self.folder), "--config", str(self.folder / "gateway_config")]
        return [*command, *places]

    def command(self, verb: str) -> subprocess.CompletedProcess[str]:
        """In a process of its own: one whose engine fails is left with an open event loop of Pulumi's."""
        return subprocess.run(self.words(verb), env=self.environment, cwd=ROOT, capture_output=True, text=True)

    def kill_during(self, path: str) -> None:
        """Kills an `up`, its engine included, while a POST to a path is under way; that is still carried out."""
        self.emulator.fault(path, method="POST", delay_ms=600, times=1)
        run = subprocess.Popen(self.words("up"), env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while self.emulator.admin("GET", "/faults")["faults"][-1]["times"]:
            assert time.monotonic() < deadline, "waited for a minute"
            time.sleep(0.05)
        found = subprocess.run(["pgrep", "-P", str(run.pid)], capture_output=True, text=True, check=True)
        for pid in (*map(int, found.stdout.split()), run.pid):
            os.kill(pid, signal.SIGKILL)
        run.wait(timeout=30)
        time.sleep(0.8)

    def job(self) -> dict[str, Any]:
        (job,) = self.api.get(f"{ACCOUNT}/logpush/jobs")
        return dict(job)


@contextmanager
def running_stage(folder: Path, seed: int = 0) -> Iterator[Stage]:
    """With a Cloudflare of its own, where an adapter answers at once."""
    with running_s3() as s3, running_emulator(seed=seed, s3_url=s3.url) as emulator:
        emulator.assume(finetune_ready="at-once")
        with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
            yield Stage(folder, emulator, s3, api)
