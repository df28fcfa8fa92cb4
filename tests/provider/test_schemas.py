"""What the package schema says of the resources agrees with what they do."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_config.graph import Element, Graph
from infra.provider import RESOURCES
from infra.provider.elements import elements_input
from infra.provider.resource import Resource
from infra.provider.route import Route


@pytest.mark.parametrize("kind", RESOURCES, ids=lambda kind: kind.__name__)
class TestSchema:
    def test_what_is_required_is_described(self, kind: type[Resource]) -> None:
        schema = kind.schema
        assert set(schema["requiredInputs"]) <= schema["inputProperties"].keys()
        assert set(schema["required"]) <= schema["properties"].keys()
        assert schema["inputProperties"].keys() <= schema["properties"].keys()

    def test_every_property_has_a_type_and_a_description(self, kind: type[Resource]) -> None:
        properties: dict[str, Any] = kind.schema["properties"]
        assert [name for name, told in properties.items() if not (told.get("type") and told.get("description"))] == []

    def test_what_replaces_is_marked_so(self, kind: type[Resource]) -> None:
        inputs: dict[str, Any] = kind.schema["inputProperties"]
        assert {name for name, told in inputs.items() if told.get("replaceOnChanges")} == kind.replace_on

    def test_what_is_secret_is_marked_so(self, kind: type[Resource]) -> None:
        inputs: dict[str, Any] = kind.schema["inputProperties"]
        assert {name for name, told in inputs.items() if told.get("secret")} == kind.secrets


def test_the_schema_of_an_element_has_every_key_that_an_element_may_have() -> None:
    made_by_others = Element("start", "start", {}, {"next": "end"}, {"label": "front"})
    graph = Graph.of(made_by_others, Element("end", "end"))
    (element,) = Route.types.values()
    assert elements_input(graph)["start"].keys() == element["properties"].keys()
