"""What the YAML may say: the config classes, frozen. `load` makes them, `rules` look at the whole.

Keys carry their units. A whole number is never a quoted text, and money is never a binary float.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from gateway_config import patterns
from gateway_config.compiled import TIERS, Around, Kept, Sticky, Tier
from gateway_config.conditions import checked_condition
from gateway_config.kinds import KindName
from gateway_config.problems import Place
from gateway_config.reading import Document, Path

Name = Annotated[str, StringConstraints(pattern=patterns.NAME, max_length=patterns.LONGEST_NAME)]
MetadataKey = Annotated[str, StringConstraints(pattern=patterns.METADATA_KEY, max_length=40)]
Share = Annotated[int, Field(ge=0, le=100)] | Literal["rest"]
Split = Annotated[dict[Name, Share], Field(min_length=1)]
Reason = Annotated[str, StringConstraints(min_length=10)]
Hazard = Annotated[str, StringConstraints(pattern=patterns.HAZARD)]
HazardAction = Literal["flag", "block"]
Capability = Literal["tools", "json", "vision", "reasoning", "lora", "stream", "batch"]

_AMOUNT = re.compile(r"[0-9]{1,12}(\.[0-9]{1,18})?")


def _money(value: Any) -> Any:
    """Money is written as a decimal, quoted or not; what is no number stays what it is, and is refused as such."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else value


def _float(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def _json(value: Any) -> Any:
    """Elements are JSON, which knows neither decimals nor days."""
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    if isinstance(value, datetime.date):
        raise ValueError(f'is JSON, which has no days. Put "{value}" in quotes')
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, list) else value


Usd = Annotated[Decimal, BeforeValidator(_money), Field(ge=0, allow_inf_nan=False)]
Real = Annotated[float, BeforeValidator(_float)]
Condition = Annotated[
    dict[str, Any],
    BeforeValidator(checked_condition),
    WithJsonSchema({"type": "object", "minProperties": 1, "description": "Metadata keys and what they are."}),
]


class Part(BaseModel):
    """Base of all config classes: frozen, strict, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


# --- gateway.yaml -----------------------------------------------------------------------------------------------------


class RateLimit(Part):
    """The gateway's own limit over all routes."""

    requests: int = Field(gt=0)
    window_s: int = Field(gt=0)
    technique: Literal["fixed", "sliding"] = "sliding"


class Guardrails(Part):
    """What the guard model flags or blocks, by hazard (`S1` … `S13`, `P1`), in prompts and in answers."""

    prompt: dict[Hazard, HazardAction] = {}
    response: dict[Hazard, HazardAction] = {}


class DataLossPrevention(Part):
    """Cloudflare's DLP profiles that prompts and answers are scanned with."""

    action: HazardAction
    profiles: tuple[str, ...] = Field(min_length=1, strict=False)


class SpendLimit(Part):
    """At most so many dollars in a window; `per` counts for each value of a metadata key.

    `id` is Cloudflare's for the rule; left out, it is `spend-` and the rule's number.
    """

    id: Annotated[str, StringConstraints(pattern=patterns.SPEND_ID, max_length=64)] | None = None
    usd: Annotated[Usd, Field(gt=0)]
    window_s: int = Field(gt=0)
    technique: Literal["fixed", "sliding"] = "sliding"
    models: tuple[Name, ...] = Field(default=(), strict=False)
    per: MetadataKey | None = None


class Telemetry(Part):
    """An OpenTelemetry collector that the gateway exports to; its secret is named, never written."""

    url: Annotated[str, StringConstraints(pattern=patterns.URL, max_length=2048)]
    authorization_env: Annotated[str, StringConstraints(pattern=patterns.VARIABLE)] | None = None
    content_type: Literal["json", "protobuf"] = "json"


