"""A copy of a stack in a folder that goes away: what is done there leaves no trace in the stack's own state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from pulumi.automation import Deployment
from pulumi.runtime import rpc

from infra.engine_setup import read_yaml
from infra.provider.values import SECRET_KEY, SECRET_MARK


@contextmanager
def project_aside(project: Path, stage: str) -> Iterator[Path]:
    """A folder, readable by us alone, with the project's and the stage's files, and a `state` of its own."""
    with TemporaryDirectory(prefix="gatewright-") as name:
        folder = Path(name)
        (folder / "state").mkdir()
        told = read_yaml(project / "Pulumi.yaml")
        told.pop("main", None)  # the program is ours, in this process
        told.pop("options", None)  # no refresh
        for plugin in (told.get("plugins") or {}).get("providers") or []:
            plugin["path"] = str((project / plugin["path"]).resolve())
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(told))
        stage_file = project / f"Pulumi.{stage}.yaml"
        if stage_file.exists():
            (folder / stage_file.name).write_bytes(stage_file.read_bytes())
        yield folder


def without_refresh(deployment: Deployment) -> Deployment:
    """The deployment with no resource that the engine reads first; it would look for targets among what is known."""
    told: dict[str, Any] = json.loads(json.dumps(deployment.deployment))
    for resource in told.get("resources") or []:
        resource.pop("refreshBeforeUpdate", None)
    return Deployment(version=deployment.version, deployment=told)


def with_what_is_new(old: Deployment, new: Deployment, type: str, names: tuple[str, ...]) -> Deployment:
    """What `new` has beyond `old`; in it, inputs of these names become secrets, which the engine then encrypts."""
    told: dict[str, Any] = json.loads(json.dumps(new.deployment))
    known = {resource["urn"]: resource for resource in (old.deployment or {}).get("resources") or []}
    told["resources"] = [known.get(resource["urn"], resource) for resource in told.get("resources") or []]
    for resource in told["resources"]:
        inputs = resource.get("inputs") or {}
        for name in inputs.keys() & names if resource["type"] == type else ():
            inputs[name] = _secret(inputs[name])
    return Deployment(version=new.version, deployment=told)


def _secret(value: Any) -> Any:
    """As the engine writes it into a state that it is going to encrypt."""
    return value if rpc.is_rpc_secret(value) else {SECRET_KEY: SECRET_MARK, "plaintext": json.dumps(value)}
