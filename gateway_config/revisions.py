"""The config as it stood in a git revision, read without touching the working tree."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from pathlib import Path

from gateway_config.errors import UnreachableError, UsageError
from gateway_config.problems import shown
from gateway_config.reading import Document
from gateway_config.stray_files import GATEWAY, is_route


def documents_at(directory: Path, revision: str) -> list[Document]:
    """The files of a config folder at a revision, gateway.yaml first; their names begin with `<revision>:`.

    Raises UsageError for a folder outside of git, an unknown revision, or one without this config.
    """
    commit = _git(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if commit is None and (refusal := _run(directory, "rev-parse", "--git-dir")).returncode:
        said = refusal.stderr.decode(errors="replace").strip().partition("\n")[0].removeprefix("fatal: ")
        raise UsageError(f'there is no revision to compare "{directory}" with; git says: {said}.')
    if commit is None:
        raise UsageError(f'git knows no revision {shown(revision)} for "{directory}". Name a commit, branch or tag.')
    tar = _git(directory, "archive", "--format=tar", commit.decode().strip())
    files = _files(tar) if tar else {}
    if GATEWAY not in files:
        raise UsageError(f'"{directory}" has no {GATEWAY} at the revision {shown(revision)}.')
    names = [GATEWAY, *sorted(filter(is_route, files))]
    return [Document(f"{revision}:{directory / name}", files[name]) for name in names]


def _files(tar: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        members = {member.name: archive.extractfile(member) for member in archive if member.isfile()}
        return {name: file.read() for name, file in members.items() if file is not None}


def _git(directory: Path, *arguments: str) -> bytes | None:
    """What git prints in this folder, or None where it refuses."""
    done = _run(directory, *arguments)
    return done.stdout if done.returncode == 0 else None


def _run(directory: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    english = {**os.environ, "LC_ALL": "C"}  # what git says goes into sentences of ours
    try:
        return subprocess.run(["git", "-C", directory, *arguments], capture_output=True, check=False, env=english)
    except FileNotFoundError:
        raise UnreachableError("git is not installed; comparing with a revision needs it.") from None
