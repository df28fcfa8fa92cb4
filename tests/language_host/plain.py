"""The plain `pulumi` command in a project, as people with the official CLI type it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tests.emulator.server import Running
from tests.stand_in.project import ROOT, project_environment

_STAND_IN = ROOT / "tests" / "language_host" / "bin"


def search_path() -> str:
    """The CLI's folder first on PATH; before it the stand-in for the Python host, unless the real one is there."""
    path = f"{ROOT / '.tools' / 'pulumi' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return path if shutil.which("pulumi-language-python", path=path) else f"{_STAND_IN}{os.pathsep}{path}"


def brings_generators() -> bool:
    """Whether the host is the real one; the stand-in asks those of `generators`."""
    return not search_path().startswith(str(_STAND_IN))


def pulumi(
    project: Path, emulator: Running, *arguments: str, python_path: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs the CLI and waits for it; the caller looks at the exit code."""
    environment = {**os.environ, **project_environment(project, emulator.url), "PATH": search_path()}
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    command = ["pulumi", *arguments, "--non-interactive", "--color", "never"]
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
