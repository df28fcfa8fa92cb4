"""Whatever a caller gives: it is sent, or an InputError before any request."""

from typing import Any

import pytest
from pydantic import BaseModel

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import InputError
from tests.runtime.world import Gateway

OPTIONS: list[dict[str, Any]] = [
    {"user": "\ud800"},
    {"metadata": {"a": 10**5000}},
    {"metadata": {"a": "\ud800"}},
    {"metadata": [1]},
    {"metadata": "ab"},
    {"arm": []},
    {"deadline_ms": 10**5000},
    {"parameters": 5},
    {"parameters": [1]},
    {"images": 5},
    {"cache": 5},
]
SCHEMAS: list[Any] = [
    BaseModel,
    {1: 2, "foo": 3},
    {"properties": ["a"]},
    {"pattern": "("},
    {"required": 5},
    {"minimum": "a"},
    {"maxLength": 1.5},
    {"type": 5},
    {"type": "strng"},
    {"enum": 5},
]


@pytest.mark.parametrize("options", [*OPTIONS, *({"schema": schema} for schema in SCHEMAS)])
def test_what_cannot_be_sent_is_refused_before_any_request(config: CompiledConfig, options: dict[str, Any]) -> None:
    gateway = Gateway()
    with pytest.raises(InputError):
        gateway.client(config).ask("sprinter", "Hi", **options)
    assert gateway.requests == []


def test_pictures_to_start_from_are_a_list(config: CompiledConfig) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="references is a list"):
        gateway.client(config).image("artist", "A cat", references=5)  # type: ignore[arg-type]
    assert gateway.requests == []
