"""Conditions as people write them mean what they say, to us and to Cloudflare."""

from typing import Any

import pytest
from hypothesis import given

from gateway_config.conditions import keys_asked, keys_of, to_cloudflare
from gateway_config.decide import condition
from tests.configs import Data, conditions, metadata, steady


@pytest.mark.parametrize(
    ("written", "wire"),
    [
        ({"plan": "free"}, {"metadata.plan": {"$eq": "free"}}),
        ({"plan": ["trial", "free"]}, {"metadata.plan": {"$in": ["free", "trial"]}}),
        ({"plan": {"not": "free"}}, {"metadata.plan": {"$ne": "free"}}),
        ({"age": 18, "adult": True}, {"$and": [{"metadata.adult": {"$eq": True}}, {"metadata.age": {"$eq": 18}}]}),
        ({"any": [{"b": "v"}, {"a": "v"}]}, {"$or": [{"metadata.a": {"$eq": "v"}}, {"metadata.b": {"$eq": "v"}}]}),
        ({"all": [{"plan": "free"}]}, {"$and": [{"metadata.plan": {"$eq": "free"}}]}),
        ({"plan": [1, True, 1]}, {"metadata.plan": {"$in": [1, True]}}),
    ],
)
def test_a_condition_is_what_cloudflare_takes(written: Data, wire: Data) -> None:
    assert to_cloudflare(written) == wire


@pytest.mark.parametrize(
    ("written", "metadata", "holds"),
    [
        ({"plan": "free"}, {"plan": "free"}, True),
        ({"plan": "free"}, {"plan": "pro"}, False),
        ({"plan": "free"}, {}, False),
        ({"plan": {"not": "free"}}, {"plan": "pro"}, True),
        ({"plan": {"not": "free"}}, {}, False),
        ({"plan": ["free", "trial"]}, {"plan": "trial"}, True),
        ({"plan": ["free", "trial"]}, {}, False),
        ({"adult": True}, {"adult": 1}, False),
        ({"age": 1}, {"age": True}, False),
        ({"age": 1}, {"age": 1.0}, True),
        ({"age": "1"}, {"age": 1}, False),
        ({"a": "v", "b": "v"}, {"a": "v"}, False),
        ({"any": [{"a": "v"}, {"b": "v"}]}, {"b": "v"}, True),
        ({"any": [{"a": "v"}, {"b": "v"}]}, {}, False),
    ],
)
def test_a_condition_holds_or_not(written: Data, metadata: dict[str, Any], holds: bool) -> None:
    assert condition(to_cloudflare(written))(metadata) is holds


def meant(written: Data, metadata: dict[str, Any]) -> bool:
    """What the condition says, read a second time and directly."""

    def same(found: Any, wanted: Any) -> bool:
        return isinstance(found, bool) == isinstance(wanted, bool) and found == wanted

    def clause(key: str, test: Any) -> bool:
        if key in ("any", "all"):
            return (any if key == "any" else all)(meant(inner, metadata) for inner in test)
        if key not in metadata:
            return False
        if isinstance(test, dict):
            return not same(metadata[key], test["not"])
        return any(same(metadata[key], wanted) for wanted in (test if isinstance(test, list) else [test]))

    return all(clause(key, test) for key, test in written.items())


@steady
@given(conditions(), metadata)
def test_what_cloudflare_is_asked_means_what_was_written(written: Data, metadata: dict[str, Any]) -> None:
    assert condition(to_cloudflare(written))(metadata) is meant(written, metadata)


@steady
@given(conditions())
def test_the_keys_are_those_that_cloudflare_is_asked_for(written: Data) -> None:
    assert set(keys_of(written)) == keys_asked(to_cloudflare(written))
