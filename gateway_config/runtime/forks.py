"""What a process must not share with the child that it forks: connections, files, and locks that nobody gives back."""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class Forked(Protocol):
    """Something that begins anew in a child process, before anything else runs there."""

    def begin_in_child(self) -> None:
        """Leaves to the parent what another thread of it may hold, or has begun."""


_all: WeakSet[Forked] = WeakSet()


def begins_in_child(one: Forked) -> None:
    """Has it begin anew in each child, as long as it lives."""
    _all.add(one)


def _begin() -> None:
    for one in _all:
        one.begin_in_child()


os.register_at_fork(after_in_child=_begin)
