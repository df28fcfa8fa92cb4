"""The workflows as data, and a way to run one of their `run:` blocks as GitHub's runner would."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))


def read(name: str) -> dict[str, Any]:
    """A workflow; what YAML reads as the key `true` is `on`."""
    told = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
    return {"on" if key is True else key: value for key, value in told.items()}


def jobs() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job of every workflow, by `workflow.job`."""
    for file in FILES:
        for name, job in read(file.stem)["jobs"].items():
            yield f"{file.stem}.{name}", job


def step(workflow: str, job: str, name: str) -> dict[str, Any]:
    [found] = [step for step in read(workflow)["jobs"][job]["steps"] if step.get("name") == name]
    return dict(found)


@dataclass
class Runner:
    """A machine that runs steps in a folder. GitHub itself is `world`; `gh` reads and writes it."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bin = self.folder.parent / "bin"
        self._bin.mkdir()
        script(self._bin / "gh", f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m tests.gh "$@"')
        self.world = {"comments": [], "issues": [], "main": "a" * 40}

    @property
    def world(self) -> Any:
        return json.loads((self._bin / "world.json").read_text())

    @world.setter
    def world(self, world: Mapping[str, Any]) -> None:
        (self._bin / "world.json").write_text(json.dumps(world))

    def run(self, step: Mapping[str, Any], **environment: str) -> Ran:
        """Runs a step: `shell: bash` as the runner calls it. Expressions in `env:` are to be given."""
        unknown = [name for name, value in step.get("env", {}).items() if "${{" in value and name not in environment]
        assert not set(unknown) - self.environment.keys(), f"say what these are: {unknown}"
        files = {name: self._bin / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        for file in files.values():
            file.write_text("")
        block = self._bin / "step.sh"
        block.write_text(step["run"])
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(block)],
            cwd=self.folder,
            env={
                **os.environ,
                **self._given(),
                **self.environment,
                **environment,
                **{k: str(v) for k, v in files.items()},
            },
            capture_output=True,
            text=True,
        )
        outputs, summary = (file.read_text() for file in files.values())
        return Ran(done.returncode, done.stdout + done.stderr, dict(_outputs(outputs)), summary)

    def _given(self) -> dict[str, str]:
        path = f"{self._bin}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "GITHUB_WORLD": str(self._bin / "world.json"), "GITHUB_REPOSITORY": "o/r"}


@dataclass(frozen=True)
class Ran:
    """What a step did."""

    code: int
    said: str
    outputs: Mapping[str, str]
    summary: str


def _outputs(text: str) -> Iterator[tuple[str, str]]:
    """GITHUB_OUTPUT: `name=value` lines, and values of many lines between delimiters."""
    for many in re.finditer(r"^(\w+)(?:<<(\S+)\n(.*?)\n\2|=(.*))$", text, re.MULTILINE | re.DOTALL):
        name, end, lines, value = many.groups()
        yield name, lines if end else value.partition("\n")[0]


def script(file: Path, line: str) -> None:
    """Makes an executable of one line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/usr/bin/env bash\n{line}\n")
    file.chmod(0o755)
