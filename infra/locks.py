"""What a killed `up` leaves in Pulumi's file backend: a lock that nobody would remove, a state that is half written."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Lock:
    """Who works on a stack, since when."""

    file: Path
    pid: int
    user: str
    host: str
    since: str

    @property
    def is_dead(self) -> bool:
        """Whether its process ran on this machine and is gone. Of other machines we cannot know."""
        return self.host == socket.gethostname() and not _is_running(self.pid)

    def __str__(self) -> str:
        return f"{self.user} on {self.host}, process {self.pid}, since {self.since}"


def locks(backend_url: str, project: str, stack: str) -> list[Lock]:
    """The locks of a stack in a file backend; none can be seen in any other."""
    folder = _files(backend_url)
    return list(_read(folder / "locks/organization" / project / stack)) if folder else []


def restore_state(backend_url: str, project: str, stack: str) -> bool:
    """Puts the state before the last in the place of one that is cut short; whether that was needed."""
    folder = _files(backend_url)
    state = folder / "stacks" / project / f"{stack}.json" if folder else None
    if state is None or not state.exists() or _is_whole(state):
        return False
    before = state.with_name(f"{state.name}.bak")
    if not _is_whole(before):
        return False
    shutil.copyfile(before, state)
    return True


def _files(backend_url: str) -> Path | None:
    """The folder of a file backend; no other can be looked into."""
    url = urlsplit(backend_url)
    return Path(unquote(url.netloc + url.path)) / ".pulumi" if url.scheme == "file" else None


def _is_whole(file: Path) -> bool:
    try:
        return isinstance(json.loads(file.read_text()), dict)
    except (OSError, ValueError):
        return False


def _read(folder: Path) -> Iterator[Lock]:
    for file in sorted(folder.glob("*.json")):
        try:
            told = json.loads(file.read_text())
            yield Lock(file, told["pid"], told["username"], told["hostname"], told["timestamp"])
        except FileNotFoundError:
            continue  # released meanwhile
        except (ValueError, KeyError):
            yield Lock(file, 0, "somebody", "an unknown machine", "an unknown time")


def remove_dead_locks(backend_url: str, project: str, stack: str) -> list[Lock]:
    """Removes the locks whose process is gone, and returns them."""
    dead = [lock for lock in locks(backend_url, project, stack) if lock.is_dead]
    for lock in dead:
        lock.file.unlink(missing_ok=True)
    return dead


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return _is_pulumi(pid)


def _is_pulumi(pid: int) -> bool:
    """Where the system tells: neither a zombie, nor another program that was given the same number."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.parent.parent.joinpath("self").exists():
        return True
    try:
        name, _, rest = stat.read_text().partition("(")[2].rpartition(")")
    except OSError:
        return False
    return name.startswith("pulumi") and rest.split()[0] != "Z"
