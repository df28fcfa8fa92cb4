"""What a call gives back, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

_PHASES = ("prepare", "prompt", "inference", "parse")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of a call as the model counted them; None is unknown, never zero."""

    tokens_in: int | None
    tokens_out: int | None
    cached_tokens_in: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ServedBy:
    """Who answered, by the gateway's headers; `arm` where that model belongs to one arm of the route.

    `element` is the model element of the graph, `name` the model's name in gateway.yaml. None is unknown.
    """

    upstream: str | None = None
    model: str | None = None
    element: str | None = None
    arm: str | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP try; times in milliseconds, `started_ms` since the call began. `outcome` is "ok" or an error's name."""

    number: int
    started_ms: float
    duration_ms: float
    outcome: str
    status: int | None = None
    code: int | None = None
    element: str | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time of a call went, in milliseconds.

    `inference_ms` covers all attempts and waits; `first_token_ms` is known of streams only.
    """

    prepare_ms: float
    prompt_ms: float
    inference_ms: float
    parse_ms: float
    total_ms: float
    first_token_ms: float | None = None

    @property
    def slowest(self) -> str:
        """The name of the slowest phase."""
        phases = (self.prepare_ms, self.prompt_ms, self.inference_ms, self.parse_ms)
        return _PHASES[phases.index(max(phases))]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model wants made; `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is known of every call that got its answer, whatever the kind of model.

    `assigned_arm` is what the sent metadata means in the declared graph, `served_by` what the gateway says happened.
    `cost_usd` and `usage` are None where they are not known. `left_out` is metadata that found no room.
    """

    intent: str
    route: str
    tier: str | None
    assigned_arm: str | None
    served_by: ServedBy
    usage: Usage | None
    cost_usd: Decimal | None
    cache: str | None
    timing: Timing
    trace: str
    log_id: str | None
    graph_digest: str
    config_digest: str
    attempts: tuple[Attempt, ...]
    metadata: Mapping[str, Any]
    left_out: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer(Outcome):
    """The answer of a text model.

    `reasoning` is what it thought, or the summary of that. `data` is the JSON of an answer that had to fit a schema.
    `question` is what was asked, for `deeper`.
    """

    text: str
    reasoning: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: str | None = None
    data: Any = None
    question: tuple[str, Any, Mapping[str, Any]] = field(default=("", "", {}), repr=False, compare=False)
