"""Serves inference through the gateway that was deployed: one small client for every intent."""

from gateway_config.runtime.aio import AsyncClient
from gateway_config.runtime.answer import Answer, Attempt, ServedBy, Timing, ToolCall, Usage
from gateway_config.runtime.client import Client
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.drive import AsyncStream, Stream
from gateway_config.runtime.errors import (
    AnsweredNoError,
    BlockedError,
    BrokenAnswerError,
    CallError,
    ClientError,
    ConnectionFailedError,
    DeadlineError,
    GatewayMissingError,
    InputError,
    KindMismatchError,
    MissingSettingError,
    NoModelAnsweredError,
    RateLimitedError,
    RouteMissingError,
    StreamInterruptedError,
    TooLargeError,
    UnauthorizedError,
    UnknownIntentError,
)
from gateway_config.runtime.events import (
    DoneEvent,
    Event,
    ReasoningEvent,
    TextEvent,
    ToolCallEvent,
    UsageEvent,
)
from gateway_config.runtime.settings import Settings

__all__ = [
    "Answer",
    "AnsweredNoError",
    "AsyncClient",
    "AsyncStream",
    "Attempt",
    "BlockedError",
    "BrokenAnswerError",
    "CallError",
    "Client",
    "ClientError",
    "ConnectionFailedError",
    "DeadlineError",
    "DoneEvent",
    "Drift",
    "Event",
    "GatewayMissingError",
    "InputError",
    "KindMismatchError",
    "MissingSettingError",
    "NoModelAnsweredError",
    "RateLimitedError",
    "ReasoningEvent",
    "RouteMissingError",
    "ServedBy",
    "Settings",
    "Stream",
    "StreamInterruptedError",
    "TextEvent",
    "Timing",
    "TooLargeError",
    "ToolCall",
    "ToolCallEvent",
    "UnauthorizedError",
    "UnknownIntentError",
    "Usage",
    "UsageEvent",
]
