"""What a stream consists of: typed events, whatever the wire speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from gateway_config.runtime.answer import Answer, ToolCall, Usage


@dataclass(slots=True)
class TextEvent:
    """A piece of the answer; all of them together are the answer's text."""

    text: str
    type: ClassVar[Literal["text"]] = "text"


@dataclass(slots=True)
class ReasoningEvent:
    """A piece of what the model thinks; no part of the answer."""

    text: str
    type: ClassVar[Literal["reasoning"]] = "reasoning"


@dataclass(slots=True)
class ToolCallEvent:
    """A whole tool call."""

    call: ToolCall
    type: ClassVar[Literal["tool_call"]] = "tool_call"


@dataclass(slots=True)
class UsageEvent:
    """The tokens of the call; missing where the model does not tell."""

    usage: Usage
    type: ClassVar[Literal["usage"]] = "usage"


@dataclass(slots=True)
class DoneEvent:
    """The last event of every stream that was not interrupted: the whole answer."""

    answer: Answer
    type: ClassVar[Literal["done"]] = "done"


Event = TextEvent | ReasoningEvent | ToolCallEvent | UsageEvent | DoneEvent
