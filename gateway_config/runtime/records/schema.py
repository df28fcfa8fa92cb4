"""The schema of usage records, version 1: one flat JSON object for each call, and one for each feedback.

Frozen: a field is never renamed or given another meaning; new ones may be added. Unknown is null, never zero.
Prompts and answers are in no record, except of a route that asks for them.

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
prompt, answer  null unless the route asks for them (`records: [prompt, answer]`); then text, cut after 20,000
                characters, with a mark. A prompt is the text that the caller gave; messages, several texts or a query
                with its documents are JSON, without pictures. An answer is what was said (chat, vision, transcribe),
                of a stream that ended early what had come. Null in records older than these two fields, too.
attempts        [{number, started_ms, duration_ms, outcome, status, code, element}]

A feedback has type, v, at, trace, id (of the call), feedback_id, thumb (1 or -1), score (0 to 100), note.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quoted

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import Attempt, Outcome, ServedBy, Timing, Usage
from gateway_config.runtime.facts import Scalar
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.trace import read_trace

VERSION = 1
_UNKNOWN_USAGE = Usage(None, None)
_UNKNOWN_SERVER = ServedBy()
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def call_line(config: CompiledConfig, call: Call, status: str, outcome: Outcome | None, timing: Timing) -> bytes:
    """The record of a call that is over, as a line; `outcome` is None where no answer came.

    It is written out field by field, which takes half the time of a dictionary and an encoder.
    """
    route = call.view.route
    begin = _same_fields(
        config.stage, config.gateway_id, route.kind, route.name, route.graph_digest, route.config_digest
    )
    times, told = _time_fields(timing), _attempt_fields(call)
    return f"{begin},{_call_fields(call)},{_answer_fields(status, outcome)},{times},{told}}}\n".encode()


@lru_cache(maxsize=1024)  # of texts: a route would be kept in memory after its config was replaced
def _same_fields(stage: str, gateway_id: str, kind: str, route: str, graph_digest: str, config_digest: str) -> str:
    """The beginning of every record of a route, which is written out once."""
    same = {
        "type": "call",
        "v": VERSION,
        "stage": stage,
        "gateway_id": gateway_id,
        "kind": kind,
        "route": route,
        "graph_digest": graph_digest,
        "config_digest": config_digest,
    }
    return _encode(same)[:-1]


def _call_fields(call: Call) -> str:
    facts = call.facts
    return (
        f'"id":{_text(call.request_id)}'
        f',"trace":{_text(call.last_trace)}'
        f',"at":{_text(moment(int(call.request_id[:12], 16)))}'
        f',"intent":{_text(facts.intent)}'
        f',"tier":{_text(call.tier)}'
        f',"tenant":{_text(facts.tenant)}'
        f',"project":{_text(facts.project)}'
        f',"user":{_text(facts.user)}'
        f',"arm":{_text(call.assigned_arm)}'
        f',"pinned":{"false" if facts.arm is None else "true"}'
        f',"deeper_of":{_text(call.deeper_of)}'
        f',"prompt":{_text(call.prompt)}'
        f',"answer":{_text(call.answer)}'
    )


def _answer_fields(status: str, outcome: Outcome | None) -> str:
    served = outcome.served_by if outcome else _UNKNOWN_SERVER
    usage = (outcome.usage if outcome else None) or _UNKNOWN_USAGE
    return (
        f'"served_upstream":{_text(served.upstream)}'
        f',"served_model":{_text(served.model)}'
        f',"served_name":{_text(served.name)}'
        f',"served_arm":{_text(served.arm)}'
        f',"status":{_text(status)}'
        f',"tokens_in":{_count(usage.tokens_in)}'
        f',"tokens_out":{_count(usage.tokens_out)}'
        f',"cached_tokens_in":{_count(usage.cached_tokens_in)}'
        f',"reasoning_tokens":{_count(usage.reasoning_tokens)}'
        f',"cost_usd":{_text(_exact(outcome.cost_usd if outcome else None))}'
        f',"cache":{_text(outcome.cache if outcome else None)}'
        f',"log_id":{_text(outcome.log_id if outcome else None)}'
        f',"finish_reason":{_text(getattr(outcome, "finish_reason", None))}'
    )


def _time_fields(timing: Timing) -> str:
    first_token_ms = "null" if timing.first_token_ms is None else f"{timing.first_token_ms:.3f}"
    return (
        f'"prepare_ms":{timing.prepare_ms:.3f}'
        f',"prompt_ms":{timing.prompt_ms:.3f}'
        f',"inference_ms":{timing.inference_ms:.3f}'
        f',"first_token_ms":{first_token_ms}'
        f',"parse_ms":{timing.parse_ms:.3f}'
        f',"total_ms":{timing.total_ms:.3f}'
        f',"slowest":"{timing.slowest}"'
    )


def _attempt_fields(call: Call) -> str:
    """What was sent, and what came of each try."""
    last = call.attempts[-1] if call.attempts else None
    metadata = ",".join([f"{_quoted(key)}:{_scalar(value)}" for key, value in _all_metadata(call).items()])
    return (
        f'"http_status":{_count(last.status if last else None)}'
        f',"code":{_count(last.code if last else None)}'
        f',"metadata":{{{metadata}}}'
        f',"left_out":[{",".join(map(_quoted, call.left_out))}]'
        f',"attempts":[{",".join(map(_attempt, call.attempts))}]'
    )


def _all_metadata(call: Call) -> Mapping[str, Scalar]:
    return {**call.metadata, **call.left_out} if call.left_out else call.metadata


def _attempt(attempt: Attempt) -> str:
    return (
        f'{{"number":{attempt.number}'
        f',"started_ms":{attempt.started_ms:.3f}'
        f',"duration_ms":{attempt.duration_ms:.3f}'
        f',"outcome":{_text(attempt.outcome)}'
        f',"status":{_count(attempt.status)}'
        f',"code":{_count(attempt.code)}'
        f',"element":{_text(attempt.element)}}}'
    )


def _text(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


def _count(value: int | None) -> str:
    return "null" if value is None else format(value, "d")


def _scalar(value: Scalar) -> str:
    return _quoted(value) if isinstance(value, str) else _encode(value)


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


def _exact(cost: Decimal | None) -> str | None:
    return None if cost is None else format(cost, "f")
