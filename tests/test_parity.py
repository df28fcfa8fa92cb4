"""Two readers of one graph: `decide`, and the emulator's walker, which was written without it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from random import Random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway_config.decide import decide, distribution
from gateway_config.wire import from_wire, to_wire
from tests.compiling import compiled, compiled_case
from tests.configs import Data, as_json, configs, elements, metadata, steady
from tests.emulator.assumptions import Choices
from tests.emulator.chance import Chance
from tests.emulator.control.routes.grammar import wrong_elements
from tests.emulator.data.walk import Draw, Model, Rate, walk

Way = tuple[tuple[str, ...], str | None]
draws = st.lists(st.integers(0, 99), min_size=15, max_size=15)
some_ids = st.sets(st.integers(0, 11).map("e{}".format))


def emulated(
    wire: list[Data], request: dict[str, Any], drawn: list[int], exhausted: Collection[str], failing: Collection[str]
) -> Way:
    """The path, without the end where a model served, and that model, as the emulator's data plane goes."""
    walker = walk({element["id"]: element for element in wire}, {"metadata": request}, Choices())
    left = iter(drawn)
    answer: int | bool | None = None
    try:
        while True:
            match walker.send(answer):  # type: ignore[arg-type]
                case Draw():
                    answer = next(left)
                case Rate(element=element):
                    answer = element not in exhausted
                case Model(element=element):
                    answer = element not in failing
    except StopIteration as end:
        done = end.value
    served = done.served.element if done.served else None
    return tuple(done.path[:-1] if served else done.path), served


def decided(
    wire: list[Data], request: dict[str, Any], drawn: list[int], exhausted: Collection[str], failing: Collection[str]
) -> Way:
    decision = decide(from_wire(wire), request, iter(drawn), exhausted=exhausted, failing=failing)
    assert decision.open is None
    return decision.path, decision.model


@steady
@given(elements())
def test_the_generated_graphs_are_ones_that_the_api_takes(wire: list[Data]) -> None:
    assert [*wrong_elements(wire, Choices(), ())] == []


@steady
@given(configs())
def test_the_compiled_graphs_are_ones_that_the_api_takes(files: dict[str, Data]) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        assert [*wrong_elements(to_wire(route.graph), Choices(), ())] == []


@steady
@given(elements(), metadata, draws, some_ids, some_ids)
def test_both_readers_go_the_same_way(
    wire: list[Data], request: dict[str, Any], drawn: list[int], exhausted: set[str], failing: set[str]
) -> None:
    assert decided(wire, request, drawn, exhausted, failing) == emulated(wire, request, drawn, exhausted, failing)


@steady
@given(configs(), metadata, draws, st.data())
def test_both_readers_go_the_same_way_through_compiled_routes(
    files: dict[str, Data], request: dict[str, Any], drawn: list[int], data: st.DataObject
) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        wire = to_wire(route.graph)
        ids = st.sets(st.sampled_from(sorted(route.graph.elements)))
        exhausted, failing = data.draw(ids), data.draw(ids)
        assert decided(wire, request, drawn, exhausted, failing) == emulated(wire, request, drawn, exhausted, failing)


def test_drawn_often_enough_the_shares_are_the_declared_ones() -> None:
    graph = compiled_case("eight-arms").routes["chat"].graph
    wire, chance, times = to_wire(graph), Chance(7), 20_000
    served = Counter(emulated(wire, {}, [chance.draw() for _ in range(4)], (), ())[1] for _ in range(times))
    chi_square = sum(
        (served[model] - times * share) ** 2 / (times * share) for model, share in distribution(graph, {}).items()
    )
    # Seven degrees of freedom: beyond 24.3 once in a thousand; the seed is fixed, so this never flickers.
    assert chi_square < 24.3


def test_buckets_and_draws_share_alike() -> None:
    graph = compiled_case("ninety-ten").routes["chat"].graph
    chance = Random(3)
    wire = to_wire(graph)
    for _ in range(100):
        bucket = f"{chance.randrange(100):02d}"
        assert emulated(wire, {"bucket": bucket}, [], (), ()) == decided(wire, {"bucket": bucket}, [], (), ())
