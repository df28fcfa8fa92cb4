"""What both sides live by: the compiled config as plain data, with its digests.

`compile` writes it, infra deploys and publishes it, the runtime reads it; none of them needs the YAML for that.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from gateway_config.config import KindName, Price, Sticky
from gateway_config.graph import Graph
from gateway_config.wire import from_wire


class Compiled(BaseModel):
    """Base of the compiled classes: frozen, and tolerant of keys that a newer Gatewright has added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CompiledTarget(Compiled):
    """What a model element means to a caller: who serves, with which parameters, at which price.

    `arm` is None for a fallback. `name` is the model's name in gateway.yaml, `model` its id at the upstream.
    """

    arm: str | None = None
    name: str
    upstream: str
    model: str
    parameters: Mapping[str, Any] = {}
    price: Price | None = None
    first_byte_ms: int
    retries: int


class CompiledRoute(Compiled):
    """One route: its graph as Cloudflare's elements, and what only callers know.

    `targets` are keyed by the id of their model element. `metadata_keys` are the keys that the graph reads, in the order
    in which they are kept when there is room for five. `declared` is the file and line it was written in.
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
    graph_digest: str
    config_digest: str
    declared: str

    @cached_property
    def graph(self) -> Graph:
        return from_wire(list(self.elements))

    def element_of(self, arm: str) -> str:
        """The id of an arm's model element."""
        return f"{self.name}.{arm}"

    @property
    def arms(self) -> tuple[str, ...]:
        return tuple(target.arm for target in self.targets.values() if target.arm is not None)


class CompiledConfig(Compiled):
    """All routes of one stage. `digest` is the hash of the routes' config digests."""

    version: int = 1
    stage: str
    gateway_id: str
    digest: str
    routes: Mapping[str, CompiledRoute]

    @cached_property
    def intents(self) -> Mapping[str, str]:
        """The route of each intent."""
        return {intent: route.name for route in self.routes.values() for intent in route.intents}

    def to_json(self) -> str:
        """The published form; `from_json` reads it back."""
        return self.model_dump_json(exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> CompiledConfig:
        return cls.model_validate_json(text)


def price_per_token(price: Price | None, field: str) -> Decimal | None:
    """US dollars for one token, or None where it is not known."""
    per_mtok = getattr(price, field) if price is not None else None
    return per_mtok / 1_000_000 if per_mtok is not None else None
