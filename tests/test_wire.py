"""Whatever a gateway holds is read back, and what is no graph says why."""

from typing import Any

import pytest

from gateway_config.errors import GraphError
from gateway_config.graph import graph_digest
from gateway_config.wire import from_wire, to_wire, unknown_properties

START = {"id": "start", "type": "start", "outputs": {"next": {"elementId": "m"}}}
MODEL = {
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


def test_an_unknown_property_is_kept_and_reported() -> None:
    strange = {**MODEL, "properties": {**MODEL["properties"], "temperature": 1}}  # type: ignore[dict-item]
    graph = from_wire([START, strange, END])
    assert to_wire(graph)[1] == strange
    assert unknown_properties(graph) == [
        'element "m" has the property "temperature", which is not known for the type model'
    ]


def test_an_unknown_property_counts_in_the_digest() -> None:
    strange = {**MODEL, "properties": {**MODEL["properties"], "temperature": 1}}  # type: ignore[dict-item]
    assert graph_digest(from_wire([START, strange, END])) != graph_digest(from_wire([START, MODEL, END]))


def test_known_properties_are_not_reported() -> None:
    assert unknown_properties(from_wire([START, MODEL, END])) == []


def test_absent_properties_are_none() -> None:
    bare = {"id": "m", "type": "percentage", "properties": None, "outputs": {"100%": {"elementId": "end"}}}
    assert "properties" not in to_wire(from_wire([START, bare, END]))[1]


@pytest.mark.parametrize(
    ("elements", "said"),
    [
        (None, "elements are a list; found nothing"),
        ({}, "elements are a list; found dict"),
        ([], "exactly one start"),
        ([1], "element 1 is a mapping"),
        ([{}], 'element 1 needs an "id"'),
        ([{"id": ""}], 'element 1 needs an "id"'),
        ([{"id": 5}], 'element 1 needs an "id"'),
        ([{"id": "a", "type": "rate_limit"}], "has the type 'rate_limit'; Cloudflare knows start, conditional"),
        ([{"id": "a", "type": ["model"]}], "has the type"),
        ([{"id": "a", "type": "model", "properties": [1]}], '"properties" of element "a" is a mapping'),
        ([{"id": "a", "type": "model", "outputs": [1]}], '"outputs" of element "a" is a mapping'),
        ([{"id": "a", "type": "model", "outputs": {"x": "end"}}], 'output "x" of element "a" is'),
        ([{"id": "a", "type": "model", "outputs": {"x": {"elementId": 1}}}], 'output "x" of element "a" is'),
        ([START, END], 'leads to "m", which does not exist'),
        ([START, START, MODEL, END], "two elements have the id"),
    ],
)
def test_what_is_no_graph_says_why(elements: object, said: str) -> None:
    with pytest.raises(GraphError) as raised:
        from_wire(elements)
    assert said in str(raised.value)
