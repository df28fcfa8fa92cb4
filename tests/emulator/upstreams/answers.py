"""What a model gives back, in no particular dialect: a completion, or an output of its own kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

from tests.emulator.upstreams.programme import Programme


@dataclass
class Completion:
    """What a text model said, and how many tokens it took (those of the reasoning are in tokens_out)."""

    model: str
    text: str
    tokens_in: int
    tokens_out: int
    finish_reason: str = "stop"
    tool_calls: list[dict[str, Any]] = field(default_factory=list)  # {"name": …, "arguments": {…}}
    reasoning: str | None = None
    cost_usd: Decimal | None = None
    pace: Programme = field(default_factory=Programme)
    id: str = ""  # of a cached answer, which keeps its first one
    created_s: float = 0

    @property
    def said(self) -> str:
        return self.text


@dataclass
class Output:
    """What another kind of model gave: JSON, or bytes of some type."""

    model: str
    body: Any
    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: Decimal | None = None
    content_type: str = "application/json"

    @property
    def said(self) -> str:
        return ""


Answer: TypeAlias = Completion | Output
