"""Why a request goes its way."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.buckets import BUCKETS, bucket_of
from gateway_config.decide import decide
from gateway_config.errors import GraphError
from gateway_config.graph import CONDITIONAL, END, MODEL, PERCENTAGE, RATE, START, Element, Graph
from gateway_config.splits import split_elements
from gateway_config.telling.explain import Situation, explain
from tests.small_config import EDITOR, GATEWAY, lines, run, run_json, write_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


# --- the same way as decide -------------------------------------------------------------------------------------------

VALUES = st.sampled_from(["a", "b", "01", "99", 1, True, None])
COMPARISONS = st.one_of(
    VALUES,
    VALUES.map(lambda value: {"$eq": value}),
    VALUES.map(lambda value: {"$ne": value}),
    st.lists(VALUES, min_size=1, max_size=3).map(lambda values: {"$in": values}),
)
CLAUSES = st.builds(
    lambda key, test: {f"metadata.{key}": test}, st.sampled_from(["bucket", "plan", "tier"]), COMPARISONS
)
CONDITIONS = st.one_of(
    CLAUSES,
    st.builds(lambda group, clauses: {group: clauses}, st.sampled_from(["$and", "$or"]), st.lists(CLAUSES, min_size=1)),
)
CUTS = st.lists(st.integers(1, 99), unique=True, max_size=4).map(lambda cuts: [0, *sorted(cuts), 100])


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """A graph without circles: an element leads to later ones only, the last is the end."""
    size = draw(st.integers(1, 8))
    later = {n: st.integers(n + 1, size).map(lambda m: f"e{m}") for n in range(size)}
    elements = [Element("start", START, {}, {"next": draw(later[0])}), Element(f"e{size}", END)]
    for number in range(1, size):
        type = draw(st.sampled_from([CONDITIONAL, PERCENTAGE, RATE, MODEL]))
        elements.append(draw(_elements(f"e{number}", type, later[number])))
    return Graph.of(*elements)


@st.composite
def _elements(draw: st.DrawFn, id: str, type: str, target: st.SearchStrategy[str]) -> Element:
    if type == CONDITIONAL:
        return Element(id, type, {"conditions": draw(CONDITIONS)}, {"true": draw(target), "false": draw(target)})
    if type == PERCENTAGE:
        cuts = draw(CUTS)
        parts = {f"{high - low}%" for low, high in pairwise(cuts)}
        return Element(id, type, {}, {part: draw(target) for part in sorted(parts)})
    return Element(id, type, {}, {"success": draw(target), "fallback": draw(target)})


METADATA = st.dictionaries(st.sampled_from(["bucket", "plan", "tier"]), VALUES)
IDS = st.frozensets(st.integers(1, 8).map(lambda number: f"e{number}"))


@given(graphs(), METADATA, st.lists(st.integers(0, 99), max_size=4), IDS, IDS)
def test_the_explained_way_is_the_one_that_is_decided(
    graph: Graph, metadata: Mapping[str, Any], draws: list[int], exhausted: frozenset[str], failing: frozenset[str]
) -> None:
    situation = Situation(metadata, iter(draws), exhausted, failing)
    try:
        decision = decide(graph, metadata, iter(draws), exhausted=exhausted, failing=failing)
    except GraphError:
        with pytest.raises(GraphError):
            explain(graph, situation)
        return
    explained = explain(graph, situation)
    assert (explained.path, explained.model, explained.open) == (decision.path, decision.model, decision.open)
    assert all(step.reason for step in explained.steps)


def split_graph() -> Graph:
    """A split of two arms behind a start."""
    ids = {"champion": "r.champion", "challenger": "r.challenger"}
    elements = split_elements("r", {"champion": 90, "challenger": 10}, ids)
    models = [Element(id, MODEL, {}, {"success": "end", "fallback": "end"}) for id in ids.values()]
    return Graph.of(Element("start", START, {}, {"next": elements[0].id}), *elements, *models, Element("end", END))


@pytest.mark.parametrize("bucket", [*BUCKETS, "champion", "challenger", "other"])
def test_every_bucket_of_a_split_is_explained_as_it_is_decided(bucket: str) -> None:
    graph, metadata = split_graph(), {"bucket": bucket}
    assert explain(graph, Situation(metadata, iter(()))).path == decide(graph, metadata).path


# --- reasons ----------------------------------------------------------------------------------------------------------


def reason(conditions: object, **metadata: Any) -> str:
    """What is said at a conditional."""
    asking = Element("ask", CONDITIONAL, {"conditions": conditions}, {"true": "end", "false": "end"})
    graph = Graph.of(Element("start", START, {}, {"next": "ask"}), asking, Element("end", END))
    return explain(graph, Situation(metadata, iter(()))).steps[1].reason


@pytest.mark.parametrize(
    ("conditions", "metadata", "words"),
    [
        ({"metadata.bucket": {"$in": [*BUCKETS[90:], "b"]}}, {"bucket": "93"}, "bucket 93 is one of 90–99"),
        ({"metadata.bucket": {"$in": [*BUCKETS[90:], "b"]}}, {"bucket": "12"}, "bucket 12 is none of 90–99, b"),
        ({"metadata.bucket": {"$in": [*BUCKETS[90:], "b"]}}, {"bucket": "b"}, "bucket is b"),
        ({"metadata.bucket": {"$in": ["00"]}}, {}, "the request carries no bucket"),
        ({"metadata.plan": {"$eq": "free"}}, {"plan": "free"}, "plan is free"),
        ({"metadata.plan": {"$ne": "free"}}, {"plan": "paid"}, "plan is paid, not free"),
        ({"metadata.beta": {"$eq": True}}, {"beta": True}, "beta is true"),
        ({"metadata.beta": {"$eq": True}}, {"beta": 1}, "beta is 1, not true"),
        ({"$or": [{"metadata.a": 1}, {"metadata.b": 2}]}, {"b": 2}, "(a is 1 or b is 2): yes"),
    ],
)
def test_a_condition_is_explained_by_what_was_found(conditions: object, metadata: dict[str, Any], words: str) -> None:
    assert reason(conditions, **metadata) == words


@pytest.mark.parametrize(
    ("wanted", "found", "words"),
    [
        ({"$eq": "3"}, 3, "seats is 3 (a number), not 3"),
        ({"$eq": 3}, "3", "seats is 3 (a text), not 3"),
        ({"$in": ["true", "3"]}, True, "seats true (true or false) is none of true, 3"),
    ],
)
def test_what_only_looks_alike_is_told_by_its_sort(wanted: object, found: object, words: str) -> None:
    assert reason({"metadata.seats": wanted}, seats=found) == words


def test_a_draw_is_explained_by_its_range() -> None:
    steps = explain(split_graph(), Situation({}, iter([9]))).steps
    assert (steps[-2].reason, steps[-1].element) == ("the draw 9 is one of 0–9", "r.challenger")


def test_a_percentage_without_a_draw_says_what_the_chances_are() -> None:
    explained = explain(split_graph(), Situation({}, iter(())))
    assert explained.open == "r.split.1"
    assert explained.steps[-1].reason == "chance decides: 90 % r.champion, 10 % r.challenger"


def test_a_circle_is_said_to_be_one() -> None:
    round_about = Element("a", RATE, {}, {"success": "a", "fallback": "a"})
    with pytest.raises(GraphError, match="goes in a circle"):
        explain(Graph.of(Element("start", START, {}, {"next": "a"}), round_about), Situation({}, iter(())))


# --- the command ------------------------------------------------------------------------------------------------------


def test_a_user_has_the_bucket_that_the_runtime_would_send(folder: Path) -> None:
    bucket = bucket_of("quick-chat", "u-17")
    assert run_json("explain", "sprinter", "--user", "u-17")["bucket"] == bucket
    assert (
        f'bucket {bucket}, the one of user "u-17" on quick-chat' in run("explain", "sprinter", "--user", "u-17").stdout
    )


def test_the_subject_is_what_the_route_sticks_to(folder: Path) -> None:
    assert run_json("explain", "scribe", "--user", "u-17", "--tenant", "acme")["bucket"] == bucket_of("editor", "acme")


def test_the_last_line_says_which_arm_and_model_answer(folder: Path) -> None:
    result = run("explain", "quick-chat", "--bucket", "challenger", "--stage", "prod")
    assert lines(result)[-1] == "→ arm challenger: gemma (workers-ai @cf/google/gemma-4-26b-a4b-it) answers"


def test_a_failing_arm_is_followed_by_its_fallback(folder: Path) -> None:
    result = run("explain", "quick-chat", "--bucket", "challenger", "--failing", "challenger")
    assert lines(result)[-1] == "→ arm challenger was meant; big (openai gpt-4o) answers in its place"


def test_when_everything_fails_no_model_answers(folder: Path) -> None:
    data = run_json("explain", "quick-chat", "--bucket", "champion", "--failing", "champion", "--failing", "big")
    assert (data["arm"], data["element"], data["model"]) == ("champion", None, None)


def test_a_limit_that_is_reached_leads_beyond_it(folder: Path) -> None:
    data = run_json("explain", "scribe", "--exhausted", "limit.1", "--user", "u-17")
    assert data["element"] == "editor.beyond.fast"


def test_metadata_of_ones_own_counts(folder: Path) -> None:
    assert run_json("explain", "scribe", "--meta", "plan=trial")["arm"] == "small"
    assert run_json("explain", "scribe", "--meta", "tier=edge", "--bucket", "99")["arm"] in ("quick", "small")


def test_a_bucket_may_be_given_as_metadata_too(folder: Path) -> None:
    told = lines(run("explain", "sprinter", "--meta", "bucket=93", "--stage", "prod"))
    assert told[0] == "quick-chat: bucket 93, as given"
    assert told[-1].startswith("→ arm challenger:")


def test_without_a_subject_the_chances_are_said(folder: Path) -> None:
    data = run_json("explain", "sprinter", "--stage", "prod")
    assert (data["bucket"], data["chances"]) == (None, {"champion": 90.0, "challenger": 10.0})


def test_a_draw_decides_for_a_caller_without_a_bucket(folder: Path) -> None:
    assert run_json("explain", "sprinter", "--stage", "prod", "--draw", "3")["arm"] == "challenger"


def test_behind_a_front_door_the_inner_route_gives_the_bucket(folder: Path) -> None:
    write_config(
        folder, gateway=GATEWAY + "front_door: ask\n", editor="version: 1\nkind: chat\narms: {a: {model: big}}\n"
    )
    data = run_json("explain", "ask", "--meta", "intent=sprinter", "--user", "u-17")
    assert data["bucket"] == bucket_of("quick-chat", "u-17")
    assert data["steps"][1]["element"] == "ask.to.quick-chat"


def test_a_front_door_has_no_bucket_of_its_own(folder: Path) -> None:
    no_limits = {"editor": EDITOR.replace("limits:\n  - {per: user_id, requests: 10, window_s: 60, then: fast}\n", "")}
    write_config(folder, gateway=GATEWAY + "front_door: ask\n", **no_limits)
    assert lines(run("explain", "ask", "--user", "u-17"))[0].startswith(
        "ask: no bucket: it is that of the route behind"
    )


def test_each_step_of_the_json_form_has_element_type_reason_and_output(folder: Path) -> None:
    steps = run_json("explain", "quick-chat", "--bucket", "champion")["steps"]
    assert steps[0] == {"element": "start", "type": "start", "reason": "the request comes in", "output": "next"}
    assert steps[-1]["output"] == "success"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["chatting"], 'there is no route or intent "chatting".'),
        (["sprinter", "--bucket", "chalenger"], 'Did you mean "challenger"?'),
        (["sprinter", "--bucket", "9"], 'Did you mean "09"?'),
        (["sprinter", "--failing", "nobody"], 'quick-chat has no arm or model "nobody".'),
        (["sprinter", "--exhausted", "limit.1"], 'quick-chat has no limit "limit.1".'),
        (["sprinter", "--meta", "plan"], 'metadata is written --meta key=value; found "plan"'),
    ],
)
def test_what_does_not_exist_is_wrong_usage(folder: Path, words: list[str], sentence: str) -> None:
    result = run("explain", *words)
    assert result.exit_code == 2
    assert sentence in result.stderr
