"""The proof: a split gives each arm exactly its share, by draws and by buckets, and a change moves little."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import combinations

import pytest

from gateway_config.buckets import BUCKETS
from gateway_config.decide import decide, distribution
from gateway_config.graph import CONDITIONAL, END, MODEL, PERCENTAGE, START, Element, Graph, graph_digest
from gateway_config.splits import (
    MOST_OUTPUTS,
    buckets_of_arms,
    explained_by_split,
    moved_buckets,
    percentage_elements,
    percentage_shares,
    split_elements,
    split_of,
)
from gateway_config.wire import from_wire, to_wire

Shares = Mapping[str, int]


def compositions(total: int, parts: int) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as this many parts in order, 0 among them."""
    if parts == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in compositions(total - first, parts - 1):
            yield (first, *rest)


def partitions(total: int, parts: int, most: int = 100) -> Iterator[tuple[int, ...]]:
    """All ways to write `total` as this many positive parts, the largest first."""
    if parts == 1:
        if 0 < total <= most:
            yield (total,)
        return
    for first in range(min(most, total - parts + 1), 0, -1):
        for rest in partitions(total - first, parts - 1, first):
            yield (first, *rest)


def random_shares(seed: int, arms: int) -> dict[str, int]:
    chance = random.Random(seed)
    borders = sorted(chance.choices(range(101), k=arms - 1))
    values = [high - low for low, high in zip([0, *borders], [*borders, 100], strict=True)]
    return {f"arm{number}": value for number, value in enumerate(values)}


def named(values: tuple[int, ...]) -> dict[str, int]:
    return dict(zip("abcdefgh", values, strict=False))


def assert_exact(shares: Shares) -> None:
    """Over all paths of the percentages each arm has its share; every element is one that Cloudflare takes."""
    wanted = {arm: share for arm, share in shares.items() if share}
    elements = percentage_elements("split", wanted)
    for element in elements:
        parts = [int(label.removesuffix("%")) for label in element.outputs]
        assert len(parts) <= MOST_OUTPUTS, shares
        assert sum(parts) == 100, shares
        assert min(parts) > 0, shares
    ids = {element.id for element in elements}
    models = [Element(arm, MODEL) for arm in wanted]
    graph = Graph.of(Element("start", START, {}, {"next": elements[0].id}), *elements, *models) if elements else None
    found = percentage_shares(graph, elements[0].id) if graph else {next(iter(wanted)): Fraction(1)}
    assert len(ids) == len(elements)
    assert found == {arm: Fraction(share, 100) for arm, share in wanted.items()}, shares


def graph_of(shares: Shares, route: str = "r") -> Graph:
    ids = {arm: f"{route}.{arm}" for arm in shares}
    split = split_elements(route, shares, ids)
    models = [Element(id, MODEL, {"model": id}, {"success": "end", "fallback": "end"}) for id in ids.values()]
    return Graph.of(Element("start", START, {}, {"next": split[0].id}), *split, *models, Element("end", END))


# --- shares -----------------------------------------------------------------------------------------------------------


def test_every_split_of_two_arms_is_exact() -> None:
    for values in compositions(100, 2):
        assert_exact(named(values))


def test_every_split_of_three_arms_is_exact() -> None:
    for values in compositions(100, 3):
        assert_exact(named(values))


def test_every_split_of_four_arms_is_exact() -> None:
    # The order of the arms takes no part but in ties; the random ones below are in any order.
    for values in partitions(100, 4):
        assert_exact(named(values))


@pytest.mark.parametrize("arms", [4, 5, 6, 7, 8])
def test_random_splits_of_up_to_eight_arms_are_exact(arms: int) -> None:
    for seed in range(150):
        assert_exact(random_shares(seed, arms))


@pytest.mark.parametrize("arms", [10, 20, 25, 50, 100])
def test_splits_of_many_arms_are_exact(arms: int) -> None:
    assert_exact({f"arm{number:03}": 100 // arms for number in range(arms)})


@pytest.mark.parametrize("values", [(50, 50), (34, 33, 33), (25,) * 4, (20,) * 5, (96, 1, 1, 1, 1), (2, 2, 2, 94)])
def test_the_way_through_a_whole_graph_is_as_exact(values: tuple[int, ...]) -> None:
    shares = named(values)
    found = distribution(graph_of(shares), {})
    assert found == {f"r.{arm}": Fraction(share, 100) for arm, share in shares.items()}


def test_the_hundred_draws_find_the_shares() -> None:
    graph = graph_of({"champion": 90, "challenger": 10})
    drawn = [decide(graph, {}, iter([draw])).model for draw in range(100)]
    assert drawn.count("r.challenger") == 10


# --- buckets ----------------------------------------------------------------------------------------------------------


def counted(graph: Graph) -> dict[str | None, int]:
    found = [decide(graph, {"bucket": bucket}).model for bucket in BUCKETS]
    return {model: found.count(model) for model in found}


@pytest.mark.parametrize("seed", range(40))
def test_the_hundred_buckets_find_the_shares(seed: int) -> None:
    shares = random_shares(seed, 2 + seed % 7)
    assert counted(graph_of(shares)) == {f"r.{arm}": share for arm, share in shares.items() if share}


def test_the_name_of_an_arm_finds_it_even_when_parked() -> None:
    graph = graph_of({"champion": 100, "challenger": 0})
    assert decide(graph, {"bucket": "challenger"}).model == "r.challenger"


def test_a_bucket_of_no_meaning_is_drawn_for() -> None:
    graph = graph_of({"champion": 90, "challenger": 10})
    assert decide(graph, {"bucket": "nonsense"}).open == "r.split.1"
    assert decide(graph, {"bucket": 93}).open == "r.split.1"


# --- movement ---------------------------------------------------------------------------------------------------------


def least(before: Shares, after: Shares) -> int:
    return sum(max(0, after.get(arm, 0) - before.get(arm, 0)) for arm in {*before, *after})


def test_two_arms_exchange_exactly_what_they_must() -> None:
    splits = [named(values) for values in compositions(100, 2)]
    for before, after in zip(splits, reversed(splits), strict=True):
        assert sum(moved_buckets(before, after).values()) == least(before, after)
    for before, after in combinations(splits[::9], 2):
        assert sum(moved_buckets(before, after).values()) == least(before, after)


@pytest.mark.parametrize("arms", [3, 4, 5, 6, 7, 8])
def test_more_arms_move_at_most_n_less_one_times_the_least(arms: int) -> None:
    for seed in range(200):
        before, after = random_shares(seed, arms), random_shares(seed + 10_000, arms)
        assert sum(moved_buckets(before, after).values()) <= (arms - 1) * least(before, after)


def test_what_gains_only_gains_with_two_arms() -> None:
    assert moved_buckets({"champion": 90, "challenger": 10}, {"champion": 80, "challenger": 20}) == {
        ("champion", "challenger"): 10
    }


def test_nothing_moves_without_a_change() -> None:
    shares = random_shares(1, 8)
    assert moved_buckets(shares, dict(reversed(shares.items()))) == {}


def test_a_new_arm_moves_at_most_n_less_one_times_its_share() -> None:
    before, after = {"a": 50, "c": 50}, {"a": 45, "b": 10, "c": 45}
    assert sum(moved_buckets(before, after).values()) <= 2 * least(before, after)


def test_buckets_are_neighbours_and_all_are_given_out() -> None:
    ranges = buckets_of_arms(random_shares(3, 6))
    assert sorted(bucket for own in ranges.values() for bucket in own) == list(BUCKETS)
    for own in ranges.values():
        numbers = [int(bucket) for bucket in own]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))) if numbers else True


