"""The compiler, one idea a case: YAML in, elements out (tests/golden/compile)."""

import dataclasses
import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledCache, CompiledConfig, CompiledDate, CompiledPrice
from gateway_config.config import Cache, DateField, Part, Price
from gateway_config.decide import decide
from gateway_config.load import examine, load
from gateway_config.wire import from_wire, to_wire
from tests.compiling import CASES, compiled, compiled_case, split_route
from tools.rules_page import TODAY

Golden = Callable[[str, str], None]
REPOSITORY = Path(__file__).parent.parent / "gateway_config"
EDITOR = Path(__file__).parent.parent / "examples" / "writing-editor"


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Places are named as seen from the repository's folder."""
    monkeypatch.chdir(REPOSITORY.parent)


def written(elements: Any) -> str:
    """One element a line, so that a change reads as what it is."""
    return "[\n" + ",\n".join(f"  {json.dumps(element)}" for element in elements) + "\n]\n"


@pytest.mark.parametrize("case", CASES)
def test_a_route_compiles_to_these_elements(case: str, golden: Golden) -> None:
    for name, route in compiled_case(case).routes.items():
        golden(f"compile/{case}/{name}.json", written(route.elements))


def test_digests_are_the_same_on_every_machine(golden: Golden) -> None:
    configs = {case: compiled_case(case) for case in CASES}
    found = {
        case: {
            "config": config.digest,
            "routes": {
                name: {"graph": route.graph_digest, "config": route.config_digest}
                for name, route in config.routes.items()
            },
        }
        for case, config in configs.items()
    }
    golden("digests.json", json.dumps(found, indent=1) + "\n")


def test_the_writing_editor_is_without_fault(golden: Golden) -> None:
    config, problems = examine(EDITOR, "prod", TODAY)
    assert {problem.rule for problem in problems} == {"missing-price"}
    assert config is not None
    published = json.loads(compile_config(config).to_json())
    golden("config/writing-editor.json", json.dumps(published, indent=1, ensure_ascii=False) + "\n")


def test_both_tiers_of_the_writing_editor_share_one_limit() -> None:
    route = compile_config(load(EDITOR, "prod")).routes["editing"]
    for request, model in (({}, "editing.thorough"), ({"tier": "edge"}, "editing.quick")):
        assert decide(route.graph, request).model == model
        assert decide(route.graph, request, exhausted=["editing.limit.1"]).model is None


def test_the_repositorys_config_compiles_to_this(golden: Golden) -> None:
    config = compile_config(load(REPOSITORY, "dev"))
    golden("config/dev.json", json.dumps(json.loads(config.to_json()), indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("case", CASES)
def test_the_published_form_reads_back(case: str) -> None:
    config = compiled_case(case)
    again = CompiledConfig.from_json(config.to_json())
    assert again.to_json() == config.to_json()
    assert [route.graph_digest for route in again.routes.values()] == [
        route.graph_digest for route in config.routes.values()
    ]


@pytest.mark.parametrize("case", CASES)
def test_every_model_element_has_its_target(case: str) -> None:
    for route in compiled_case(case).routes.values():
        models = {element["id"] for element in route.elements if element["type"] == "model"}
        assert models == set(route.targets)


@pytest.mark.parametrize("case", CASES)
def test_elements_are_reached_and_have_ids_of_their_route(case: str) -> None:
    config = compiled_case(case)
    for name, route in config.routes.items():
        assert len([*route.graph.walk()]) == len(route.elements)
        if not case.startswith("verbatim"):
            ids = {element["id"] for element in route.elements} - {"start", "end"}
            owners = {*config.routes} if name == config.front_door else {name}
            assert {id.partition(".")[0] for id in ids} <= owners


def test_a_stage_compiles_its_own_split() -> None:
    route = "stage-override"
    assert compiled_case(route, "dev").digest != compiled_case(route, "prod").digest
    assert compiled_case(route, "prod").routes["chat"].elements == compiled_case("ninety-ten").routes["chat"].elements


@pytest.mark.parametrize("lines", ["owner: growth-team\nuntil: 2030-01-01\n", "records: [prompt, answer]\n"])
def test_what_changes_no_answer_changes_no_digest(lines: str) -> None:
    route = split_route({"a": 90, "b": 10})
    assert compiled({"chat": route}).digest == compiled({"chat": f"{route}{lines}"}).digest


def test_what_records_keep_is_published_and_without_it_nothing_more_is() -> None:
    route = split_route({"a": 90, "b": 10})
    plain, keeping = (compiled({"chat": text}) for text in (route, f"{route}records: [answer, prompt, answer]\n"))
    assert "records" not in plain.to_json()
    assert CompiledConfig.from_json(keeping.to_json()).routes["chat"].records == ("prompt", "answer")


@pytest.mark.parametrize(
    "line",
    ["sticky: tenant", "deadline_ms: 61000", "cache: {key: k, ttl_s: 60, shared: [prompt]}", "direct: true"],
)
def test_what_only_callers_know_changes_the_config_digest_alone(line: str) -> None:
    route = split_route({"a": 90, "b": 10})
    before, after = (compiled({"chat": text}).routes["chat"] for text in (route, f"{route}{line}\n"))
    assert before.graph_digest == after.graph_digest
    assert before.config_digest != after.config_digest


def test_a_parameter_changes_the_config_digest_alone() -> None:
    route = split_route({"a": 90, "b": 10})
    warm = route.replace("a: {model: small}", "a: {model: small, temperature: 0.7}")
    before, after = (compiled({"chat": text}).routes["chat"] for text in (route, warm))
    assert before.graph_digest == after.graph_digest
    assert before.config_digest != after.config_digest


def test_a_share_changes_both_digests() -> None:
    before, after = (compiled({"chat": split_route({"a": 100 - b, "b": b})}).routes["chat"] for b in (10, 20))
    assert before.graph_digest != after.graph_digest
    assert before.config_digest != after.config_digest


def test_names_of_routes_take_no_part_in_the_graph_digest() -> None:
    one, other = (compiled({name: split_route({"a": 90, "b": 10})}).routes[name] for name in ("chat", "talk"))
    assert one.graph_digest == other.graph_digest


def test_a_repeated_fallback_is_tried_again_in_its_place() -> None:
    text = """version: 1
kind: chat
intents: [chat]
arms: {only: {model: small}}
fallback: [large, medium, large]
deadline_ms: 120000
allow: {fallback-repeats: "the large one is worth a second try"}
"""
    route = compiled({"chat": text}).routes["chat"]
    chain = {element["id"]: element["outputs"]["fallback"]["elementId"] for element in route.elements[1:-1]}
    assert chain == {
        "chat.only": "chat.fallback.large",
        "chat.fallback.large": "chat.fallback.medium",
        "chat.fallback.medium": "chat.fallback.large.2",
        "chat.fallback.large.2": "end",
    }


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("when: [{if: {plan: [free, trial]}, arm: a}]", "when: [{if: {plan: [trial, free, trial]}, arm: a}]"),
        ("when: [{if: {plan: x, country: v}, arm: a}]", "when: [{if: {country: v, plan: x}, arm: a}]"),
        (
            "when: [{if: {any: [{plan: x}, {country: v}]}, arm: a}]",
            "when: [{if: {any: [{country: v}, {plan: x}]}, arm: a}]",
        ),
        (
            "cache: {key: '{x}{y}', fields: {x: text, y: text}, ttl_s: 60, shared: [tenant, arm]}",
            "cache: {key: '{x}{y}', fields: {y: text, x: text}, ttl_s: 60, shared: [arm, tenant]}",
        ),
    ],
)
def test_lists_and_keys_that_mean_a_set_have_no_order(one: str, other: str) -> None:
    route = split_route({"a": 90, "b": 10})
    before, after = (compiled({"chat": f"{route}{line}\n"}) for line in (one, other))
    assert before.to_json() == after.to_json()


