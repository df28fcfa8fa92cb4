"""Properties on the engine's wire and as Python, against protobuf's own JSON conversion."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime import rpc

from infra.provider.values import UNKNOWN, Secret, has_unknown, plain, secret_keys, struct

MARKS = (rpc._special_asset_sig, rpc._special_output_value_sig, rpc._special_resource_sig)


def marked(mark: str, value: Any) -> dict[str, Any]:
    return {rpc._special_sig_key: mark, "value": value}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.just(rpc._special_secret_sig)
numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | texts | st.just(UNKNOWN)
json_values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(texts, inner, max_size=3)
        | st.builds(marked, st.sampled_from(MARKS), inner)
    ),
    max_leaves=12,
)
properties = st.dictionaries(texts, json_values, max_size=4)


def parsed(told: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(told, struct_pb2.Struct())


@given(properties)
def test_what_arrives_is_read_as_protobuf_reads_it(told: dict[str, Any]) -> None:
    wire = parsed(told)
    assert plain(wire) == json_format.MessageToDict(wire)


@given(properties)
def test_what_is_sent_is_written_as_protobuf_writes_it(told: dict[str, Any]) -> None:
    assert struct(told) == parsed({key: value for key, value in told.items() if value is not None})


@given(properties, st.sampled_from(["top", "list", "mapping"]))
def test_a_secret_is_found_and_unwrapped_wherever_it_stands(told: dict[str, Any], place: str) -> None:
    wrapped = marked(rpc._special_secret_sig, told)
    hidden, shown = {
        "top": (wrapped, told),
        "list": ([0, wrapped], [0, told]),
        "mapping": ({"a": wrapped}, {"a": told}),
    }[place]
    wire = parsed({**told, "hidden": hidden})
    assert plain(wire) == {**plain(parsed(told)), "hidden": plain(parsed({"it": shown}))["it"]}
    assert secret_keys(wire) == {"hidden"}


def test_a_text_that_is_the_mark_of_a_secret_is_none() -> None:
    assert secret_keys(struct({"text": rpc._special_secret_sig, "list": [rpc._special_secret_sig]})) == set()


def test_a_secret_without_a_value_is_nothing() -> None:
    assert plain(parsed({"token": {rpc._special_sig_key: rpc._special_secret_sig}})) == {"token": None}


def test_numbers_that_are_whole_are_integers_again() -> None:
    assert plain(struct({"timeout": 8000, "share": 0.5})) == {"timeout": 8000, "share": 0.5}
    assert isinstance(plain(struct({"timeout": 8000}))["timeout"], int)


def test_a_secret_keeps_its_wrapper_on_the_wire_and_its_value_inside() -> None:
    wire = struct({"token": Secret("test-value"), "name": "x"})
    assert json_format.MessageToDict(wire)["token"] == marked(rpc._special_secret_sig, "test-value")
    assert plain(wire) == {"token": "test-value", "name": "x"}
    assert secret_keys(wire) == {"token"}


def test_a_secret_deep_in_a_property_makes_the_whole_property_secret() -> None:
    assert secret_keys(struct({"otel": [{"authorization": Secret("test-value")}]})) == {"otel"}


def test_a_property_that_was_secret_is_never_wrapped_twice() -> None:
    once = struct({"token": Secret("test-value")})
    assert struct({"token": Secret("test-value")}, frozenset({"token"})) == once


def test_a_secret_is_not_shown() -> None:
    assert "test-value" not in repr(Secret("test-value"))


def test_nothing_is_not_sent() -> None:
    assert plain(struct({"split": None})) == {}


def test_what_is_no_plain_data_is_refused() -> None:
    with pytest.raises(TypeError, match="a property is plain data; found bytes"):
        struct({"content": b"test"})


def test_an_unknown_is_found_however_deep() -> None:
    assert has_unknown({"elements": {"a": {"outputs": [{"next": UNKNOWN}]}}})
    assert not has_unknown({"elements": {"a": 1}})
