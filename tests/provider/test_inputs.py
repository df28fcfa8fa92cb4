"""What a stranger's program may get wrong: each input is named with what was expected, and nothing is a defect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.provider import RESOURCES
from infra.provider.inputs import wrong_inputs
from infra.provider.values import UNKNOWN
from tests.adapter_on_disk import MISTRAL, write_adapter
from tests.provider.given import provider_of

START, END = {"type": "start", "outputs": {"next": "m"}}, {"type": "end"}
ENDS = {"success": "end", "fallback": "end"}
TO = {"provider": "workers-ai", "model": "m", "timeout": 1, "retries": 0}
MODEL = {"type": "model", "properties": TO, "outputs": ENDS}
KEYS = {"tokenId": "t", "tokenValue": "test-value"}
RIGHT: dict[str, dict[str, Any]] = {
    "Route": {"accountId": "a", "gatewayId": "g", "name": "n", "elements": {"start": START, "m": MODEL, "end": END}},
    "LogpushJob": {"accountId": "a", "name": "n", "bucket": "b", **KEYS},
    "PublishedConfig": {"accountId": "a", "bucket": "b", "key": "k", "content": "{}", **KEYS},
    "LoraAdapter": {"accountId": "a", "name": "n", "model": MISTRAL, "folder": "f"},
}
SHAPES = {kind.token.rpartition(":")[2]: (kind.schema, kind.types) for kind in RESOURCES}


def wrong(kind: str, **changed: Any) -> list[str]:
    return [f"{one.property} {one.reason}" for one in wrong_inputs({**RIGHT[kind], **changed}, *SHAPES[kind])]


def with_model(**changed: Any) -> dict[str, Any]:
    return {**RIGHT["Route"]["elements"], "m": {**MODEL, **changed}}


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_passes_whether_known_yet_or_not(kind: str) -> None:
    assert wrong(kind) == []
    assert wrong(kind, **dict.fromkeys(RIGHT[kind], UNKNOWN)) == []


@pytest.mark.parametrize("kind", RIGHT)
def test_every_input_that_is_required_is_asked_for(kind: str) -> None:
    assert wrong(kind, **dict.fromkeys(RIGHT[kind])) == [f"{name} is required" for name in RIGHT[kind]]


@pytest.mark.parametrize(
    ("kind", "changed", "said"),
    [
        ("Route", {"name": 5}, "name is a text; found 5"),
        ("Route", {"name": ""}, "name is required; found an empty text"),
        ("Route", {"elements": with_model(outputs=[1])}, "elements m.outputs is a mapping; found [1]"),
        (
            "Route",
            {"elements": with_model(outputs={"success": {"elementId": "end"}})},
            'elements m.outputs.success is a text; found {"elementId": "end"}',
        ),
        ("Route", {"elements": with_model(typ="x")}, 'elements m has "typ", which is not known. Did you mean "type"?'),
        ("Route", {"elements": with_model(type=None)}, 'elements m needs "type"'),
        ("Route", {"split": {"a": True}}, "split a is a whole number; found true"),
        ("LogpushJob", {"sampleRate": "half"}, 'sampleRate is a number; found "half"'),
        ("LogpushJob", {"fields": "Cached"}, 'fields is a list; found "Cached"'),
        ("LogpushJob", {"fields": ["Cached", 1]}, "fields 1 is a text; found 1"),
        ("LogpushJob", {"enabled": "yes"}, 'enabled is true or false; found "yes"'),
        ("LogpushJob", {"tokenValue": ["test-secret"]}, "tokenValue is a text"),
        ("PublishedConfig", {"content": {"a": 1}}, 'content is a text; found {"a": 1}'),
        ("PublishedConfig", {"contnt": "x"}, 'contnt is not known. Did you mean "content"?'),
        ("LoraAdapter", {"rank": 8.5}, "rank is a whole number; found 8.5"),
    ],
)
def test_a_wrong_input_is_named_with_what_was_expected(kind: str, changed: dict[str, Any], said: str) -> None:
    assert wrong(kind, **changed) == [said]


@pytest.mark.http
@pytest.mark.parametrize("kind", RIGHT)
def test_no_type_of_any_input_is_a_defect(kind: str, no_control_plane: ControlPlane) -> None:
    with provider_of(f"gatewright:index:{kind}", no_control_plane) as provider:
        for name in SHAPES[kind][0]["inputProperties"]:
            values: list[Any] = [5, 0.5, True, [[]], [{}], {"x": {"y": 1}}]
            for value in values:
                provider.complaints({**RIGHT[kind], name: value})


@pytest.mark.http
def test_a_jurisdiction_is_one_that_r2_has(no_control_plane: ControlPlane) -> None:
    with provider_of("gatewright:index:PublishedConfig", no_control_plane) as provider:
        said = provider.complaints({**RIGHT["PublishedConfig"], "jurisdiction": "moon"})
    assert said == ['jurisdiction: is default, eu, fedramp or left out; found "moon"']


@pytest.mark.http
def test_a_digest_that_is_not_of_the_files_is_refused(tmp_path: Path, no_control_plane: ControlPlane) -> None:
    inputs = {**RIGHT["LoraAdapter"], "folder": str(write_adapter(tmp_path / "tarot")), "contentDigest": "x"}
    with provider_of("gatewright:index:LoraAdapter", no_control_plane) as provider:
        assert provider.complaints(inputs) == [
            "contentDigest: is not the digest of the two files; leave it out, or mend the folder"
        ]


@pytest.mark.http
def test_what_is_left_out_is_known_from_the_first_up_on(no_control_plane: ControlPlane) -> None:
    with provider_of("gatewright:index:LogpushJob", no_control_plane) as provider:
        planned = provider.planned(RIGHT["LogpushJob"])
    assert (planned["path"], planned["sampleRate"], len(planned["fields"])) == ("logs/{DATE}", 1, 10)
