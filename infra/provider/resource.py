"""What every resource of ours promises to the servicer: observe → ensure → sync → return."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import GatewrightError

Properties = Mapping[str, Any]
Kind = Literal["add", "delete", "update", "add-replace", "delete-replace", "update-replace"]
Tell = Callable[[str], None]
"""Says a sentence to the person who runs the engine, next to the resource it is about."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What is live: the id of the resource, the inputs that would declare it, and what Cloudflare adds."""

    id: str
    inputs: Properties
    outputs: Properties


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf that differs: its property path and how."""

    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Complaint:
    """An input that cannot be."""

    property: str
    reason: str


class PartialError(GatewrightError):
    """The thing exists, yet not all of it is as declared; the engine keeps it and comes back.

    `secrets` are the properties that the engine must encrypt; the servicer fills them in.
    """

    secrets: frozenset[str] = frozenset()

    def __init__(self, observed: Observed, reason: str) -> None:
        self.observed, self.reason = observed, reason
        super().__init__(reason)


class Resource(ABC):
    """One type. Old state is a hint; what the API returns is the truth."""

    token: ClassVar[str]
    schema: ClassVar[Properties]
    types: ClassVar[Properties] = {}
    replace_on: ClassVar[frozenset[str]]
    secrets: ClassVar[frozenset[str]] = frozenset()
    """Inputs that are kept secret whether or not the program said so."""

    def __init__(self, control_plane: Callable[[], ControlPlane]) -> None:
        self._control_plane = control_plane

    def check(self, inputs: Properties) -> Iterator[Complaint]:
        """What is wrong with inputs that are all there and of their types; unknown ones skipped."""
        yield from ()

    def completed(self, inputs: Properties) -> Properties:
        """Inputs with what follows from them and was left out; called when `check` found nothing wrong."""
        return inputs

    @abstractmethod
    def diff(self, old: Properties, new: Properties, state: Properties) -> list[Change]:
        """What differs between the inputs of two times, normalised, leaf by leaf; `state` is what is live."""

    def unsettled(self, state: Properties, new: Properties) -> list[Change]:
        """What an update has to settle although the inputs are as declared."""
        return []

    def caution(self, state: Properties, new: Properties) -> str | None:
        """What a preview of an update must say beside what it changes."""
        return None

    @abstractmethod
    def plan(self, inputs: Properties, state: Properties) -> Properties:
        """The outputs as a preview knows them; `state` is empty before the create."""

    @abstractmethod
    def observe(self, id: str, state: Properties) -> Observed | None:
        """What is live now, or None when it is gone. `state` is empty on import."""

    @abstractmethod
    def apply(self, inputs: Properties, id: str | None, state: Properties, tell: Tell) -> Observed:
        """Makes the live thing as declared, whatever is there already; `id` is None before the create."""

    @abstractmethod
    def delete(self, id: str, state: Properties, tell: Tell) -> None:
        """Removes it; gone already is fine."""


def changed_keys(old: Properties, new: Properties, replace_on: frozenset[str]) -> list[Change]:
    """The plain comparison of top-level properties."""
    return [
        Change(key, _kind(key, old, new, replace_on))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _kind(key: str, old: Properties, new: Properties, replace_on: frozenset[str]) -> Kind:
    kind: Literal["add", "delete", "update"] = "add" if key not in old else "delete" if key not in new else "update"
    if key not in replace_on:
        return kind
    return "add-replace" if kind == "add" else "delete-replace" if kind == "delete" else "update-replace"


def leaf_changes(path: str, old: Any, new: Any) -> Iterator[Change]:
    """The leaves that differ in two values, as property paths: `elements["chat.a"].properties.timeout`."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            inner = f"{path}.{key}" if key.isidentifier() else f'{path}["{key}"]'
            if key not in old:
                yield Change(inner, "add")
            elif key not in new:
                yield Change(inner, "delete")
            else:
                yield from leaf_changes(inner, old[key], new[key])
    elif old != new:
        yield Change(path, "update")
