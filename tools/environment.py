"""The virtual environment `.venv`, made from hashed requirements; a stamp, written last, says it is whole."""

import hashlib
import json
import os
import platform
import shutil
import sys
from pathlib import Path

from tools.command import ROOT, SetupError, run

VENV = ROOT / ".venv"
STAMP = VENV / "setup.json"
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
PYTHON = VENV / "bin" / "python"
# Settings that would lead pip or uv to another place than `.venv`.
MISLEADING = (
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_REQUIRE_VIRTUALENV",
)


def ensure() -> None:
    """Makes `.venv` agree with the locks, the interpreter and pyproject.toml; does nothing when it does."""
    have, wanted = _stamp(), _wanted()
    if have == wanted:
        return
    STAMP.unlink(missing_ok=True)
    if {**have, "project": wanted["project"]} != wanted or not _installer():
        _rebuild()
    _install_project()
    half = STAMP.with_suffix(".part")
    half.write_text(json.dumps(wanted))
    half.replace(STAMP)


def _wanted() -> dict[str, str]:
    return {
        "place": str(ROOT),
        "python": platform.python_version(),
        "requirements": hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest(),
        "project": hashlib.sha256((ROOT / "pyproject.toml").read_bytes()).hexdigest(),
    }


def _stamp() -> dict[str, str]:
    """What was last finished here; empty if nothing was, or if something is amiss."""
    if not os.access(PYTHON, os.X_OK):
        return {}
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def _rebuild() -> None:
    """From nothing: neither pip nor uv can tell what another one, killed half-way, has left."""
    if VENV.exists():
        shutil.rmtree(VENV)
    uv = shutil.which("uv")
    if uv is None:
        return _fill_by_pip()
    try:
        _fill_by_uv(uv)
    except SetupError as error:
        # A company's index may be known to pip alone.
        print(f"{error}; trying pip instead", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        _fill_by_pip()


def _fill_by_uv(uv: str) -> None:
    run("virtual environment (uv)", uv, "venv", "--no-project", "--python", _interpreter(), VENV, env=_env())
    # As pip does: where nobody may write bytecode later, importing Pulumi would take seconds each time.
    _install("Python packages (uv)", uv, "pip", "install", "--compile-bytecode")


def _fill_by_pip() -> None:
    run("virtual environment", _interpreter(), "-m", "venv", VENV, env=_env())
    _install("Python packages (pip)", PYTHON, "-m", "pip", "install")


def _install(step: str, *pip_install: str | Path) -> None:
    run(step, *pip_install, "--no-deps", "--require-hashes", "-r", REQUIREMENTS, env=_env())


def _install_project() -> None:
    install = ("install", "--no-deps", "--no-build-isolation", "--editable")
    run("this project, editable", *_installer(), *install, ROOT, env=_env())


def _installer() -> list[str | Path]:
    """What can install into `.venv`, if anything can: in one that uv made there is no pip."""
    uv = shutil.which("uv")
    if uv is not None:
        return [uv, "pip"]
    return [PYTHON, "-m", "pip"] if (VENV / "bin" / "pip").exists() else []


def _interpreter() -> str:
    """The Python behind us, also where we run in the very `.venv` that is to be made anew."""
    return str(getattr(sys, "_base_executable", sys.executable))


def _env() -> dict[str, str]:
    """The person's settings for pip and uv (an index, a proxy), aimed at `.venv`."""
    kept = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    return {**kept, "VIRTUAL_ENV": str(VENV), "PIP_PROGRESS_BAR": "off"}
