"""Serves inference through the gateway that was deployed: one small client for every intent."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway_config.runtime.aio import AsyncClient
    from gateway_config.runtime.answer import Answer, Attempt, Outcome, ServedBy, Timing, ToolCall, Usage
    from gateway_config.runtime.client import Client
    from gateway_config.runtime.drift import Drift
    from gateway_config.runtime.errors import (
        AnsweredNoError,
        BlockedError,
        BrokenAnswerError,
        CallError,
        ClientError,
        ConnectionFailedError,
        DeadlineError,
        DriftError,
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
    from gateway_config.runtime.kinds.batch import Job
    from gateway_config.runtime.kinds.classify import Verdict
    from gateway_config.runtime.kinds.embed import Embeddings
    from gateway_config.runtime.kinds.image import Image
    from gateway_config.runtime.kinds.rerank import Ranked, Ranking
    from gateway_config.runtime.kinds.speak import Speech
    from gateway_config.runtime.kinds.transcribe import Transcript
    from gateway_config.runtime.sending.drive import Stream
    from gateway_config.runtime.sending.drive_async import AsyncStream
    from gateway_config.runtime.settings import Settings

# The names of each module, which is imported when one of them is used: an application pays for what it asks for.
_NAMES = {
    "aio": ("AsyncClient",),
    "answer": (
        "Answer",
        "Attempt",
        "Outcome",
        "ServedBy",
        "Timing",
        "ToolCall",
        "Usage",
    ),
    "client": ("Client",),
    "drift": ("Drift",),
    "errors": (
        "AnsweredNoError",
        "BlockedError",
        "BrokenAnswerError",
        "CallError",
        "ClientError",
        "ConnectionFailedError",
        "DeadlineError",
        "DriftError",
        "GatewayMissingError",
        "InputError",
        "KindMismatchError",
        "MissingSettingError",
        "NoModelAnsweredError",
        "RateLimitedError",
        "RouteMissingError",
        "StreamInterruptedError",
        "TooLargeError",
        "UnauthorizedError",
        "UnfitAnswerError",
        "UnknownIntentError",
    ),
    "events": (
        "DoneEvent",
        "Event",
        "ReasoningEvent",
        "TextEvent",
        "ToolCallEvent",
        "UsageEvent",
    ),
    "kinds.batch": ("Job",),
    "kinds.classify": ("Verdict",),
    "kinds.embed": ("Embeddings",),
    "kinds.image": ("Image",),
    "kinds.rerank": (
        "Ranked",
        "Ranking",
    ),
    "kinds.speak": ("Speech",),
    "kinds.transcribe": ("Transcript",),
    "sending.drive": ("Stream",),
    "sending.drive_async": ("AsyncStream",),
    "settings": ("Settings",),
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names}

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
    "DriftError",
    "Embeddings",
    "Event",
    "GatewayMissingError",
    "Image",
    "InputError",
    "Job",
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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value
