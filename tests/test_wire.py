"""Whatever a gateway holds is read back, and what is no graph says why."""

import json
from pathlib import Path
from typing import Any

import pytest

from gateway_config.errors import GraphError
from gateway_config.graph import graph_digest
from gateway_config.reading import Document
from gateway_config.telling.diff import graph_diff
from gateway_config.wire import from_wire, to_wire, unknown_keys
from infra.importing import route_yaml
from infra.provider.elements import elements_input, graph_of
from infra.provider.routes_api import LiveRoute
from tests.compiling import compiled
from tests.small_config import run, run_json, write_config

START = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}}
MODEL: dict[str, Any] = {
    "id": "m",
    "type": "model",
    "properties": {"provider": "workers-ai", "model": "@cf/x", "timeout": 1, "retries": 0},
    "outputs": {"success": {"elementId": "end"}, "fallback": {"elementId": "end"}},
}
END: dict[str, Any] = {"id": "end", "type": "end", "outputs": {}}


def test_elements_go_out_as_they_came_in() -> None:
    assert to_wire(from_wire([START, MODEL, END])) == [START, MODEL, END]


def test_the_end_is_written_with_its_empty_outputs() -> None:
    assert to_wire(from_wire([START, MODEL, {"id": "end", "type": "end"}]))[-1] == END


STRANGE: list[dict[str, Any]] = [
    {**MODEL, "properties": {**MODEL["properties"], "temperature": 1}},
    {**MODEL, "position": {"x": 10, "y": [1, None]}},
    {**MODEL, "outputs": {**MODEL["outputs"], "success": {"elementId": "end", "label": "done"}}},
]


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_known_is_kept(strange: dict[str, Any]) -> None:
    assert to_wire(from_wire([START, strange, END])) == [START, strange, END]


@pytest.mark.parametrize(
    ("strange", "path", "words"),
    [
        (
            STRANGE[0],
            ("properties", "temperature"),
            'element "m" has the property "temperature", which is not known for the type model',
        ),
        (STRANGE[1], ("position",), 'element "m" has the key "position", which is not known'),
        (
            STRANGE[2],
            ("outputs", "success", "label"),
            'output "success" of element "m" has the key "label", which is not known',
        ),
    ],
)
def test_what_is_not_known_is_reported(strange: dict[str, Any], path: tuple[str, ...], words: str) -> None:
    assert [*unknown_keys(from_wire([START, strange, END]))] == [("m", path, words)]


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_known_counts_in_the_digest(strange: dict[str, Any]) -> None:
    assert graph_digest(from_wire([START, strange, END])) != graph_digest(from_wire([START, MODEL, END]))


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_known_is_named_as_a_difference(strange: dict[str, Any]) -> None:
    [sentence] = graph_diff(from_wire([START, MODEL, END]), from_wire([START, strange, END]))
    assert sentence.startswith('element "m": ')


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_known_is_kept_by_the_compiler(strange: dict[str, Any]) -> None:
    files = {"chat": json.dumps({"version": 1, "kind": "chat", "intents": ["x"], "elements": [START, strange, END]})}
    route = compiled(files).routes["chat"]
    assert list(route.elements) == [START, strange, END]
    assert route.graph_digest == graph_digest(from_wire([START, strange, END]))


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_not_known_goes_through_the_provider(strange: dict[str, Any]) -> None:
    inputs = {"elements": elements_input(from_wire([START, strange, END]))}
    assert to_wire(graph_of(inputs)) == [START, strange, END]


def test_what_is_known_is_not_reported() -> None:
    assert [*unknown_keys(from_wire([START, MODEL, END]))] == []


def test_absent_properties_are_none() -> None:
    bare = {"id": "m", "type": "percentage", "properties": None, "outputs": {"100%": {"elementId": "end"}}}
    assert "properties" not in to_wire(from_wire([START, bare, END]))[1]


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        (None, "elements are a list; found null"),
        ({}, "elements are a list; found {}"),
        ([], "exactly one start"),
        ([1], "element 1 is a mapping"),
        ([{}], 'element 1 needs an "id"'),
        ([{"id": ""}], 'element 1 needs an "id"'),
        ([{"id": 5}], 'element 1 needs an "id"'),
        ([{"id": "a", "type": "rate_limit"}], 'has the type "rate_limit"; Cloudflare knows start, conditional'),
        ([{"id": "a"}], 'element "a" has the type null; Cloudflare knows'),
        ([{"id": "a", "type": ["model"]}], "has the type"),
        ([{"id": "a", "type": "model", "properties": [1]}], '"properties" of element "a" is a mapping'),
        ([{"id": "a", "type": "model", "outputs": [1]}], '"outputs" of element "a" is a mapping'),
        ([{"id": "a", "type": "model", "outputs": {"x": "end"}}], 'output "x" of element "a" is'),
        ([{"id": "a", "type": "model", "outputs": {"x": {"elementId": 1}}}], 'output "x" of element "a" is'),
        ([START, END], 'leads to "m", which does not exist'),
        ([START, START, MODEL, END], 'two elements have the id "start"'),
    ],
)
def test_what_is_no_graph_says_why(elements: object, said: str) -> None:
    with pytest.raises(GraphError) as raised:
        from_wire(elements)
    assert said in str(raised.value)


# --- what a dashboard may hold ----------------------------------------------------------------------------------------

FIRST, SECOND = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "b7a1c9d3e5f70816273849506172839a"
DRAWN: list[dict[str, Any]] = [
    {"id": "start", "type": "start", "outputs": {"next": {"elementId": FIRST}}},
    {**MODEL, "id": FIRST, "outputs": {"success": {"elementId": SECOND}, "fallback": {"elementId": "end"}}},
    {**MODEL, "id": SECOND, "position": {"x": 1.5, "y": -2}},
    END,
]


def test_models_that_follow_each_other_under_ids_of_a_dashboard_are_imported_as_they_are() -> None:
    live = LiveRoute("r", "drawn", json.loads(json.dumps(DRAWN)), "v", None)
    written = route_yaml(live, "dev", [Document("gateway.yaml", b"{version: 1, gateway: {id: any}}")])
    assert written.is_exact
    assert list(compiled({"drawn": written.text}).routes["drawn"].elements) == DRAWN


def test_they_are_checked_drawn_and_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = json.dumps({"version": 1, "kind": "chat", "intents": ["x"], "elements": DRAWN})
    write_config(tmp_path / "gateway_config", drawn=text)
    assert {"elements-chained", "elements-unknown"} <= {own["rule"] for own in run_json("check")["problems"]}
    assert "when it has answered, too" in run("show", "drawn").stdout
    assert run_json("explain", "drawn")["element"] == SECOND
