"""What goes wrong: each an answer that Cloudflare, or the way to it, gives instead of the right one."""

from __future__ import annotations

from typing import Any

TIMEOUT_S = 0.5
"""How long the provider's client waits in these runs."""


def _refusal(code: int, message: str) -> dict[str, Any]:
    return {"success": False, "result": None, "messages": [], "errors": [{"code": code, "message": message}]}


ANSWERS: dict[str, dict[str, Any]] = {
    "500": {"status": 500, "body": _refusal(1, "trouble")},
    "502 with HTML": {"status": 502, "body": "<h1>Bad gateway</h1>"},
    "429": {"status": 429, "body": _refusal(10429, "slow down")},
    "429, Retry-After": {"status": 429, "body": _refusal(10429, "slow down"), "headers": {"retry-after": "1"}},
    "401/2009": {"status": 401, "body": _refusal(2009, "Unauthorized")},
    "403": {"status": 403, "body": _refusal(10000, "Authentication error")},
    "timeout": {"delay_ms": TIMEOUT_S * 1500},
    "reset before": {"reset": True},
    "reset after applied": {"truncate": 0},
    "truncated JSON": {"truncate": 20},
    "unknown code": {"status": 400, "body": _refusal(4711, "nobody knows")},
    "duplicate name": {"status": 409, "body": _refusal(7001, "a thing with this name already exists")},
}
ONCE = frozenset({"401/2009"})
"""Seen as throttling, so it passes; lasting, it is a wrong token."""