def test_an_edge_back_to_the_start_survives_the_front_door() -> None:
    text = """version: 1
kind: chat
intents: [chat]
elements:
  - {id: start, type: start, outputs: {next: {elementId: end}}}
  - {id: lost, type: percentage, outputs: {"100%": {elementId: start}}}
  - {id: end, type: end, outputs: {}}
"""
    gateway = "version: 1\ngateway: {id: demo}\nfront_door: ask\n"
    assert compiled({"chat": text}, gateway).routes["ask"].graph.elements["chat.lost"].outputs == {"100%": "end"}


def test_what_the_api_reads_back_is_the_same_graph() -> None:
    for case in CASES:
        for route in compiled_case(case).routes.values():
            elements = json.loads(json.dumps(route.elements))
            random.Random(7).shuffle(elements)
            assert [*to_wire(from_wire(elements))] == elements


def typical_sizes() -> dict[str, int]:
    """How many elements a split takes, start and end left out."""
    cases = {
        "one arm": {"a": 100},
        "two arms": {"a": 90, "b": 10},
        "two equal arms": {"a": 50, "b": 50},
        "thirds": {"a": 34, "b": 33, "c": 33},
        "four equal arms": dict.fromkeys("abcd", 25),
        "five equal arms": dict.fromkeys("abcde", 20),
        "eight arms": {**dict.fromkeys("abcdefg", 12), "h": 16},
        "ten equal arms": dict.fromkeys("abcdefghij", 10),
        "twenty equal arms": {f"arm{number}": 5 for number in range(20)},
        "a hundred arms": {f"arm{number}": 1 for number in range(100)},
    }
    return {
        name: len(compiled({"chat": split_route(shares)}).routes["chat"].elements) - 2 for name, shares in cases.items()
    }


def test_graphs_stay_small(golden: Golden) -> None:
    golden("compile_sizes.json", json.dumps(typical_sizes(), indent=1) + "\n")


def test_the_decision_about_splits_says_what_they_take() -> None:
    page = (REPOSITORY.parent / "docs" / "decisions" / "001-buckets-before-percentages.md").read_text()
    told = {name for name, size in typical_sizes().items() if f"{name} {size}" in " ".join(page.split())}
    assert told == typical_sizes().keys() - {"two equal arms"}


def test_ids_of_elements_are_readable() -> None:
    for case in CASES:
        for route in compiled_case(case).routes.values():
            assert all(re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)*", element["id"]) for element in route.elements)


@pytest.mark.parametrize(
    ("written", "compiled"), [(Price, CompiledPrice), (Cache, CompiledCache), (DateField, CompiledDate)]
)
def test_what_is_compiled_has_the_keys_that_are_written(written: type[Part], compiled: type) -> None:
    assert [*written.model_fields] == [field.name for field in dataclasses.fields(compiled)]
