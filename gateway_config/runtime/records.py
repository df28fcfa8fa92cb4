"""The schema of usage records, version 1: one flat JSON object for each call, and one for each feedback.

Frozen: a field is never renamed or given another meaning; new ones may be added. Unknown is null, never zero.
Prompts and answers are in no record.

type            "call" or "feedback"
v               1
id              the call's id, 28 hexadecimal digits that sort by time; a record that was shipped twice has the same
trace           of the last attempt; `<first 12 digits of config_digest>.<id>.<attempt>`
at              when the call began, RFC 3339, UTC, milliseconds
stage, gateway_id, kind, intent, route, tier, tenant, project, user
arm             the arm that was assigned; pinned: whether the caller named it
served_upstream, served_model, served_name, served_arm    who answered
status          "ok", "cancelled", or the error's name; http_status, code: of an answer that says no
tokens_in, tokens_out, cached_tokens_in, reasoning_tokens
cost_usd        a decimal number as text, exact
cache           "hit", "miss" or null
prepare_ms, prompt_ms, inference_ms, first_token_ms, parse_ms, total_ms, slowest
graph_digest, config_digest
log_id          the gateway's id of its log entry
finish_reason, deeper_of (the trace of the call that this one went deeper than)
metadata        all metadata, also what found no room; left_out: the keys that found none
attempts        [{number, started_ms, duration_ms, outcome, status, code, element}]

A feedback has type, v, at, trace, id (of the call), feedback_id, thumb (1 or -1), score (0 to 100), note.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import Attempt, Outcome, ServedBy, Timing, Usage
from gateway_config.runtime.call import Call
from gateway_config.runtime.trace import read_trace
from gateway_config.runtime.views import RouteView

VERSION = 1
_UNKNOWN_USAGE = Usage(None, None)
_UNKNOWN_SERVER = ServedBy()
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def call_line(config: CompiledConfig, call: Call, status: str, outcome: Outcome | None, timing: Timing) -> bytes:
    """The record of a call that is over, as a line; `outcome` is None where no answer came."""
    own = _encode(_own_fields(call, status, outcome, timing))
    return f"{_same_fields(config.stage, config.gateway_id, call.view)},{own[1:]}\n".encode()


@lru_cache(maxsize=1024)
def _same_fields(stage: str, gateway_id: str, view: RouteView) -> str:
    """The beginning of every record of a route, which is written out once."""
    route = view.route
    same = {
        "type": "call",
        "v": VERSION,
        "stage": stage,
        "gateway_id": gateway_id,
        "kind": route.kind,
        "route": route.name,
        "graph_digest": route.graph_digest,
        "config_digest": route.config_digest,
    }
    return _encode(same)[:-1]


def _own_fields(call: Call, status: str, outcome: Outcome | None, timing: Timing) -> dict[str, Any]:
    facts = call.facts
    usage = (outcome.usage if outcome else None) or _UNKNOWN_USAGE
    served = outcome.served_by if outcome else _UNKNOWN_SERVER
    last = call.attempts[-1] if call.attempts else None
    return {
        "id": call.request_id,
        "trace": call.last_trace,
        "at": moment(int(call.request_id[:12], 16)),
        "intent": facts.intent,
        "tier": call.tier,
        "tenant": facts.tenant,
        "project": facts.project,
        "user": facts.user,
        "arm": call.assigned_arm,
        "pinned": facts.arm is not None,
        "served_upstream": served.upstream,
        "served_model": served.model,
        "served_name": served.name,
        "served_arm": served.arm,
        "status": status,
        "http_status": last.status if last else None,
        "code": last.code if last else None,
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cached_tokens_in": usage.cached_tokens_in,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": _exact(outcome.cost_usd if outcome else None),
        "cache": outcome.cache if outcome else None,
        "prepare_ms": round(timing.prepare_ms, 3),
        "prompt_ms": round(timing.prompt_ms, 3),
        "inference_ms": round(timing.inference_ms, 3),
        "first_token_ms": None if timing.first_token_ms is None else round(timing.first_token_ms, 3),
        "parse_ms": round(timing.parse_ms, 3),
        "total_ms": round(timing.total_ms, 3),
        "slowest": timing.slowest,
        "log_id": outcome.log_id if outcome else None,
        "finish_reason": getattr(outcome, "finish_reason", None),
        "deeper_of": call.deeper_of,
        "metadata": {**call.metadata, **call.left_out},
        "left_out": list(call.left_out),
        "attempts": [_attempt(attempt) for attempt in call.attempts],
    }


def feedback_line(trace: str, feedback_id: str, thumb: int | None, score: float | None, note: str | None) -> bytes:
    """The record of what somebody thought of an answer, as a line."""
    known = read_trace(trace)
    said = {
        "type": "feedback",
        "v": VERSION,
        "at": moment(time.time_ns() // 1_000_000),
        "trace": trace,
        "id": known.request_id if known else None,
        "feedback_id": feedback_id,
        "thumb": thumb,
        "score": score,
        "note": note,
    }
    return f"{_encode(said)}\n".encode()


def moment(milliseconds: int) -> str:
    """Milliseconds since 1970 as RFC 3339 in UTC."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{_second(seconds)}.{rest:03d}Z"


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _attempt(attempt: Attempt) -> Mapping[str, Any]:
    return {
        "number": attempt.number,
        "started_ms": attempt.started_ms,
        "duration_ms": attempt.duration_ms,
        "outcome": attempt.outcome,
        "status": attempt.status,
        "code": attempt.code,
        "element": attempt.element,
    }


def _exact(cost: Decimal | None) -> str | None:
    return None if cost is None else format(cost, "f")
