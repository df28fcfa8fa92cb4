"""Errors of a gateway: the singular `error`, with name, httpCode and internalCode."""

from __future__ import annotations

from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.web import Refusal, Reply, reply_json


@behaviour("errors of a gateway are in the singular `error`", "LIVE", "facts 3.4")
def gateway_error(status: int, code: int, message: str) -> Refusal:
    """A refusal by the gateway itself."""
    return Refusal(gateway_error_reply(status, code, message))


def gateway_error_reply(status: int, code: int, message: str) -> Reply:
    body: dict[str, Any] = {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": code, "message": message}],
        "name": "AiGatewayError",
        "httpCode": status,
        "internalCode": code,
    }
    return reply_json(body, status)
