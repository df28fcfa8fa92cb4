"""`…/gateways/{gateway}/logs`: legacy logging, as accounts from before 2026-09-24 have it."""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import problem, refuse
from tests.emulator.control.gateways.responses import GATEWAY, READ, WRITE, gateway_at
from tests.emulator.control.logs.filters import ORDERS, matching
from tests.emulator.control.logs.models import GatewayLogs, LogEntry
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.web import Call, MalformedBody, Reply, reply_json
from tests.emulator.world import World

LOGS = f"{GATEWAY}/logs"
LOG = f"{LOGS}/{{log}}"
MOST_PER_PAGE = 50

LOGGING = assumption("account-logging", "Does the account have the Logs API (legacy), or new logging?", "legacy", "new")


@operation("GET", LOGS, "SDK", "ai_gateway.logs.list", READ)
def list_logs(world: World, call: Call) -> Reply:
    """List logs, newest first unless ordered otherwise."""
    found = matching(_logs(world, call).values(), call.query)
    order = call.query.get("order_by", "created_at")
    if order not in ORDERS:
        raise refuse(400, problem(7001, "Invalid enum value", ("query", "order_by")))
    ascending = call.query.get("order_by_direction", "desc") == "asc"
    found = found if ascending else found[::-1]  # entries of one moment stay in their order
    found.sort(key=lambda entry: str(getattr(entry, order)), reverse=not ascending)
    page, size = _whole(call, "page", 1), min(_whole(call, "per_page", 20), MOST_PER_PAGE)
    shown = found[(page - 1) * size : page * size]
    info = {"page": page, "per_page": size, "count": len(shown), "total_count": len(found)}
    items = [entry.as_dict() for entry in shown]
    return reply_json({"result": items, "result_info": info, "success": True, "errors": [], "messages": []})


@operation("GET", LOG, "SDK", "ai_gateway.logs.get", READ)
def get_log(world: World, call: Call) -> Reply:
    """Get one log entry with the beginnings of its bodies."""
    return reply_json({"success": True, "result": _log_at(world, call).in_full()})


@operation("GET", f"{LOG}/request", "SDK", "ai_gateway.logs.request", READ)
def get_request(world: World, call: Call) -> Reply:
    """The request body as it came in, without an envelope."""
    return Reply(200, _log_at(world, call).request or b"{}")


@operation("GET", f"{LOG}/response", "SDK", "ai_gateway.logs.response", READ)
def get_response(world: World, call: Call) -> Reply:
    """The response body as it went out, without an envelope."""
    return Reply(200, _log_at(world, call).response or b"{}")


@operation("PATCH", LOG, "SDK", "ai_gateway.logs.edit", WRITE)
def edit_log(world: World, call: Call) -> Reply:
    """Feedback on a log entry: thumb, score, metadata."""
    entry, body = _log_at(world, call), call.json_object
    feedback, score, metadata = (body.get(name) for name in ("feedback", "score", "metadata"))
    if feedback not in (None, 1, -1) or isinstance(feedback, bool):
        raise refuse(400, problem(7001, "Invalid", ("body", "feedback")))
    if score is not None and (isinstance(score, bool) or not isinstance(score, int | float)):
        raise refuse(400, problem(7001, "Expected number, received another type", ("body", "score")))
    if metadata is not None and not isinstance(metadata, dict):
        raise refuse(400, problem(7001, "Expected object, received another type", ("body", "metadata")))
    entry.feedback = feedback if "feedback" in body else entry.feedback
    entry.score = score if "score" in body else entry.score
    entry.metadata = json.dumps({**json.loads(entry.metadata), **(metadata or {})})
    return reply_json({"success": True, "result": {}})


@operation("DELETE", LOGS, "SDK", "ai_gateway.logs.delete", WRITE)
def delete_logs(world: World, call: Call) -> Reply:
    """Delete the logs that match, up to a limit."""
    logs = _logs(world, call)
    limit = _whole(call, "limit", len(logs) or 1)
    for entry in matching(logs.values(), call.query)[:limit]:
        del logs[entry.id]
    return reply_json({"success": True})


@behaviour("accounts since 2026-09-24 have no Logs API", "DOC", "logging/legacy-logs")
def _logs(world: World, call: Call) -> OrderedDict[str, LogEntry]:
    gateway = gateway_at(world, call)
    if world.assumes(LOGGING) == "new":
        raise refuse(404, problem(7000, "No route for that URI: this account uses new logging"))
    return world.of(call.params["account"], GatewayLogs).of(gateway.id)


def _log_at(world: World, call: Call) -> LogEntry:
    entry = _logs(world, call).get(call.params["log"])
    if entry is None:
        raise refuse(404, problem(7002, "Log not found"))
    return entry


def _whole(call: Call, name: str, default: int) -> int:
    text: Any = call.query.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) < 10**9:
        raise MalformedBody(f"{name} must be a whole number above 0, not {text!r}")
    return int(text)
