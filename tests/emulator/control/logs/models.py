"""Gateway logs: records and rules.  They are not part of the exported state."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.evidence import behaviour

MOST_KEPT = 20_000  # of this emulator, whatever a gateway's log_management says
HEAD_BYTES = 64 * 1024


@dataclass
class LogEntry:
    """One request a gateway served or refused; bodies are null where they were not collected."""

    id: str
    created_at: str
    provider: str
    model: str
    model_type: str | None
    path: str
    duration: int
    success: bool
    status_code: int
    cached: bool
    tokens_in: int | None
    tokens_out: int | None
    cost: float | None
    custom_cost: bool
    metadata: str
    event_id: str
    request_type: str
    request_content_type: str
    response_content_type: str
    step: int
    request: bytes | None = None
    response: bytes | None = None
    feedback: int | None = None
    score: float | None = None

    def as_dict(self) -> dict[str, Any]:
        hidden = ("request", "response", "feedback", "score")
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def in_full(self) -> dict[str, Any]:
        """With the beginnings of the bodies."""
        request, response = self.request or b"", self.response or b""
        return {
            **self.as_dict(),
            "request_head": request[:HEAD_BYTES].decode(errors="replace"),
            "request_head_complete": len(request) <= HEAD_BYTES,
            "request_size": len(request),
            "response_head": response[:HEAD_BYTES].decode(errors="replace"),
            "response_head_complete": len(response) <= HEAD_BYTES,
            "response_size": len(response),
        }


@dataclass
class GatewayLogs:
    """The logs of one account: by gateway, then by id, oldest first."""

    by_gateway: dict[str, OrderedDict[str, LogEntry]] = field(default_factory=dict)

    def of(self, gateway: str) -> OrderedDict[str, LogEntry]:
        return self.by_gateway.setdefault(gateway, OrderedDict())

    @behaviour("a full log stops taking entries, or forgets the oldest", "OAS", "log_management_strategy")
    def insert(self, gateway: str, entry: LogEntry, settings: dict[str, Any]) -> None:
        entries = self.of(gateway)
        most = min(settings["log_management"] or MOST_KEPT, MOST_KEPT)
        stops = settings["log_management_strategy"] == "STOP_INSERTING" and most < MOST_KEPT
        if len(entries) >= most and stops:
            return
        entries[entry.id] = entry
        while len(entries) > most:
            entries.popitem(last=False)
