"""Two graphs that do the same thing have the same digest, whatever their ids and order."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.compile import compile_config
from gateway_config.errors import GraphError
from gateway_config.graph import END, MODEL, PERCENTAGE, START, Element, Graph, canonical_json, graph_digest, percent
from gateway_config.wire import from_wire, to_wire
from tests.compiling import compiled, config_of
from tests.configs import Data, as_json, as_permuted_yaml, configs, elements, steady

chances = st.integers(0, 10**6).map(random.Random)
S = Element("start", START, {}, {"next": "m"})
M = Element("m", MODEL, {"model": "x"}, {"success": "end", "fallback": "end"})
E = Element("end", END)


def disguised(wire: list[Data], chance: random.Random) -> list[Data]:
    """The same elements as a gateway might return them: other ids, another order, numbers as floats."""
    numbers = chance.sample(range(len(wire)), len(wire))
    names = {element["id"]: f"id-{number}" for element, number in zip(wire, numbers, strict=True)}

    def renamed(element: Data) -> Data:
        outputs = {label: {"elementId": names[edge["elementId"]]} for label, edge in element["outputs"].items()}
        shuffled = chance.sample(list(outputs), len(outputs))
        own = {"id": names[element["id"]], "type": element["type"], "outputs": {key: outputs[key] for key in shuffled}}
        return own | ({"properties": _floats(element["properties"])} if "properties" in element else {})

    return chance.sample([renamed(element) for element in wire], len(wire))


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _floats(value[key]) for key in reversed(value)}
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@steady
@given(configs(), chances)
def test_a_compiled_graph_comes_back_from_the_wire_as_itself(files: dict[str, Data], chance: random.Random) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        wire = json.loads(json.dumps(to_wire(route.graph)))
        assert graph_digest(from_wire(wire)) == route.graph_digest
        assert graph_digest(from_wire(disguised(wire, chance))) == route.graph_digest


@steady
@given(elements(), chances)
def test_a_graph_made_by_others_comes_back_as_itself(wire: list[Data], chance: random.Random) -> None:
    reached = [*from_wire(wire).walk()]
    kept = [element for element in wire if element["id"] in {own.id for own in reached} | {"start"}]
    digest = graph_digest(from_wire(kept))
    assert graph_digest(from_wire(to_wire(from_wire(kept)))) == digest
    assert graph_digest(from_wire(disguised(kept, chance))) == digest


@steady
@given(configs(), chances)
def test_the_order_in_yaml_changes_no_byte(files: dict[str, Data], chance: random.Random) -> None:
    plain, permuted = as_json(files), as_permuted_yaml(files, chance)
    one, other = (compile_config(config_of(texts, texts.pop("gateway"))) for texts in (plain, permuted))
    # Where a route is written is not part of what it means.
    assert _without_places(one.to_json()) == _without_places(other.to_json())


def _without_places(text: str) -> str:
    found = json.loads(text)
    for route in found["routes"].values():
        route["declared"] = route["declared"].split(":")[0]
    return json.dumps(found)


def test_what_the_start_does_not_reach_counts() -> None:
    stray = Element("stray", MODEL, {"model": "y"}, {"success": "end", "fallback": "end"})
    assert graph_digest(Graph.of(S, M, E)) != graph_digest(Graph.of(S, M, E, stray))


def test_the_order_of_what_is_not_reached_does_not_count() -> None:
    strays = [Element(id, MODEL, {"model": id}, {"success": "end", "fallback": "end"}) for id in "xyz"]
    assert graph_digest(Graph.of(S, M, E, *strays)) == graph_digest(Graph.of(*reversed(strays), E, M, S))


@pytest.mark.parametrize(
    "other",
    [
        Element("m", MODEL, {"model": "y"}, {"success": "end", "fallback": "end"}),
        Element("m", MODEL, {"model": "x", "timeout": 0}, {"success": "end", "fallback": "end"}),
        Element("m", MODEL, {"model": "x"}, {"success": "end"}),
        Element("m", END),
    ],
)
def test_any_difference_in_meaning_counts(other: Element) -> None:
    assert graph_digest(Graph.of(S, M, E)) != graph_digest(Graph.of(S, other, E))


def test_where_an_edge_leads_counts() -> None:
    def split(first: str, second: str) -> Graph:
        other = Element("n", MODEL, {"model": "y"}, {"success": "end", "fallback": "end"})
        choice = Element("p", PERCENTAGE, {}, {"90%": first, "10%": second})
        return Graph.of(Element("start", START, {}, {"next": "p"}), choice, M, other, E)

    assert graph_digest(split("m", "n")) != graph_digest(split("n", "m"))


def test_one_element_reached_twice_is_not_two() -> None:
    twin = Element("twin", MODEL, {"model": "x"}, {"success": "end", "fallback": "end"})
    shared = Element("p", PERCENTAGE, {}, {"90%": "m", "10%": "m"})
    apart = Element("p", PERCENTAGE, {}, {"90%": "m", "10%": "twin"})
    start = Element("start", START, {}, {"next": "p"})
    assert graph_digest(Graph.of(start, shared, M, E)) != graph_digest(Graph.of(start, apart, M, twin, E))


def test_a_diamond_of_diamonds_is_walked_once() -> None:
    layers = [Element(f"p{n}", PERCENTAGE, {}, {"60%": f"p{n + 1}", "40%": f"p{n + 1}"}) for n in range(2000)]
    graph = Graph.of(Element("start", START, {}, {"next": "p0"}), *layers, Element("p2000", END))
    assert len([*graph.walk()]) == 2002
    assert len(graph_digest(graph)) == 64


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([M, E], "exactly one start"),
        ([S, Element("s2", START, {}, {"next": "m"}), M, E], "exactly one start"),
        ([S, E], 'leads to "m", which does not exist'),
        ([S, M, M, E], 'two elements have the id "m"'),
    ],
)
def test_what_is_no_graph_says_why(made: list[Element], said: str) -> None:
    with pytest.raises(GraphError, match=said):
        Graph.of(*made)


@pytest.mark.parametrize(("label", "share"), [("10%", 10.0), ("0%", 0.0), ("100%", 100.0), ("12.5%", 12.5)])
def test_a_label_states_its_percentage(label: str, share: float) -> None:
    assert percent(label) == share


@pytest.mark.parametrize(
    "label", ["else", "10", "-1%", "nan%", "inf%", "1e1%", " 1%", "1_0%", "%", "٣%", "9" * 400 + "%"]
)
def test_a_label_that_states_none_is_an_error(label: str) -> None:
    with pytest.raises(GraphError, match='labelled like "10%"'):
        percent(label)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, "é"]}, '{"a":[true,null,"\\u00e9"],"b":1}'),
        (30000.0, "30000"),
        (1.5, "1.5"),
        (-0.0, "0"),
        ((1, 2), "[1,2]"),
    ],
)
def test_one_text_is_hashed_for_one_value(value: Any, text: str) -> None:
    assert canonical_json(value) == text


def test_true_is_not_one() -> None:
    assert canonical_json(True) != canonical_json(1)