class Gateway(Part):
    """Settings of the AI Gateway itself. Its id at Cloudflare is `<id>-<stage>`; its cache is off, a route opts in."""

    id: Annotated[str, StringConstraints(pattern=patterns.GATEWAY_ID, max_length=64)]
    authentication: bool = True
    collect_logs: bool = True
    log_limit: int = Field(default=100_000, ge=10_000, le=10_000_000)
    log_when_full: Literal["stop", "delete-oldest"] = "stop"
    logpush_public_key: Annotated[str, StringConstraints(min_length=16, max_length=1024)] | None = None
    rate_limit: RateLimit | None = None
    guardrails: Guardrails | None = None
    data_loss_prevention: DataLossPrevention | None = None
    spend_limits: tuple[SpendLimit, ...] = Field(default=(), max_length=20, strict=False)
    telemetry: tuple[Telemetry, ...] = Field(default=(), max_length=5, strict=False)
    zero_data_retention: bool = False
    byok_only: bool = False


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
    """A model that arms and fallbacks can name; `model` is its id as a route's element takes it."""

    upstream: Annotated[str, StringConstraints(pattern=patterns.UPSTREAM)]
    model: str = Field(min_length=1)
    kind: KindName
    price: Price | None = None
    context_tokens: int | None = Field(default=None, gt=0)
    capabilities: tuple[Capability, ...] = Field(default=(), strict=False)
    status: Literal["active", "deprecated"] = "active"
    substitute: Name | None = None


class Adapter(Part):
    """A LoRA adapter: the model it was trained for, and the folder of its two files."""

    model: Name
    folder: str = Field(min_length=1)
    rank: int = Field(default=8, ge=1, le=32)


class Project(Part):
    """An application, and the intents that it usually asks for."""

    intents: tuple[Name, ...] = Field(default=(), strict=False)


class Tenant(Part):
    """A customer of the projects, with the adapters that speak for it."""

    adapters: tuple[Name, ...] = Field(default=(), strict=False)


class Prompt(Part):
    """A system prompt that arms can name."""

    system: str = Field(min_length=1)


class Defaults(Part):
    """What a route or target says where it says nothing itself."""

    first_byte_ms: int = Field(default=30_000, gt=0, le=600_000)
    retries: int = Field(default=0, ge=0, le=5)
    deadline_ms: int = Field(default=60_000, gt=0)
    sticky: Sticky = "user"


class FrontDoor(Part):
    """The route that dispatches on the intent; `otherwise` serves the intents that no route claims."""

    name: Name
    otherwise: Name | None = None


class Tuning(Part):
    """How a rule is taken here, and why."""

    severity: Literal["off", "remark", "warning", "error"]
    reason: Reason


def _front_door(value: Any) -> Any:
    """A front door may be just its name."""
    return {"name": value} if isinstance(value, str) else value


class GatewayFile(Part):
    """gateway.yaml: everything that holds for all routes."""

    version: Literal[1]
    gateway: Gateway
    models: dict[Name, Model] = {}
    prompts: dict[Name, Prompt] = {}
    adapters: dict[Name, Adapter] = {}
    projects: dict[Name, Project] = {}
    tenants: dict[Name, Tenant] = {}
    metadata: tuple[MetadataKey, ...] = Field(default=(), strict=False)
    defaults: Defaults = Defaults()
    tier: Tier = "frontier"
    front_door: Annotated[FrontDoor, BeforeValidator(_front_door)] | None = None
    rules: dict[str, Tuning] = {}


# --- routes/<name>.yaml -----------------------------------------------------------------------------------------------


class Target(Part):
    """A model with what a caller sends along, and how long Cloudflare waits for its first byte.

    `adapter` is the name of one, or `tenant`: the caller's own.
    """

    model: Name
    first_byte_ms: int | None = Field(default=None, gt=0, le=600_000)
    retries: int | None = Field(default=None, ge=0, le=5)
    temperature: Real | None = Field(default=None, ge=0, le=5)
    top_p: Real | None = Field(default=None, ge=0, le=1)
    max_tokens: int | None = Field(default=None, gt=0)
    reasoning_effort: Literal["low", "medium", "high"] | None = None
    reasoning_summary: Literal["auto", "concise", "detailed"] | None = None
    prompt: Name | None = None
    adapter: Name | None = None


