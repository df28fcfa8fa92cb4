"""The lock files of Pulumi's file backend. A killed `up` leaves its own behind, which nobody would remove."""

from __future__ import annotations

import json
import os
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
    url = urlsplit(backend_url)
    if url.scheme != "file":
        return []
    folder = Path(unquote(url.netloc + url.path)) / ".pulumi/locks/organization" / project / stack
    return list(_read(folder))


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
