"""What is wrong in Pulumi.<stage>.yaml: where it stands, what was expected, what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway_config.errors import ConfigError
from infra.engine import Engine
from infra.settings import Settings

ENVIRONMENT = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32}
TOKEN = "test-" * 8


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings(project: Path, text: str, **environment: str) -> Settings:
    """Of a stage whose config has this text, each line of it two columns in."""
    lines = "".join(f"  {line}\n" for line in text.splitlines())
    (project / "Pulumi.dev.yaml").write_text(f"# dev\nconfig:\n{lines}")
    return Engine(project, "dev", environment={**ENVIRONMENT, **environment}).settings()


def problems(project: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        settings(project, text)
    return str(caught.value).splitlines()


BUCKETS = "gatewright:buckets: {logs: the-logs, config: the-config, %s}"
TOKENS = "gatewright:tokens:\n  serve: {%s}"
WRONG: dict[str, tuple[str, str]] = {
    "an unknown key": (
        "gatewright:bucket: {}",
        'Pulumi.dev.yaml:3:3 stage-config: gatewright:bucket is not known. Did you mean "gatewright:buckets"? '
        "Known here: gatewright:account, gatewright:stage, gatewright:data_plane, gatewright:buckets, "
        "gatewright:tokens, gatewright:safety.",
    ),
    "a near miss inside": (
        BUCKETS % "retention_day: 3",
        "Pulumi.dev.yaml:3:60 stage-config: gatewright:buckets.retention_day is not known. "
        'Did you mean "retention_days"? Known here: logs, config, retention_days, location, jurisdiction.',
    ),
    "an unknown use of a token": (
        "gatewright:tokens:\n  server: {}",
        'Pulumi.dev.yaml:4:5 stage-config: gatewright:tokens.server is not known. Did you mean "serve"? Known here: '
        "serve, deploy, preview, write-logs, read-logs, ship-usage, publish-config, read-config.",
    ),
    "a word for a number": (
        BUCKETS % "retention_days: many",
        'Pulumi.dev.yaml:3:76 stage-config: gatewright:buckets.retention_days: found "many"; expected a whole number.',
    ),
    "a switch for a number": (
        BUCKETS % "retention_days: true",
        "Pulumi.dev.yaml:3:76 stage-config: gatewright:buckets.retention_days: found true; expected a whole number.",
    ),
    "too little": (
        BUCKETS % "retention_days: 0",
        "Pulumi.dev.yaml:3:76 stage-config: gatewright:buckets.retention_days: found 0; expected at least 1.",
    ),
    "a place that Cloudflare has not": (
        BUCKETS % "location: europe",
        'Pulumi.dev.yaml:3:70 stage-config: gatewright:buckets.location: found "europe"; expected one of '
        "apac, eeur, enam, weur, wnam, oc.",
    ),
    "a name that no bucket can have": (
        "gatewright:buckets: {logs: The_Logs, config: the-config}",
        'Pulumi.dev.yaml:3:30 stage-config: gatewright:buckets.logs: found "The_Logs"; expected a bucket\'s name: '
        "3 to 63 small letters, digits and hyphens, none of these at an end.",
    ),
    "what is missing": (
        "gatewright:buckets: {logs: the-logs}",
        "Pulumi.dev.yaml:3:3 stage-config: gatewright:buckets.config is missing. Write it there.",
    ),
    "a day that is none": (
        TOKENS % "expires_on: 2027-13-01",
        'Pulumi.dev.yaml:4:25 stage-config: gatewright:tokens.serve.expires_on: found "2027-13-01"; expected a day in '
        'quotes, such as "2027-06-01".',
    ),
    "a switch that is none": (
        TOKENS % "keep_previous: maybe",
        'Pulumi.dev.yaml:4:28 stage-config: gatewright:tokens.serve.keep_previous: found "maybe"; '
        "expected true or false.",
    ),
    "a list for a mapping": (
        "gatewright:safety: [1]",
        "Pulumi.dev.yaml:3:3 stage-config: gatewright:safety: found [1]; expected a mapping of keys.",
    ),
    "a token that needs a bucket": (
        "gatewright:tokens:\n  read-logs: {}",
        "Pulumi.dev.yaml:4:5 stage-config: the token read-logs is for a bucket. Add gatewright:buckets, or take "
        "the token away.",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_with_its_place_and_what_was_expected(project: Path, case: str) -> None:
    text, told = WRONG[case]
    assert problems(project, text) == [told]


def test_all_problems_come_at_once_in_order_of_place(project: Path) -> None:
    told = problems(project, "gatewright:safety: {most_routes: -1}\ngatewright:tokens: {serve: {generation: 0}}")
    assert [line.split(" ")[0] for line in told] == ["Pulumi.dev.yaml:3:36", "Pulumi.dev.yaml:4:43"]


def test_a_token_is_rotated_before_it_ends(project: Path) -> None:
    (told,) = problems(project, TOKENS % 'expires_on: "2027-05-01", rotate_on: "2027-06-01"')
    assert told.startswith("Pulumi.dev.yaml:4:5 stage-config: gatewright:tokens.serve: ")
    assert told.endswith("expected rotate_on no later than expires_on.")


@pytest.mark.parametrize("key", ["gatewright:buckets: {logs: %s, config: the-config}", "other:token: %s"])
def test_a_credential_is_refused_wherever_it_stands_and_never_shown(project: Path, key: str) -> None:
    (told,) = problems(project, key % TOKEN)
    assert "looks like a credential. Remove it, revoke it" in told
    assert TOKEN not in told


def test_what_pulumi_has_encrypted_is_no_credential_in_plain_text(project: Path) -> None:
    secure = "v1:0123456789abcdef:" + "A1b2C3d4" * 8
    assert settings(project, f"cloudflare:apiToken: {{secure: '{secure}'}}").account == "a" * 32


def test_structured_values_may_come_as_json_which_is_how_the_engine_hands_them_on(project: Path) -> None:
    told: Any = settings(project, """gatewright:safety: '{"most_routes": 7}'""").safety
    assert told.most_routes == 7
    assert "expected a mapping of keys" in problems(project, "gatewright:safety: '{broken'")[0]


def test_a_config_that_is_no_mapping_is_told_with_its_place(project: Path) -> None:
    assert problems(project, "- a") == [
        "Pulumi.dev.yaml:2:1 stage-config: config: is a mapping of keys. Write one key a line."
    ]
