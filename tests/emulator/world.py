"""One emulated Cloudflare: its records, its clock, its chance, its open questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from tests.emulator.assumptions import Choices
from tests.emulator.chance import Chance
from tests.emulator.clock import Clock
from tests.emulator.control.r2.objects import Objects, ObjectsInMemory
from tests.emulator.data.windows import Windows
from tests.emulator.faults import Faults
from tests.emulator.journal import Journal
from tests.emulator.upstreams.programme import Programmes

Store = TypeVar("Store")
STORES: dict[str, type] = {}


def store(kind: type[Store]) -> type[Store]:
    """Declare a dataclass of records that each account has one of; it is part of the exported state."""
    STORES[kind.__name__] = kind
    return dataclass(kind)


class World:
    """All state of one emulator.  Used from one thread only: its server's."""

    def __init__(self, seed: int = 0, root_token: str | None = None) -> None:
        self.root_token = root_token
        self.first_seed = seed
        self.clock = Clock()
        self.chance = Chance(seed)
        self.assumes = Choices()
        self.journal = Journal()
        self.faults = Faults()
        self.programmes = Programmes()
        self.windows = Windows()
        self.cache: dict[Hashable, Any] = {}
        self.objects: Objects = ObjectsInMemory()
        self.pending: dict[tuple[str, int], Any] = {}  # Logpush records by account and job
        self.tasks: set[asyncio.Future[Any]] = set()  # uploads that run
        self.accounts: dict[str, dict[str, Any]] = {}
        self.after_change: list[Callable[[], None]] = []

    def of(self, account: str, kind: type[Store]) -> Store:
        """This account's records of one kind; an account exists from its first use."""
        stores = self.accounts.setdefault(account, {})
        name = kind.__name__
        if name not in stores:
            stores[name] = kind()
        return cast(Store, stores[name])

    def start(self, work: Coroutine[Any, Any, object]) -> None:
        """Let something run beside the requests, until it is done or the world is reset."""
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def reset(self) -> None:
        """As it was when it started; assumptions, faults and programmes too."""
        self.accounts.clear()
        self.clock.reset()
        self.chance.reseed(self.first_seed)
        self.assumes.reset()
        self.journal.reset()
        self.faults.all.clear()
        self.programmes.reset()
        self.windows.all.clear()
        self.cache.clear()
        self.pending.clear()
        for task in self.tasks:
            task.cancel()
        if isinstance(self.objects, ObjectsInMemory):
            self.objects = ObjectsInMemory()
