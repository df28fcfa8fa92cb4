"""What the engine did or would do, as plain data made from its events."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import StepEventMetadata
from pulumi.runtime import rpc

from infra.resources import GATEWAY_TYPE

Progress = Callable[[str], None]
"""Is told each step, in a few words."""

ROUTE_TYPE = "gatewright:index:Route"
LOGS = "bucket-logs"
"""The engine's name of the bucket of logs."""
_QUIET = frozenset({OpType.SAME, OpType.REFRESH, OpType.READ})
_FRAMEWORK = ("pulumi:pulumi:Stack", "pulumi:providers:")
_NOT_A_REASON = re.compile(
    r"^(preview|update|destroy|refresh|import) failed$|^ *This is \*always\* a bug|^ *To assist with debugging"
)


@dataclass(frozen=True, slots=True)
class Difference:
    """One leaf: the property path, and the value on both sides (None where there is none)."""

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {_shown(self.before)} => {_shown(self.after)}"


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """One step: `operation` is create, update, replace, delete, import or refresh; drift is refresh or delete."""

    operation: str
    type: str
    name: str
    differences: tuple[Difference, ...] = ()
    before: Mapping[str, Any] = field(default_factory=dict)
    after: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_noise(self) -> bool:
        """Whether nothing differs that anybody would notice."""
        return bool(self.differences) and all(self._is_noise(leaf) for leaf in self.differences)

    def _is_noise(self, leaf: Difference) -> bool:
        if leaf.path == "rateLimitingTechnique":  # of a limit that is off
            return not self.before.get("rateLimitingLimit") and not self.after.get("rateLimitingLimit")
        if self.type == GATEWAY_TYPE:  # which turns one way of saying "off" into another (facts, trap 24)
            return _is_off(leaf.before) and _is_off(leaf.after)
        # R2 answers a location in capitals, whatever it was told (facts 6).
        return leaf.path == "location" and str(leaf.before).upper() == leaf.after

    @property
    def is_route(self) -> bool:
        return self.type == ROUTE_TYPE

    @property
    def told_operation(self) -> str:
        """What happens at Cloudflare: a bucket of logs is taken out of the stack, and stays."""
        return "forget" if (self.name, self.operation) == (LOGS, "delete") else self.operation

    def __str__(self) -> str:
        return f"{self.operation} {self.type.split(':')[-1]} {self.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A whole run. `drift` is what was changed behind our back since the last one.

    `held` are routes that somebody rolled back and the config does not agree with, `resumed` those that were until
    now; `refusals` is what the stage's thresholds refuse, in a preview.
    """

    changes: tuple[ResourceChange, ...]
    drift: tuple[ResourceChange, ...]
    notices: tuple[str, ...]
    outputs: Mapping[str, Any]
    duration_s: float
    refusals: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    resumed: tuple[str, ...] = ()

    @property
    def due(self) -> tuple[ResourceChange, ...]:
        """What `up` does: all changes but those of held routes."""
        return tuple(change for change in self.changes if not self._is_held(change))

    @property
    def left(self) -> tuple[ResourceChange, ...]:
        """What `up` leaves as it is: the changes of held routes."""
        return tuple(change for change in self.changes if self._is_held(change))

    @property
    def put_back(self) -> tuple[ResourceChange, ...]:
        """What was changed by hand and `up` puts back: all drift but that of held routes."""
        return tuple(change for change in self.drift if not self._is_held(change))

    @property
    def advances(self) -> tuple[ResourceChange, ...]:
        """What the thresholds weigh: a route that only goes back to what the last `up` made of it is free."""
        was = {change.name: change.before.get("elements") for change in self.drift if change.is_route}
        free = {change.name for change in self.due if was.get(change.name, ...) == change.after.get("elements")}
        return tuple(change for change in self.due if change.name not in free.union(self.resumed))

    def _is_held(self, change: ResourceChange) -> bool:
        return change.is_route and change.name in self.held

    @property
    def routes(self) -> tuple[ResourceChange, ...]:
        return tuple(change for change in self.changes if change.is_route)


class Collector:
    """Takes the engine's events as they come.

    `empty` are inputs of the gateway that are declared empty and secret as a whole: the engine hides even that.
    """

    def __init__(self, progress: Progress | None = None, empty: frozenset[str] = frozenset()) -> None:
        self._empty = empty
        self.changes: list[ResourceChange] = []
        self.drift: list[ResourceChange] = []
        self.held: list[str] = []
        self.resumed: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self._progress = progress or (lambda line: None)

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event:
            self._step(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._done(event.res_outputs_event.metadata)
        elif event.diagnostic_event:
            self._said(event.diagnostic_event.severity, event.diagnostic_event.message)

    def _step(self, step: StepEventMetadata) -> None:
        if step.type.startswith(_FRAMEWORK):
            return
        if step.op not in _QUIET and not _is_half_of_a_replacement(step.op):
            change = self._change(step.op.value, step)
            if step.op == OpType.UPDATE and change.is_noise:
                return
            self.changes.append(change)
            if step.op == OpType.UPDATE and _was_held(step) and _differs(step):
                self.held.append(step.urn.split("::")[-1])

    def _done(self, step: StepEventMetadata) -> None:
        if step.op == OpType.REFRESH and not step.type.startswith(_FRAMEWORK):
            self._refreshed(step)
        if step.op not in _QUIET and not step.type.startswith(_FRAMEWORK):
            self._progress(f"{step.op.value} {step.urn.split('::')[-1]}")

    def _refreshed(self, step: StepEventMetadata) -> None:
        if step.old and not step.new:
            self.drift.append(self._change("delete", step))
        elif step.detailed_diff and not (by_hand := self._change("refresh", step)).is_noise:
            self.drift.append(by_hand)
        if _was_held(step) and step.new and not (step.new.outputs or {}).get("held"):
            self.resumed.append(step.urn.split("::")[-1])

    def _change(self, operation: str, step: StepEventMetadata) -> ResourceChange:
        change = _change(operation, step)
        if step.type != GATEWAY_TYPE or not self._empty:
            return change
        return replace(change, differences=tuple(self._unhidden(leaf, step.op) for leaf in change.differences))

    def _unhidden(self, leaf: Difference, operation: OpType) -> Difference:
        if leaf.path not in self._empty:
            return leaf
        return replace(leaf, before=[]) if operation == OpType.REFRESH else replace(leaf, after=[])

    def _said(self, severity: str, message: str) -> None:
        lines = [line.removeprefix("Preview failed: ") for line in _plain_text(message).splitlines() if line.strip()]
        if severity == "warning":
            self.warnings.extend(lines)
        elif severity == "error":
            self.errors.extend(line for line in lines if not _NOT_A_REASON.match(line))


def _is_off(value: Any) -> bool:
    return not any(value.values()) if isinstance(value, Mapping) else not value


def _was_held(step: StepEventMetadata) -> bool:
    return bool(step.old and (step.old.outputs or {}).get("held"))


def _differs(step: StepEventMetadata) -> bool:
    return set(step.detailed_diff or ()) != {"held"}


def _is_half_of_a_replacement(op: OpType) -> bool:
    return op in (OpType.CREATE_REPLACEMENT, OpType.DELETE_REPLACED)


def _change(operation: str, step: StepEventMetadata) -> ResourceChange:
    before = (step.old and step.old.inputs) or {}
    after = (step.new and step.new.inputs) or {}
    # What somebody switched on and nobody declared is no input: only the state knows it.
    were = (step.old and step.old.outputs) or {}
    are = (step.op == OpType.REFRESH and step.new and step.new.outputs) or {}
    differences = tuple(
        Difference(path, _seen_at(path, before, were), _seen_at(path, after, are))
        for path in sorted(step.detailed_diff or {})
    )
    return ResourceChange(operation, step.type, step.urn.split("::")[-1], differences, before, after)


def _seen_at(path: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Any:
    value = value_at(inputs, path)
    return _without_secrets(keys_of(path), value_at(outputs, path) if value is None else value)


_SECRET_KEYS = frozenset({"authorization", "headers"})
"""Of a gateway's collectors and of Stripe; the stock provider does not know that they are secret (facts 4)."""


