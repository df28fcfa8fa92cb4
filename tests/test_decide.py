"""The way of one request through a graph, as a pure function of what is known of it."""

from __future__ import annotations

import gc
import weakref
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.decide import decide, distribution
from gateway_config.errors import GraphError
from gateway_config.graph import MODEL, RATE, Graph
from gateway_config.wire import from_wire, to_wire
from tests.compiling import compiled, compiled_case
from tests.configs import Data, as_json, configs, metadata, steady


def graph(case: str, route: str = "chat") -> Graph:
    return compiled_case(case).routes[route].graph


def test_a_single_arm_answers() -> None:
    decision = decide(graph("single-arm"), {})
    assert decision.path == ("start", "chat.only")
    assert decision.model == "chat.only"


def test_a_bucket_decides_the_arm() -> None:
    ninety_ten = graph("ninety-ten")
    arms = [decide(ninety_ten, {"bucket": bucket}).model for bucket in ("00", "89", "90", "99")]
    assert arms == ["chat.champion", "chat.champion", "chat.challenger", "chat.challenger"]


def test_the_path_names_every_element_on_the_way() -> None:
    assert decide(graph("ninety-ten"), {"bucket": "05"}).path == (
        "start",
        "chat.in.challenger",
        "chat.in.champion",
        "chat.champion",
    )


def test_the_name_of_an_arm_pins_it() -> None:
    assert decide(graph("parked-arm"), {"bucket": "challenger"}).model == "chat.challenger"


def test_a_caller_without_a_bucket_needs_a_draw() -> None:
    decision = decide(graph("ninety-ten"), {})
    assert (decision.model, decision.open) == (None, "chat.split.1")
    assert decide(graph("ninety-ten"), {}, iter([9])).model == "chat.challenger"
    assert decide(graph("ninety-ten"), {}, iter([10])).model == "chat.champion"


def test_draws_that_run_out_leave_the_way_open() -> None:
    four = graph("four-equal-arms")
    assert decide(four, {}, iter([99])).open == "chat.split.2"
    assert decide(four, {}, iter([])).open == "chat.split.1"


@pytest.mark.parametrize("draw", [100, 1000])
def test_a_draw_beyond_the_shares_is_an_error(draw: int) -> None:
    with pytest.raises(GraphError, match=rf"the draw {draw} is beyond the shares"):
        decide(graph("ninety-ten"), {}, iter([draw]))


def test_a_failed_model_falls_back_to_the_next() -> None:
    chain = graph("fallback-chain")
    assert decide(chain, {}, failing=["chat.only"]).model == "chat.fallback.medium"
    assert decide(chain, {}, failing=["chat.only", "chat.fallback.medium"]).model == "chat.fallback.large"


def test_a_chain_that_fails_to_its_end_has_no_model() -> None:
    chain = graph("fallback-chain")
    decision = decide(chain, {}, failing=chain.elements)
    assert decision.model is None
    assert decision.path[-1] == "end"


def test_beyond_a_limit_another_model_answers() -> None:
    limited = graph("limit-of-requests")
    assert decide(limited, {}).model == "chat.only"
    assert decide(limited, {}, exhausted=["chat.limit.1"]).model == "chat.beyond.small"


def test_beyond_a_limit_that_stops_nobody_answers() -> None:
    assert decide(graph("limit-that-stops"), {}, exhausted=["chat.limit.1"]).model is None


def test_a_condition_goes_before_the_split() -> None:
    when = graph("when")
    assert decide(when, {"plan": "free", "bucket": "challenger"}).model == "chat.champion"
    assert decide(when, {"plan": "trial", "bucket": "champion"}).model == "chat.challenger"
    assert decide(when, {"country": "FR", "project": "shop"}).model == "chat.challenger"
    assert decide(when, {"country": "DE", "project": "shop", "bucket": "00"}).model == "chat.champion"


