"""A record's line is written out field by field, and says what an encoder would have made of it."""

import gc
import json
import weakref
from dataclasses import asdict, fields
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import Answer, Attempt, ServedBy, Timing, Usage
from gateway_config.runtime.facts import Facts
from gateway_config.runtime.records.schema import call_line, moment
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.views import ConfigView
from tests.runtime.world import compiled


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CompiledConfig:
    return compiled(tmp_path_factory.mktemp("config"))


counts = st.none() | st.integers(0, 10**15)
texts = st.text(max_size=20)
maybe = st.none() | texts
name = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
times = st.floats(-10, 1e9)
own_metadata = st.dictionaries(
    st.text('abc"\\é\n', min_size=1, max_size=5), name | st.integers() | st.booleans() | times, max_size=9
)
asked = st.builds(
    Facts,
    intent=st.just("sprinter"),
    user=st.none() | name,
    tenant=st.none() | name,
    project=st.none() | name,
    arm=st.sampled_from((None, "champion")),
    metadata=own_metadata,
)
attempts = st.builds(Attempt, st.integers(1, 9), times, times, texts, counts, counts, maybe)
timings = st.builds(Timing, times, times, times, times, times, st.none() | times)


answers = st.none() | st.builds(
    Answer,
    text=st.just(""),
    served_by=st.builds(ServedBy, maybe, maybe, maybe, maybe, maybe),
    usage=st.none() | st.builds(Usage, counts, counts, counts, counts),
    cost_usd=st.none() | st.decimals(0, 1000, allow_nan=False),
    cache=maybe,
    log_id=maybe,
    finish_reason=maybe,
    timing=timings,
    **dict.fromkeys(("intent", "route", "tier", "assigned_arm", "trace", "graph_digest", "config_digest"), st.just("")),
    **dict.fromkeys(("attempts", "metadata", "left_out"), st.just(())),
)


def plain_record(config: CompiledConfig, call: Call, status: str, answer: Answer | None, timing: Timing) -> Any:
    """A record as a dictionary, in the words of its schema."""
    route, last = call.view.route, call.attempts[-1] if call.attempts else None
    return {
        "type": "call",
        "v": 1,
        "stage": config.stage,
        "gateway_id": config.gateway_id,
        "kind": route.kind,
        "route": route.name,
        "graph_digest": route.graph_digest,
        "config_digest": route.config_digest,
        "id": call.request_id,
        "trace": call.last_trace,
        "at": moment(int(call.request_id[:12], 16)),
        **{name: getattr(call.facts, name) for name in ("intent", "tenant", "project", "user")},
        "tier": call.tier,
        "arm": call.assigned_arm,
        "pinned": call.facts.arm is not None,
        "deeper_of": call.deeper_of,
        "prompt": call.prompt,
        "answer": call.answer,
        **{f"served_{n}": answer and getattr(answer.served_by, n) for n in ("upstream", "model", "name", "arm")},
        "status": status,
        "http_status": last and last.status,
        "code": last and last.code,
        **{field.name: answer and answer.usage and getattr(answer.usage, field.name) for field in fields(Usage)},
        "cost_usd": None if answer is None or answer.cost_usd is None else f"{answer.cost_usd:f}",
        **{name: answer and getattr(answer, name) for name in ("cache", "log_id", "finish_reason")},
        **{name: ms if ms is None else round(ms, 3) for name, ms in asdict(timing).items()},
        "slowest": timing.slowest,
        "metadata": {**call.metadata, **call.left_out},
        "left_out": list(call.left_out),
        "attempts": [
            {**asdict(each), "started_ms": round(each.started_ms, 3), "duration_ms": round(each.duration_ms, 3)}
            for each in call.attempts
        ],
    }


@settings(suppress_health_check=[HealthCheck.too_slow])  # a busy machine draws slowly, and is no failure
@given(st.data())
def test_a_line_is_the_json_of_its_record_whatever_its_fields_are(small: CompiledConfig, data: st.DataObject) -> None:
    facts = data.draw(asked)
    call = Call(ConfigView(small).route_of("sprinter", ("chat",)), facts, deeper_of=data.draw(maybe))
    call.attempts.extend(data.draw(st.lists(attempts, max_size=3)))
    call.prompt, call.answer = data.draw(maybe), data.draw(maybe)
    status, answer, timing = data.draw(texts), data.draw(answers), data.draw(timings)
    line = call_line(small, call, status, answer, timing)
    assert line.count(b"\n") == 1
    assert json.loads(line) == plain_record(small, call, status, answer, timing)


def test_a_line_keeps_no_route_in_memory_whose_config_was_replaced(small: CompiledConfig) -> None:
    view = ConfigView(small).route_of("sprinter", ("chat",))
    gone = weakref.ref(view)
    call = Call(view, Facts("sprinter"))
    call_line(small, call, "ok", None, call.timing())
    del view, call
    gc.collect()
    assert gone() is None
