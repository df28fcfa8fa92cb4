"""What the package schema says of the resources agrees with what they do."""

from __future__ import annotations

from typing import Any

import pytest

from infra.provider import RESOURCES
from infra.provider.resource import Resource


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