def test_a_request_without_a_tier_gets_the_default_one() -> None:
    tiers = graph("tiers")
    assert decide(tiers, {"tier": "edge"}).model == "chat.quick"
    assert decide(tiers, {"bucket": "99"}).model == "chat.deep"


def test_the_front_door_leads_to_the_route_of_the_intent() -> None:
    door = graph("front-door", "ask")
    assert decide(door, {"intent": "plan"}).model == "think.only"
    assert decide(door, {"intent": "chat", "bucket": "00"}).model == "chat.champion"
    assert decide(door, {"intent": "unheard-of", "bucket": "00"}).model == "chat.champion"


def test_the_front_door_decides_as_the_route_itself() -> None:
    door, inner = graph("front-door", "ask"), graph("front-door", "chat")
    for bucket in ("00", "50", "89", "90", "99", "champion"):
        assert decide(door, {"intent": "chat", "bucket": bucket}).model == decide(inner, {"bucket": bucket}).model, (
            bucket
        )


# --- graphs made by others --------------------------------------------------------------------------------------------


def wire(*elements: Data) -> Graph:
    end = {"id": "end", "type": "end", "outputs": {}}
    start = {"id": "start", "type": "start", "outputs": {"next": {"elementId": elements[0]["id"]}}}
    return from_wire([start, *elements, end])


def edges(**outputs: str) -> Data:
    return {label: {"elementId": target} for label, target in outputs.items()}


def conditional(id: str, conditions: Any, yes: str, no: str) -> Data:
    properties = {"conditions": conditions}
    return {"id": id, "type": "conditional", "properties": properties, "outputs": edges(true=yes, false=no)}


@pytest.mark.parametrize("conditions", [{"metadata.age": {"$gt": 18}}, {"body.user": "x"}, {"$nor": []}, None, [1]])
def test_a_condition_that_only_cloudflare_can_tell_leaves_the_way_open(conditions: Any) -> None:
    asked = wire(conditional("c", conditions, "end", "end"))
    decision = decide(asked, {"age": 20})
    assert (decision.path, decision.model, decision.open) == (("start", "c"), None, "c")
    assert distribution(asked, {}) == {None: Fraction(1)}


def test_a_circle_is_an_error() -> None:
    with pytest.raises(GraphError, match="in a circle"):
        decide(wire(conditional("a", {}, "b", "b"), conditional("b", {}, "a", "a")), {})


def test_a_circle_of_look_ups_is_an_error() -> None:
    asked = {"metadata.intent": {"$eq": "x"}}
    with pytest.raises(GraphError, match="in a circle"):
        decide(wire(conditional("a", asked, "end", "b"), conditional("b", asked, "end", "a")), {})


def test_a_circle_of_percentages_has_no_distribution() -> None:
    again = {"id": "p", "type": "percentage", "outputs": {"50%": {"elementId": "p"}, "49%": {"elementId": "end"}}}
    with pytest.raises(GraphError, match='in a circle through "p"'):
        distribution(wire(again), {})


def test_a_missing_output_is_named() -> None:
    model = {"id": "m", "type": "model", "outputs": edges(success="end")}
    with pytest.raises(GraphError, match='element "m" has no output "fallback"'):
        decide(wire(model), {}, failing=["m"])


def test_a_long_chain_of_conditions_is_decided() -> None:
    chain = [
        conditional(f"c{number}", {"metadata.intent": {"$in": [f"i{number}"]}}, "end", f"c{number + 1}")
        for number in range(900)
    ]
    asked = wire(*chain, {"id": "c900", "type": "model", "outputs": edges(success="end", fallback="end")})
    assert len(decide(asked, {"intent": "i899"}).path) == 902
    assert decide(asked, {"intent": "none"}).model == "c900"


