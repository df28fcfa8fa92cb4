"""What both sides live by: the compiled config as plain data, with its digests.

`compile` writes it, infra deploys and publishes it, the runtime reads it; none of them needs the YAML for that.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, get_args

from gateway_config.graph import Graph
from gateway_config.kinds import KindName
from gateway_config.wire import from_wire

# Takes as long to import as the whole client, which needs it only to read or write the published form.
if TYPE_CHECKING:
    from pydantic import TypeAdapter

Tier = Literal["edge", "frontier"]
Sticky = Literal["user", "tenant", "project", "request"]
Around = Literal["tenant", "arm", "prompt"]
Kept = Literal["prompt", "answer"]

TIERS: tuple[Tier, ...] = get_args(Tier)
KEPT: tuple[Kept, ...] = get_args(Kept)
# Cloudflare keeps five entries of a request's metadata and drops the rest without a word (facts: limits).
MOST_KEYS = 5
# What is sent while there is room, after the trace and what the graph reads.
OPTIONAL_KEYS = ("tenant_id", "project", "intent")


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPrice:
    """What a model costs, per unit of its kind, in US dollars; None is unknown, not free."""

    as_of: date
    source: Literal["published", "measured"] = "published"
    in_usd_per_mtok: Decimal | None = None
    out_usd_per_mtok: Decimal | None = None
    cached_in_usd_per_mtok: Decimal | None = None
    usd_per_input_tile_step: Decimal | None = None
    usd_per_output_tile_step: Decimal | None = None
    usd_per_tile: Decimal | None = None
    usd_per_step: Decimal | None = None
    usd_per_audio_min: Decimal | None = None
    usd_per_kchar: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledDate:
    """A day in a cache key: its form (as strftime writes it), and whose midnight counts."""

    form: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledCache:
    """Answers that may be repeated: the template of their key, its fields, and what around it does not count."""

    key: str
    fields: Mapping[str, Literal["text"] | CompiledDate] = field(default_factory=dict)
    ttl_s: int
    shared: tuple[Around, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledTarget:
    """What a model element means to a caller: who serves, with what the caller sends along, at which price.

    `arm` is None for a fallback or for what is beyond a limit. `name` is the model's name in gateway.yaml, `model` its
    id at the upstream. `prompt` is the text of the system prompt; `adapter` the name of one, or `tenant`.
    """

    arm: str | None = None
    tier: Tier | None = None
    name: str
    upstream: str
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    prompt: str | None = None
    adapter: str | None = None
    price: CompiledPrice | None = None
    first_byte_ms: int
    retries: int


@dataclass(frozen=True, kw_only=True)
class CompiledRoute:
    """One route: its graph as Cloudflare's elements, and what only callers know.

    `routed`: a dynamic route at Cloudflare; otherwise the runtime decides. `targets` are keyed by the id of their model
    element. `metadata_keys` are what the graph reads, in the order in which they are sent. `tier` is the one that a
    request without a tier gets, None where the route has no tiers. `records`: which texts of a call its record keeps.
    `declared` is the file, line and column.
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
    cache: CompiledCache | None = None
    records: tuple[Kept, ...] = ()
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

    @property
    def left_out(self) -> tuple[str, ...]:
        """The keys that find no room in a request of ours; they are kept in our own record only."""
        return wanted_keys(self.metadata_keys)[MOST_KEYS:]


def wanted_keys(read: Iterable[str]) -> tuple[str, ...]:
    """The metadata keys of a request of ours where the graph reads these, in order; the first `MOST_KEYS` find room."""
    return tuple(dict.fromkeys(("trace", *read, *OPTIONAL_KEYS)))


@dataclass(frozen=True, kw_only=True)
class CompiledConfig:
    """All routes of one stage. `digest` is the hash of the routes' config digests.

    `front_door` names the route that dispatches on the intent; `tenants` maps a tenant to its adapter for each model.
    """

    version: int = 1
    stage: str
    gateway_id: str
    digest: str
    routes: Mapping[str, CompiledRoute]
    front_door: str | None = None
    projects: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tenants: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @cached_property
    def intents(self) -> Mapping[str, str]:
        """The route of each intent."""
        return {intent: route.name for route in self.routes.values() for intent in route.intents}

    def to_json(self) -> str:
        """The published form; `from_json` reads it back."""
        return _published_form().dump_json(self, exclude_defaults=True).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> CompiledConfig:
        """A published config; keys that a newer Gatewright has added are passed over. ValueError says what is wrong."""
        return _published_form().validate_json(text)


@functools.cache
def _published_form() -> TypeAdapter[CompiledConfig]:
    from pydantic import TypeAdapter

    return TypeAdapter(CompiledConfig)
