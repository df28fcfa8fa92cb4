"""What both sides live by: the compiled config as plain data, with its digests.

`compile` writes it, infra deploys and publishes it, the runtime reads it; none of them needs the YAML for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway_config.config import Cache, KindName, Price, Sticky, Tier
from gateway_config.graph import Graph
from gateway_config.wire import from_wire

# Cloudflare keeps five entries of a request's metadata and drops the rest without a word (facts: limits).
MOST_KEYS = 5
# What is sent while there is room, after the trace and what the graph reads.
_OPTIONAL_KEYS = ("tenant_id", "project", "intent")


class Compiled(BaseModel):
    """Base of the compiled classes: frozen, and tolerant of keys that a newer Gatewright has added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CompiledTarget(Compiled):
    """What a model element means to a caller: who serves, with what the caller sends along, at which price.

    `arm` is None for a fallback or for what is beyond a limit. `name` is the model's name in gateway.yaml, `model` its
    id at the upstream. `prompt` is the text of the system prompt; `adapter` the name of one, or `tenant`.
    """

    arm: str | None = None
    tier: Tier | None = None
    name: str
    upstream: str
    model: str
    parameters: Mapping[str, Any] = {}
    prompt: str | None = None
    adapter: str | None = None
    price: Price | None = None
    first_byte_ms: int
    retries: int


class CompiledRoute(Compiled):
    """One route: its graph as Cloudflare's elements, and what only callers know.

    `routed`: a dynamic route at Cloudflare; otherwise the runtime decides. `targets` are keyed by the id of their model
    element. `metadata_keys` are what the graph reads, in the order in which they are sent. `tier` is the one that a
    request without a tier gets, None where the route has no tiers. `declared` is the file, line and column.
    """

    name: str
    kind: KindName
    routed: bool
    intents: tuple[str, ...]
    elements: tuple[Mapping[str, Any], ...]
    targets: Mapping[str, CompiledTarget]
    metadata_keys: tuple[str, ...]
    sticky: Sticky
    deadline_ms: int
    tier: Tier | None = None
    cache: Cache | None = None
    graph_digest: str
    config_digest: str
    declared: str

    @cached_property
    def graph(self) -> Graph:
        return from_wire(list(self.elements))

    @cached_property
    def arms(self) -> Mapping[str, str]:
        """The id of each arm's model element."""
        return {target.arm: id for id, target in self.targets.items() if target.arm is not None}

    @cached_property
    def sent_keys(self) -> tuple[str, ...]:
        """The metadata keys that a request of ours carries, at most five, in order."""
        return self._wanted_keys[:MOST_KEYS]

    @cached_property
    def left_out(self) -> tuple[str, ...]:
        """The keys that find no room; they are kept in our own record only."""
        return self._wanted_keys[MOST_KEYS:]

    @property
    def _wanted_keys(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(("trace", *self.metadata_keys, *_OPTIONAL_KEYS)))


class CompiledConfig(Compiled):
    """All routes of one stage. `digest` is the hash of the routes' config digests.

    `front_door` names the route that dispatches on the intent; `tenants` maps a tenant to its adapter for each model.
    """

    version: int = 1
    stage: str
    gateway_id: str
    digest: str
    routes: Mapping[str, CompiledRoute]
    front_door: str | None = None
    projects: Mapping[str, tuple[str, ...]] = {}
    tenants: Mapping[str, Mapping[str, str]] = {}

    @cached_property
    def intents(self) -> Mapping[str, str]:
        """The route of each intent."""
        return {intent: route.name for route in self.routes.values() for intent in route.intents}

    def to_json(self) -> str:
        """The published form; `from_json` reads it back."""
        return self.model_dump_json(exclude_defaults=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> CompiledConfig:
        return cls.model_validate_json(text, strict=False)
