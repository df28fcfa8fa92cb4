"""Many small pools in the place of a large one.

httpcore looks at every connection for every other one whenever a request begins or ends, so one pool with 64 busy
connections takes several milliseconds for a call; in pools of four that is not noticed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from gateway_config.runtime.forks import begins_in_child

PoolT = TypeVar("PoolT")
EACH = 4
MOST = 128


class Shard(Generic[PoolT]):
    """One pool, and how many calls are on their way in it."""

    __slots__ = ("busy", "pool")

    def __init__(self, pool: PoolT) -> None:
        self.pool, self.busy = pool, 0


class Shards(Generic[PoolT]):
    """The pools of a client, filled one after the other, so that few calls at a time use few connections again."""

    def __init__(self, make: Callable[[], PoolT]) -> None:
        self._make = make
        self.begin_in_child()
        begins_in_child(self)

    def begin_in_child(self) -> None:
        """Begins without pools: a child must not write into the connections of its parent."""
        self._all: list[Shard[PoolT]] = []
        # A thread may hold it twice: a dropped stream that is collected as garbage gives its shard back, at any step.
        self._lock = threading.RLock()

    def take(self) -> Shard[PoolT]:
        """A pool with room for one more call; beyond 512 calls at a time, the one that has the fewest."""
        with self._lock:
            shard = next((shard for shard in self._all if shard.busy < EACH), None)
            if shard is None and len(self._all) < MOST:
                shard = Shard(self._make())
                self._all.append(shard)
            if shard is None:
                shard = min(self._all, key=lambda one: one.busy)
            shard.busy += 1
            return shard

    def give_back(self, shard: Shard[PoolT]) -> None:
        """A call is over."""
        with self._lock:
            shard.busy -= 1

    def empty(self) -> list[PoolT]:
        """All pools, to be closed; there are none from now on."""
        with self._lock:
            pools, self._all = [shard.pool for shard in self._all], []
            return pools
