"""Serves inference through the gateway that was deployed: one small client for every intent."""

from gateway_config.runtime.aio import AsyncClient
from gateway_config.runtime.answer import Answer, Attempt, Outcome, ServedBy, Timing, ToolCall, Usage
from gateway_config.runtime.classify import Verdict
from gateway_config.runtime.client import Client
from gateway_config.runtime.drift import Drift
from gateway_config.runtime.drive import AsyncStream, Stream
from gateway_config.runtime.embed import Embeddings
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
    UnfitAnswerError,
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
from gateway_config.runtime.image import Image
from gateway_config.runtime.rerank import Ranked, Ranking
from gateway_config.runtime.settings import Settings
from gateway_config.runtime.speak import Speech
from gateway_config.runtime.transcribe import Transcript

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
    "Embeddings",
    "Event",
    "GatewayMissingError",
    "Image",
    "InputError",
    "KindMismatchError",
    "MissingSettingError",
    "NoModelAnsweredError",
    "Outcome",
    "Ranked",
    "Ranking",
    "RateLimitedError",
    "ReasoningEvent",
    "RouteMissingError",
    "ServedBy",
    "Settings",
    "Speech",
    "Stream",
    "StreamInterruptedError",
    "TextEvent",
    "Timing",
    "TooLargeError",
    "ToolCall",
    "ToolCallEvent",
    "Transcript",
    "UnauthorizedError",
    "UnfitAnswerError",
    "UnknownIntentError",
    "Usage",
    "UsageEvent",
    "Verdict",
]
