"""Compiled routes as people read them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig, CompiledRoute
from gateway_config.telling.show import boxes, mermaid, tree
from gateway_config.telling.words import condition_words, ranges
from gateway_config.wire import from_wire
from tests.small_config import EDITOR, GATEWAY, QUICK_CHAT, compiled, lines, run, run_json, write_config

Golden = Callable[[str, str], None]
DOORED = GATEWAY + "front_door: {name: ask, otherwise: quick-chat}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


@pytest.fixture
def config(folder: Path) -> CompiledConfig:
    return compiled(folder)


def drawn(route: CompiledRoute) -> str:
    """The tree without its digests, which change with every change of the compiler."""
    head, digests, *branches = tree(route).split("\n")
    assert digests == f"graph {route.graph_digest[:12]}, config {route.config_digest[:12]}"
    return "\n".join([head, *branches, ""])


def test_a_split_is_drawn_as_its_arms_with_shares_and_buckets(config: CompiledConfig, golden: Golden) -> None:
    golden("show/quick-chat.txt", drawn(config.routes["quick-chat"]))


def test_conditions_limits_and_tiers_are_drawn_in_their_order(config: CompiledConfig, golden: Golden) -> None:
    golden("show/editor.txt", drawn(config.routes["editor"]))


def test_a_split_is_a_chart(config: CompiledConfig, golden: Golden) -> None:
    golden("show/quick-chat.mmd", mermaid(config.routes["quick-chat"]) + "\n")


def test_conditions_limits_and_tiers_are_a_chart(config: CompiledConfig, golden: Golden) -> None:
    golden("show/editor.mmd", mermaid(config.routes["editor"]) + "\n")


def test_a_front_door_is_a_list_of_intents(folder: Path, golden: Golden) -> None:
    editor = EDITOR.replace("limits:\n  - {per: user_id, requests: 10, window_s: 60, then: fast}\n", "")
    write_config(folder, gateway=DOORED, editor=editor)
    golden("show/front-door.txt", drawn(compiled(folder).routes["ask"]))


def test_a_parked_arm_says_that_only_its_name_reaches_it(folder: Path) -> None:
    write_config(folder, quick_chat=QUICK_CHAT.replace("challenger: 10", "challenger: 0"))
    assert "0 % (parked: by its name only): challenger" in run("show", "quick-chat", "--stage", "prod").stdout


def test_every_element_outside_of_splits_has_a_box(config: CompiledConfig) -> None:
    route = config.routes["editor"]
    hidden = {id for id in route.graph.elements if ".in." in id or ".split." in id or id == "end"}
    assert set(route.graph.elements) - hidden <= set(boxes(route))


def test_what_has_quotes_and_angles_does_not_break_a_chart(folder: Path) -> None:
    write_config(folder, editor=EDITOR.replace("plan: trial", "plan: '<\"b\">'"))
    chart = mermaid(compiled(folder).routes["editor"])
    assert "plan is #lt;#quot;b#quot;#gt;?" in chart


def test_a_table_has_a_line_for_each_route(config: CompiledConfig) -> None:
    shown = lines(run("show", "--stage", "prod"))
    assert [line.split()[0] for line in shown] == ["ROUTE", "editor", "quick-chat"]
    assert "challenger 10 %, champion 90 %" in shown[2]
    assert shown[2].endswith(config.routes["quick-chat"].config_digest[:12])


def test_the_table_as_json_has_shares_in_hundredths(folder: Path) -> None:
    by_name = {row["route"]: row for row in run_json("show", "--stage", "prod")}
    assert by_name["quick-chat"]["arms"] == {"challenger": 10, "champion": 90}
    assert by_name["editor"]["arms"] == {"deep": None, "quick": 75, "small": 25}


def test_a_route_is_also_found_by_its_intent(folder: Path) -> None:
    assert run("show", "sprinter").stdout == run("show", "quick-chat").stdout


def test_the_wire_form_is_what_cloudflare_takes(config: CompiledConfig) -> None:
    elements = json.loads(run("show", "quick-chat", "--stage", "prod", "--format", "wire").stdout)
    assert elements == list(config.routes["quick-chat"].elements)
    assert from_wire(elements).start.id == "start"


def test_json_is_the_compiled_route(config: CompiledConfig) -> None:
    data = run_json("show", "quick-chat", "--stage", "prod")
    assert data["graph_digest"] == config.routes["quick-chat"].graph_digest
    assert data["targets"]["quick-chat.champion"]["first_byte_ms"] == 8000


@pytest.mark.parametrize("format", ["wire", "mermaid"])
def test_a_form_of_one_route_needs_its_name(folder: Path, format: str) -> None:
    result = run("show", "--format", format)
    assert (result.exit_code, result.stderr) == (
        2,
        f"{format} is a form of one route. Name it: editor, quick-chat.\n",
    )


def test_an_unknown_route_is_wrong_usage_with_a_near_miss(folder: Path) -> None:
    result = run("show", "quick-cat")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == 'there is no route or intent "quick-cat". Did you mean "quick-chat"?\n'


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["00", "01", "02", "champion"], "00–02, champion"),
        (["07"], "07"),
        (["03", "05", "06"], "03, 05–06"),
        (["free", 3, True], "free, 3, true"),
    ],
)
def test_neighbouring_buckets_are_ranges(values: list[object], words: str) -> None:
    assert ranges(values) == words


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"metadata.plan": {"$eq": "free"}}, "plan is free"),
        ({"metadata.plan": {"$ne": "free"}}, "plan is not free"),
        ({"metadata.plan": {"$in": ["free", "trial"]}}, "plan is one of free, trial"),
        ({"metadata.plan": "free"}, "plan is free"),
        (
            {"$or": [{"metadata.plan": {"$eq": "free"}}, {"$and": [{"metadata.a": {"$eq": 1}}, {"metadata.b": True}]}]},
            "(plan is free or (a is 1 and b is true))",
        ),
        ({"metadata.plan": {"$regex": "x"}}, "plan $regex x"),
        (None, "null"),
    ],
)
def test_conditions_read_as_sentences(conditions: object, words: str) -> None:
    assert condition_words(conditions) == words
