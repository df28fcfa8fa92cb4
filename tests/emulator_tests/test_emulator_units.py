"""Small parts of the emulator, without a server."""

from __future__ import annotations

import pytest

from tests.emulator.chance import Chance
from tests.emulator.clock import Clock, parse_timestamp
from tests.emulator.data.walk import chosen
from tests.emulator.data.windows import Window
from tests.emulator.upstreams.json_shape import fitting
from tests.emulator.upstreams.kinds import vector
from tests.emulator.upstreams.programme import Latency
from tests.emulator.upstreams.text import answer_text


def test_latencies_have_the_median_and_the_95th_percentile_they_were_given() -> None:
    chance, latency = Chance(7), Latency(p50_ms=100, p95_ms=300)
    sample = sorted(latency.sample_ms(chance) for _ in range(4000))
    assert sample[2000] == pytest.approx(100, rel=0.05)
    assert sample[3800] == pytest.approx(300, rel=0.1)


def test_a_latency_with_a_median_only_is_fixed() -> None:
    assert {Latency(p50_ms=50).sample_ms(Chance(1)) for _ in range(5)} == {50}


def test_ids_never_move_the_draws() -> None:
    plain, busy = Chance(3), Chance(3)
    busy.uuid()
    busy.secret()
    assert [plain.draw() for _ in range(20)] == [busy.draw() for _ in range(20)]


def test_newer_log_ids_sort_after_older_ones() -> None:
    chance = Chance(1)
    ids = [chance.uuid7(moment) for moment in (1.0, 1.25, 5.0, 1_800_000_000.0)]
    assert ids == sorted(ids)
    assert {one[14] for one in ids} == {"7"}


@pytest.mark.parametrize(("draw", "key"), [(0, "1%"), (1, "49%"), (49, "49%"), (50, "50%"), (99, "50%")])
def test_a_draw_goes_through_the_percentages_in_ascending_order(draw: int, key: str) -> None:
    assert chosen(["50%", "1%", "49%"], draw) == key


def test_a_fixed_window_forgets_at_its_edge_and_a_sliding_one_does_not() -> None:
    fixed, sliding = Window(60, sliding=False), Window(60, sliding=True)
    for window in (fixed, sliding):
        window.add(119, 1)
    assert [window.used(121) for window in (fixed, sliding)] == [0, 1]
    assert sliding.used(180) == 0


def test_a_stopped_clock_stands_and_moves_when_it_is_moved() -> None:
    clock = Clock()
    clock.stop(parse_timestamp("2026-11-01T00:00:00Z"))
    clock.advance(1.5)
    assert clock.timestamp() == "2026-11-01T00:00:01.500Z"


def test_a_clock_that_runs_again_goes_on_from_where_it_stood() -> None:
    clock = Clock()
    clock.stop(1000.0)
    clock.run()
    assert 1000.0 <= clock.now() < 1001.0


def test_text_is_decided_by_model_and_prompt() -> None:
    assert answer_text("a", "x") == answer_text("a", "x")
    assert len({answer_text(model, prompt) for model in "ab" for prompt in "xy"}) == 4


def test_vectors_have_length_one() -> None:
    assert sum(value * value for value in vector("text", 768)) == pytest.approx(1, abs=1e-3)


def test_json_fits_its_schema() -> None:
    schema = {
        "type": "object",
        "properties": {
            "kind": {"enum": ["a", "b"]},
            "count": {"type": "integer", "minimum": 3, "maximum": 4},
            "tags": {"type": "array", "items": {"type": "boolean"}, "minItems": 3},
            "maybe": {"anyOf": [{"type": "null"}, {"type": "string"}]},
        },
    }
    made = fitting(schema, "text")
    assert made["kind"] in ("a", "b")
    assert made["count"] in (3, 4)
    assert (len(made["tags"]), made["maybe"]) == (3, None)


@pytest.mark.parametrize("schema", [{"enum": 3}, {"type": "object", "properties": 3}, {"properties": {"a": 3}}])
def test_what_is_no_schema_is_a_value_error(schema: object) -> None:
    with pytest.raises(ValueError, match="no JSON schema"):
        fitting(schema, "text")
