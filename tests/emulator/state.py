"""Keeping a world: as JSON through `/_emulator/state`, or in a file that follows every change."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tests.emulator.world import STORES, World

FORMAT = 1


class UnreadableState(Exception):
    """This is no state of an emulator; the message says where it is wrong."""


def export_state(world: World) -> dict[str, Any]:
    """All records and choices; faults, programmes and the journal are not part of it."""
    accounts = {account: _each(_dumped, stores) for account, stores in world.accounts.items()}
    return {"format": FORMAT, "assumptions": world.assumes.as_dict(), "accounts": accounts}


def import_state(world: World, state: Any) -> None:
    """Replace all records by exported ones; raises UnreadableState and then changes nothing."""
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise UnreadableState(f'expected {{"format": {FORMAT}, …}} as /_emulator/state exports it')
    try:
        accounts = {account: _each(_loaded, stores) for account, stores in state["accounts"].items()}
        world.assumes.choose(state.get("assumptions", {}))
    except (ValidationError, ValueError, KeyError, AttributeError) as error:
        raise UnreadableState(f"the state cannot be read: {error}") from error
    world.accounts = accounts


def _each(translate: Callable[[str, Any], Any], stores: dict[str, Any]) -> dict[str, Any]:
    return {name: translate(name, kept) for name, kept in stores.items() if name in STORES}


def _dumped(name: str, kept: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(STORES[name])
    return adapter.dump_python(kept, mode="json")


def _loaded(name: str, kept: Any) -> Any:
    adapter: TypeAdapter[Any] = TypeAdapter(STORES[name])
    return adapter.validate_python(kept)


class StateFile:
    """A file that has the state of a world after each change; never half of one."""

    def __init__(self, world: World, path: Path) -> None:
        self.world, self.path = world, path

    def load(self) -> None:
        """Take the state from the file, if it is there; raises UnreadableState."""
        if not self.path.exists():
            return
        try:
            import_state(self.world, json.loads(self.path.read_text()))
        except ValueError as error:
            raise UnreadableState(f"{self.path} is not JSON: {error}") from error

    def keep(self) -> None:
        """Save after a change; where that is impossible it is said, and the emulator goes on."""
        try:
            self.save()
        except OSError as error:
            print(f"the state cannot be kept: {error}", file=sys.stderr, flush=True)

    def save(self) -> None:
        """Write the file anew; raises OSError."""
        beside = self.path.with_name(self.path.name + ".new")
        beside.write_text(json.dumps(export_state(self.world), indent=1))
        os.replace(beside, self.path)