# --- reading back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(30))
def test_the_shares_can_be_read_back(seed: int) -> None:
    shares = random_shares(seed, 2 + seed % 7)
    assert split_of(from_wire(to_wire(graph_of(shares))), "r") == dict(sorted(shares.items()))


@pytest.mark.parametrize("seed", range(30))
def test_a_change_of_shares_explains_itself(seed: int) -> None:
    arms = 2 + seed % 7
    before, after = random_shares(seed, arms), random_shares(seed + 500, arms)
    assert explained_by_split(graph_of(before), graph_of(after))


def test_another_model_is_not_explained_by_shares() -> None:
    before = graph_of({"a": 90, "b": 10})
    elements = to_wire(graph_of({"a": 80, "b": 20}))
    next(element for element in elements if element["id"] == "r.a")["properties"]["model"] = "another"
    assert not explained_by_split(before, from_wire(elements))


def test_another_arm_is_not_explained_by_shares() -> None:
    assert not explained_by_split(graph_of({"a": 90, "b": 10}), graph_of({"a": 90, "c": 10}))


def spoiled(change: dict[str, int], buckets: list[str] | None = None, pin: str | None = None) -> Graph:
    """A split whose percentages, buckets or names somebody edited by hand."""
    elements = dict(graph_of({"a": 90, "b": 10}).elements)
    for element in list(elements.values()):
        if element.type == PERCENTAGE:
            outputs = {f"{share}%": f"r.{arm}" for arm, share in change.items()}
            elements[element.id] = Element(element.id, PERCENTAGE, {}, outputs)
        if element.type == CONDITIONAL and element.id == "r.in.b":
            wanted = [*(buckets if buckets is not None else BUCKETS[90:]), pin or "b"]
            elements[element.id] = Element(
                element.id, CONDITIONAL, {"conditions": {"metadata.bucket": {"$in": wanted}}}, element.outputs
            )
    return Graph(elements)


def test_an_unspoiled_split_is_read() -> None:
    own = [bucket for bucket in BUCKETS if decide(graph_of({"a": 90, "b": 10}), {"bucket": bucket}).model == "r.b"]
    assert split_of(spoiled({"a": 90, "b": 10}, own), "r") == {"a": 90, "b": 10}


@pytest.mark.parametrize(
    "graph",
    [
        spoiled({"a": 80, "b": 20}),
        spoiled({"a": 90, "b": 10}, list(BUCKETS[50:])),
        spoiled({"a": 90, "b": 10}, []),
        spoiled({"a": 90, "b": 10}, pin="a"),
        spoiled({"a": 100}),
    ],
)
def test_a_split_that_disagrees_with_itself_is_none(graph: Graph) -> None:
    assert split_of(graph, "r") is None
    assert not explained_by_split(graph, graph_of({"a": 80, "b": 20}))


@pytest.mark.parametrize("label", ["else", "nan%", "inf%", "-5%", "1e1%", "10"])
def test_a_percentage_with_a_strange_label_is_no_split_of_ours(label: str) -> None:
    elements = dict(graph_of({"a": 90, "b": 10}).elements)
    elements["r.split.1"] = Element("r.split.1", PERCENTAGE, {}, {"90%": "r.a", label: "r.b"})
    assert split_of(Graph(elements), "r") is None


def test_a_circle_of_percentages_is_no_split_of_ours() -> None:
    elements = dict(graph_of({"a": 90, "b": 10}).elements)
    elements["r.split.1"] = Element("r.split.1", PERCENTAGE, {}, {"90%": "r.a", "10%": "r.split.1"})
    assert split_of(Graph(elements), "r") is None


def test_the_order_of_arms_takes_no_part_in_the_digest() -> None:
    shares = random_shares(5, 6)
    assert graph_digest(graph_of(shares)) == graph_digest(graph_of(dict(reversed(shares.items()))))
