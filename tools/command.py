"""Runs the commands of the setup: output into a log, progress on the screen, failures as one sentence."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / ".tools"
LOG = TOOLS / "setup.log"
CI_INTERVAL_S = 30.0

CAUSES = {
    r"No space left on device|os error 28\b": "there is no space left on the disk",
    r"DO NOT MATCH THE HASHES|[Hh]ash mismatch|checksum mismatch": "a download is not what its hash says",
    r"ensurepip is not": "this Python cannot make virtual environments; install python3-venv, or uv",
    r"Permission denied|Read-only file system": "something cannot be written",
    r"Temporary failure in name|[Nn]ame or service not known|[Nn]o such host|[Dd]ns error|nodename nor "
    r"servname|[Cc]onnection refused|[Nn]etwork is unreachable|[Tt]imed? ?out|[Pp]roxy ?[Ee]rror|"
    r"proxyconnect|tunnel error|error sending request|Failed to establish|No matching distribution": (
        "the package registry could not be reached"
    ),
}


class SetupError(Exception):
    """Why the setup cannot go on, as one sentence for the person who started it."""


def run(step: str, *command: str | Path, env: Mapping[str, str], cwd: Path = ROOT) -> None:
    """Runs a command to its end, or raises SetupError with the likely cause; ends it when we are ended."""
    with LOG.open("a+", errors="replace") as log:
        print(f"\n$ {' '.join(map(str, command))}", file=log, flush=True)
        start = log.tell()
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            close_fds=False,  # a child keeps the setup's lock: if we are killed, the next one waits for it
        )
        try:
            _wait(process, step, start)
        finally:
            process.terminate()
            process.wait()
        if process.returncode != 0:
            log.seek(start)
            raise SetupError(f"{step} failed: {cause_of(log.read())} (all it said is in {LOG.relative_to(ROOT)})")


def cause_of(output: str) -> str:
    """The likely cause in words, else the last thing the command said."""
    for pattern, cause in CAUSES.items():
        if re.search(pattern, output):
            return cause
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "it said nothing"


def _wait(process: "subprocess.Popen[bytes]", step: str, start: int) -> None:
    with Progress(step) as progress:
        while process.poll() is None:
            try:
                process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                progress.show(f"{_lines_since(start)} lines of output")


def _lines_since(start: int) -> int:
    with LOG.open("rb") as log:
        log.seek(start)
        return log.read().count(b"\n")


class Progress:
    """Shows that a long step is alive: one changing line on a terminal, a line each half minute elsewhere."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.terminal = sys.stdout.isatty()
        self.interval_s = 0.5 if self.terminal else CI_INTERVAL_S
        self.started_s = self.shown_s = time.monotonic()

    def __enter__(self) -> "Progress":
        self._print(f"{self.step} …", last=not self.terminal)
        return self

    def show(self, detail: str) -> None:
        """A sign of life; says nothing if the last one is recent."""
        if time.monotonic() - self.shown_s >= self.interval_s:
            self.shown_s = time.monotonic()
            self._print(f"{self.step} … {self._elapsed()}, {detail}", last=not self.terminal)

    def __exit__(self, *error: object) -> None:
        self._print(f"{self.step}: {'stopped after ' if error[0] else ''}{self._elapsed()}", last=True)

    def _print(self, line: str, last: bool) -> None:
        print(f"\r\x1b[K{line}" if self.terminal else line, end="\n" if last else "", flush=True)

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.started_s), 60)
        return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
