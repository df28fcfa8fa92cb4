"""Errors of the data plane, each in the words of who made them."""

from __future__ import annotations

from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Refusal, Reply, reply_json


@behaviour("errors of a gateway are in the singular `error`", "LIVE", "docs#31050, cloudflare/ai#611")
def gateway_error(status: int, code: int, message: str) -> Refusal:
    """A refusal by the gateway itself."""
    body: dict[str, Any] = {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": code, "message": message}],
        "name": "AiGatewayError",
        "httpCode": status,
        "internalCode": code,
    }
    return Refusal(reply_json(body, status))


def as_gateway_error(failed: UpstreamFailed) -> Reply:
    return gateway_error(failed.status, failed.code, failed.message).reply


@behaviour("errors of Workers AI are in `errors`, like those of api.cloudflare.com", "DOC", "errors@0309c8be")
def as_workers_ai_error(failed: UpstreamFailed) -> Reply:
    errors = [{"message": failed.message, "code": failed.code}]
    return reply_json({"errors": errors, "success": False, "result": {}, "messages": []}, failed.status)


def as_openai_error(failed: UpstreamFailed) -> Reply:
    kind = "rate_limit_exceeded" if failed.status == 429 else "server_error" if failed.status >= 500 else None
    error = {"message": failed.message, "type": kind or "invalid_request_error", "param": None, "code": kind}
    return reply_json({"error": error}, failed.status)


def as_anthropic_error(failed: UpstreamFailed) -> Reply:
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    kind = kinds.get(failed.status, "api_error" if failed.status >= 500 else "invalid_request_error")
    return reply_json({"type": "error", "error": {"type": kind, "message": failed.message}}, failed.status)