class When(Part):
    """Requests whose metadata fit go straight to one arm, before limits, tiers and the split."""

    if_: Condition = Field(alias="if")
    arm: Name


class Limit(Part):
    """At most so many requests (or dollars) in a window for each value of a metadata key; then a model, or `stop`."""

    per: MetadataKey
    requests: int | None = Field(default=None, gt=0)
    cost_usd: Annotated[Usd, Field(gt=0)] | None = None
    window_s: int = Field(gt=0)
    then: Name

    @model_validator(mode="after")
    def _counts_one_thing(self) -> Limit:
        if (self.requests is None) == (self.cost_usd is None):
            raise ValueError("counts either `requests` or `cost_usd`")
        return self


class DateField(Part):
    """A day in a cache key: its form (as strftime writes it), and whose midnight counts."""

    form: Annotated[str, StringConstraints(pattern=patterns.DATE_FORM)]
    time_zone: str


class Cache(Part):
    """Answers that may be repeated. The key is the template with the route, arm, prompt and tenant around it.

    `fields` declares what the template names; `shared` says which of those around it do not count.
    """

    key: str = Field(min_length=1)
    fields: dict[MetadataKey, Literal["text"] | DateField] = {}
    ttl_s: int = Field(gt=0)
    shared: tuple[Around, ...] = Field(default=(), strict=False)


def _named(value: Any) -> Any:
    """A fallback may be just the name of a model."""
    return {"model": value} if isinstance(value, str) else value


class Route(Part):
    """routes/<name>.yaml, as one stage sees it: arms with their shares, or verbatim `elements` made elsewhere."""

    version: Literal[1]
    kind: KindName
    intents: tuple[Name, ...] = Field(default=(), strict=False)
    owner: str | None = None
    direct: bool = False
    arms: dict[Name, Target] = {}
    when: tuple[When, ...] = Field(default=(), strict=False)
    limits: tuple[Limit, ...] = Field(default=(), strict=False)
    split: Split | None = None
    tiers: dict[Tier, Split] | None = None
    tier: Tier | None = None
    sticky: Sticky | None = None
    until: datetime.date | None = None
    fallback: tuple[Annotated[Target, BeforeValidator(_named)], ...] = Field(default=(), strict=False)
    deadline_ms: int | None = Field(default=None, gt=0)
    cache: Cache | None = None
    records: tuple[Kept, ...] = Field(default=(), strict=False)
    elements: list[dict[str, Annotated[Any, BeforeValidator(_json)]]] | None = None
    allow: dict[str, Reason] = {}

    def splits(self) -> Mapping[Path, Split]:
        """Each split that is written, by its path: one, one for each tier, or none."""
        if self.tiers is not None:
            return {("tiers", tier): self.tiers[tier] for tier in TIERS if tier in self.tiers}
        return {("split",): self.split} if self.split is not None else {}


def shares(split: Split) -> dict[str, int]:
    """The share of each arm in hundredths, `rest` worked out; they add to 100 in a config without problems."""
    fixed = sum(share for share in split.values() if isinstance(share, int))
    return {arm: share if isinstance(share, int) else 100 - fixed for arm, share in split.items()}


# --- the whole --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    """One file as one stage sees it: what `stages: <stage>` overrides replaces the whole key of that name."""

    document: Document
    stage: str

    @property
    def stages(self) -> Mapping[str, Any]:
        """All stages that the file names, with what they replace."""
        stages = self.document.data.get("stages")
        return stages if isinstance(stages, dict) else {}

    @property
    def overrides(self) -> Mapping[str, Any]:
        """The keys that this stage replaces."""
        own = self.stages.get(self.stage)
        return own if isinstance(own, dict) else {}

    def data(self) -> dict[str, Any]:
        """The file's data with the stage's keys in place, and without `stages`."""
        if "stages" not in self.document.data:
            return self.document.data
        merged = {**self.document.data, **self.overrides}
        del merged["stages"]
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