def test_the_distribution_passes_each_percentage_once() -> None:
    # Two to the sixtieth paths, of which none is walked.
    layers = [
        {
            "id": f"p{number}",
            "type": "percentage",
            "outputs": edges(**{"60%": f"p{number + 1}", "40%": f"p{number + 1}"}),
        }
        for number in range(60)
    ]
    model = {"id": "p60", "type": "model", "outputs": edges(success="end", fallback="end")}
    assert distribution(wire(*layers, model), {}) == {"p60": Fraction(1)}


# --- on generated configs ---------------------------------------------------------------------------------------------


@steady
@given(configs(), st.lists(metadata, min_size=1, max_size=5), st.data())
def test_any_request_is_decided_on_any_compiled_graph(
    files: dict[str, Data], requests: list[dict[str, Any]], data: st.DataObject
) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        ids = {type: [e.id for e in route.graph.elements.values() if e.type == type] for type in (MODEL, RATE)}
        failing = data.draw(st.sets(st.sampled_from(ids[MODEL])))
        exhausted = data.draw(st.sets(st.sampled_from(ids[RATE]))) if ids[RATE] else set()
        for request in requests:
            draws = data.draw(st.lists(st.integers(0, 99), max_size=3))
            decision = decide(route.graph, request, iter(draws), exhausted=exhausted, failing=failing)
            assert decision.path[0] == "start"
            assert decision.path[-1] in (decision.model, decision.open, "end")
            assert decision.model not in failing


@steady
@given(configs(), metadata)
def test_all_probabilities_add_to_one(files: dict[str, Data], request: dict[str, Any]) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        found = distribution(route.graph, request)
        assert sum(found.values()) == 1
        # Only a front door without `otherwise` leads to no model, for an intent that nobody serves.
        assert None not in found or route.name == "ask"


@steady
@given(configs(), metadata)
def test_a_decision_without_a_draw_is_certain(files: dict[str, Data], request: dict[str, Any]) -> None:
    texts = as_json(files)
    for route in compiled(texts, texts.pop("gateway")).routes.values():
        decision = decide(route.graph, request)
        if decision.open is None:
            assert distribution(route.graph, request) == {decision.model: Fraction(1)}
        else:
            assert len(distribution(route.graph, request)) > 1


# --- models that follow each other ------------------------------------------------------------------------------------


def model(id: str, success: str = "end", fallback: str = "end") -> Data:
    return {"id": id, "type": "model", "outputs": edges(success=success, fallback=fallback)}


CHAIN = (model("draft", "final", "spare"), model("final"), model("spare"))


@pytest.mark.parametrize(
    ("failing", "path", "answers"),
    [
        ((), ("start", "draft", "final"), "final"),
        (("final",), ("start", "draft", "final"), "draft"),
        (("draft",), ("start", "draft", "spare"), "spare"),
        (("draft", "spare"), ("start", "draft", "spare", "end"), None),
    ],
)
def test_of_models_that_follow_each_other_the_last_that_answers_is_heard(
    failing: tuple[str, ...], path: tuple[str, ...], answers: str | None
) -> None:
    decision = decide(wire(*CHAIN), {}, failing=failing)
    assert (decision.path, decision.model) == (path, answers)


def test_chance_after_an_answer_decides_which_is_heard() -> None:
    drawn = {"id": "p", "type": "percentage", "outputs": edges(**{"30%": "final", "70%": "end"})}
    graph = wire(model("draft", "p"), drawn, model("final"))
    assert (decide(graph, {}).model, decide(graph, {}).open) == (None, "p")
    assert [decide(graph, {}, iter([draw])).model for draw in (29, 30)] == ["final", "draft"]
    assert distribution(graph, {}) == {"final": Fraction(3, 10), "draft": Fraction(7, 10)}


def test_what_is_worked_out_of_a_graph_goes_with_the_graph() -> None:
    own = from_wire(to_wire(graph("single-arm")))
    decide(own, {})
    gone = weakref.ref(own.prepared)
    del own
    gc.collect()
    assert gone() is None
