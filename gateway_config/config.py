"""What the YAML may say: the config classes, frozen. `load` makes them, `rules` looks at the whole, `compile` reads them.

Keys carry their units. An integer is never a quoted text, and money is never a binary float.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from gateway_config.kinds import KINDS
from gateway_config.problems import Place
from gateway_config.reading import Document, Path

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
StageName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9]*$", max_length=16)]
MetadataKey = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
KindName = Literal["chat", "vision", "image", "embed", "rerank", "transcribe", "speak", "classify"]
Tier = Literal["edge", "frontier"]
Share = Annotated[int, Field(ge=0, le=100)] | Literal["rest"]
Sticky = Literal["user", "tenant", "project", "request"]
Scalar = str | int | bool

assert set(KINDS) == set(KindName.__args__)  # type: ignore[attr-defined]


def _money(value: Any) -> Any:
    """Money is written as a decimal, quoted or not; what is no number stays what it is, and is refused as such."""
    if isinstance(value, str) and value.replace(".", "", 1).isdigit():
        return Decimal(value)
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


Usd = Annotated[Decimal, BeforeValidator(_money), Field(ge=0)]
Real = Annotated[float, BeforeValidator(_float)]


class Part(BaseModel):
    """Base of all config classes: frozen, strict, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class RateLimit(Part):
    """The gateway's own limit over all routes."""

    requests: int = Field(gt=0)
    window_s: int = Field(gt=0)
    technique: Literal["fixed", "sliding"] = "sliding"


class Gateway(Part):
    """Settings of the AI Gateway itself. Its id at Cloudflare is `<id>-<stage>`."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+(?:-[a-z0-9_]+)*$", max_length=64)]
    authentication: bool = True
    collect_logs: bool = True
    rate_limit: RateLimit | None = None


class Price(Part):
    """What a model costs, per unit of its kind, in US dollars; a missing key is unknown, not free."""

    as_of: datetime.date
    source: Literal["published", "measured"] = "published"
    in_usd_per_mtok: Usd | None = None
    out_usd_per_mtok: Usd | None = None
    cached_in_usd_per_mtok: Usd | None = None
    usd_per_input_tile_step: Usd | None = None
    usd_per_output_tile_step: Usd | None = None
    usd_per_tile: Usd | None = None
    usd_per_step: Usd | None = None
    usd_per_audio_min: Usd | None = None
    usd_per_kchar: Usd | None = None


class Model(Part):
    """A model that arms and fallbacks can name; `model` is the id as a route's element takes it."""

    upstream: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    model: str = Field(min_length=1)
    kind: KindName
    price: Price | None = None


class GatewayFile(Part):
    """gateway.yaml: everything that holds for all routes."""

    version: Literal[1]
    gateway: Gateway
    models: dict[Name, Model] = Field(default_factory=dict)
    projects: tuple[Name, ...] = Field(default=(), strict=False)


class Target(Part):
    """A model with what a caller sends along and how long it waits."""

    model: Name
    first_byte_ms: int | None = Field(default=None, gt=0, le=600_000)
    retries: int | None = Field(default=None, ge=0, le=5)
    temperature: Real | None = Field(default=None, ge=0, le=5)
    max_tokens: int | None = Field(default=None, gt=0)


def _named(value: Any) -> Any:
    """A fallback may be just the name of a model."""
    return {"model": value} if isinstance(value, str) else value


class Route(Part):
    """routes/<name>.yaml, as one stage sees it."""

    version: Literal[1]
    kind: KindName
    intents: tuple[Name, ...] = Field(default=(), strict=False)
    owner: str | None = None
    arms: dict[Name, Target] = Field(min_length=1)
    split: dict[Name, Share] | None = None
    sticky: Sticky = "user"
    until: datetime.date | None = None
    fallback: tuple[Annotated[Target, BeforeValidator(_named)], ...] = Field(default=(), strict=False)
    deadline_ms: int = Field(default=60_000, gt=0)

    def shares(self) -> dict[str, int]:
        """The share of each arm in hundredths, `rest` worked out; they add to 100 in a config without problems."""
        if self.split is None:
            return dict.fromkeys(self.arms, 100)
        fixed = sum(share for share in self.split.values() if isinstance(share, int))
        return {arm: share if isinstance(share, int) else 100 - fixed for arm, share in self.split.items()}


@dataclass(frozen=True, slots=True)
class Source:
    """One file as one stage sees it: what `stages: <stage>` overrides replaces the whole key of that name."""

    document: Document
    stage: str

    @property
    def overrides(self) -> Mapping[str, Any]:
        """The keys that this stage replaces."""
        stages = self.document.data.get("stages")
        own = stages.get(self.stage) if isinstance(stages, dict) else None
        return own if isinstance(own, dict) else {}

    def data(self) -> dict[str, Any]:
        """The file's data with the stage's keys in place, and without `stages`."""
        merged = {**self.document.data, **self.overrides}
        merged.pop("stages", None)
        return merged

    def place(self, path: Path, *, key: bool = False) -> Place:
        """Where the value at a path of `data` is written."""
        if path and path[0] in self.overrides:
            path = ("stages", self.stage, *path)
        return self.document.place(path, key=key)


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    """The whole config of one stage, and where each part of it is written."""

    stage: str
    file: GatewayFile
    routes: Mapping[str, Route]
    gateway_source: Source
    route_sources: Mapping[str, Source]

    @property
    def gateway_id(self) -> str:
        """The gateway's id at Cloudflare: two stages in one account never meet."""
        return f"{self.file.gateway.id}-{self.stage}"
