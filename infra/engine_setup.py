"""What the engine needs before it can run, and its complaints in plain words."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from gateway_config.errors import UsageError
from gateway_config.rules.registry import near_miss
from infra.changes import first_of_each
from infra.pulumi_process import PulumiProcess


def engine_environment(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the engine: state lies in `.state/` beside Pulumi.yaml unless it is told otherwise."""
    told = {"PULUMI_SKIP_UPDATE_CHECK": "true", **environment}
    if not told.get("PULUMI_BACKEND_URL"):
        state = project / ".state"
        try:
            state.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(
                f'The state has no place: "{state}" cannot be made: {error.strerror}. '
                "Name another one by PULUMI_BACKEND_URL."
            ) from None
        told["PULUMI_BACKEND_URL"] = f"file://{state}"
    return told


class _Loader(yaml.SafeLoader):
    """Dates stay texts, so that one that is none is a problem with a place."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(file: Path) -> dict[str, Any]:
    """A file of Pulumi's; nothing where there is none. What is no YAML is a UsageError with its place."""
    try:
        told = yaml.load(file.read_text(), _Loader) if file.exists() else None  # a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise UsageError(f"{file}{place} is not YAML: {error.problem or error.context}. Mend it there.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise UsageError(f"{file} is not a YAML file in UTF-8. Mend it, or take it from version control.") from None
    if not isinstance(told, dict | None):
        raise UsageError(f"{file} is a mapping of keys, such as `config:`. Mend it, or take it from version control.")
    return told or {}


def new_stage(project: Path, stage: str) -> str:
    """What is said of a stage that has no stack: a slip of its name would make, or show, a stage of its own."""
    file = project / f"Pulumi.{stage}.yaml"
    if file.exists():
        return f"stage {stage} is new: it has no stack"
    near = meant(project, stage)
    return f"stage {stage} is new: it has no {file.name} and no stack{near and f'.{near}'}"


def meant(project: Path, stage: str) -> str:
    """A question, where another stage is called nearly so; else nothing."""
    near = near_miss(stage, sorted(found.name.split(".")[1] for found in project.glob("Pulumi.*.yaml")))
    return f' Did you mean "{near}"?' if near else ""


def require_passphrase(environment: Mapping[str, str], project: Path, stage: str) -> None:
    file = project / f"Pulumi.{stage}.yaml"
    told = read_yaml(file)
    given = "PULUMI_CONFIG_PASSPHRASE" in environment or environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not given and not told.get("secretsprovider"):
        raise UsageError(
            "PULUMI_CONFIG_PASSPHRASE is not set: secrets in the state are encrypted with it. Export it, or name "
            f"a secrets provider in {file.name}."
        )


def pulumi_command(project: Path) -> PulumiProcess:
    """The CLI that scripts/setup put into .tools, else the one on PATH."""
    roots = [folder / ".tools" / "pulumi" for folder in (project, Path(__file__).parent.parent)]
    root = next((root for root in roots if (root / "bin" / "pulumi").exists()), None)
    if root is None and not shutil.which("pulumi"):
        raise UsageError("The pulumi command is missing: run scripts/setup, or install it from pulumi.com.")
    try:
        return PulumiProcess(root=str(root) if root else None)
    except (OSError, subprocess.CalledProcessError, automation.InvalidVersionError) as error:
        raise UsageError(f"The pulumi command does not work: {error}. Run scripts/setup.") from None


def readable(text: str) -> str:
    """The reasons in what the CLI printed."""
    if killed := re.search(r"^ ?code: -(\d+)$", text, re.MULTILINE):
        return f"The engine was killed (signal {killed[1]}). `gatewright up` finishes what it left half done."
    lines = [line.strip() for line in text.splitlines()]
    reasons = re.findall(r"^ *(?:stderr: )?error: (.+(?:\n\s+(?:\*|\d\)) .+)*)$", text, re.MULTILINE)
    said = "\n".join(first_of_each(reasons)) or (lines[-1] if lines else "the engine ended without a word")
    if "incorrect passphrase" in said:
        return "PULUMI_CONFIG_PASSPHRASE is not the passphrase that this stack's secrets were encrypted with."
    return "\n".join([said, *(way_on for words, way_on in _WAYS_ON.items() if words in said)])


_BACKEND = "Is PULUMI_BACKEND_URL, where the state lies, what it should be, and may you read and write there?"
_WAYS_ON = {
    "unable to open state directory": _BACKEND,
    ".pulumi/meta.yaml": _BACKEND,
    "PULUMI_ACCESS_TOKEN must be set": f"Pulumi takes its own cloud for the place of the state. {_BACKEND}",
    "failed to load checkpoint": "`gatewright up` goes back to the state before this one, where that is whole.",
    "malformed state value": "Take `encryptionsalt` in Pulumi.<stage>.yaml from version control.",
    "operation not permitted": _BACKEND,
    "permission denied": _BACKEND,
    "read-only file system": _BACKEND,
}
"""What to do, where what the engine says does not tell it."""