def _without_secrets(path: Iterable[str | int], value: Any) -> Any:
    if value and not _SECRET_KEYS.isdisjoint(path):
        return "[secret]"
    if rpc.is_rpc_secret(value):
        return "[secret]"
    if isinstance(value, Mapping):
        return {key: _without_secrets((key,), item) for key, item in value.items()}
    return [_without_secrets((), item) for item in value] if isinstance(value, list) else value


_KEY = re.compile(r'\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.\["]+)')


def keys_of(path: str) -> Iterator[str | int]:
    """The keys of a property path: `elements["chat.a"].properties.timeout` has four."""
    for quoted, number, plain in _KEY.findall(path):
        yield quoted.replace('\\"', '"') if quoted else int(number) if number else plain


def value_at(properties: Any, path: str) -> Any:
    """The value at a property path, or None where nothing is."""
    for key in keys_of(path):
        if isinstance(properties, Mapping):
            properties = properties.get(key)
        elif isinstance(properties, list) and isinstance(key, int) and key < len(properties):
            properties = properties[key]
        else:
            return None
    return properties


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


_COLOUR = re.compile(r"<\{%.*?%\}>|\x1b\[[0-9;]*m")


def _plain_text(text: str) -> str:
    return _COLOUR.sub("", text)


def first_of_each(lines: Iterable[str]) -> list[str]:
    """The lines without repetitions, in order."""
    return list(dict.fromkeys(lines))
