"""Reminders of rotation: who is named, how urgent it is, and what the command says to CI."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import Result

from infra.rotation import lines, reminders
from infra.token_dates import TokenDates
from tests.small_config import run

TODAY = date(2027, 4, 20)


def said(**tokens: TokenDates) -> list[str]:
    return [str(reminder) for reminder in reminders(tokens, TODAY, 14)]


def test_a_token_whose_dates_are_far_is_not_named() -> None:
    assert said(serve=TokenDates(rotate_on=date(2027, 5, 5), expires_on=date(2027, 6, 1))) == []


def test_a_token_without_dates_is_never_near() -> None:
    assert said(serve=TokenDates()) == []


def test_a_token_that_is_to_be_rotated_soon_is_named_with_both_dates() -> None:
    assert said(serve=TokenDates(rotate_on=date(2027, 5, 4), expires_on=date(2027, 6, 1))) == [
        "serve: is to be rotated on 2027-05-04 (in 14 days), ends on 2027-06-01 (in 42 days)"
    ]


def test_what_is_over_says_since_when() -> None:
    assert said(serve=TokenDates(rotate_on=date(2027, 3, 1), expires_on=date(2027, 4, 19))) == [
        "serve: was to be rotated on 2027-03-01 (50 days ago), ended on 2027-04-19 (1 day ago)"
    ]


def test_the_last_day_is_called_today() -> None:
    assert said(serve=TokenDates(expires_on=TODAY)) == ["serve: ends on 2027-04-20 (today)"]


def test_the_most_urgent_comes_first() -> None:
    far, near = TokenDates(expires_on=date(2027, 4, 30)), TokenDates(expires_on=date(2027, 4, 21))
    assert [reminder.use for reminder in reminders({"serve": far, "deploy": near}, TODAY)] == ["deploy", "serve"]


def test_the_second_step_of_a_rotation_is_remembered_but_is_not_due() -> None:
    [reminder] = reminders({"serve": TokenDates(generation=2, keep_previous=True)}, TODAY)
    assert str(reminder) == "serve: generation 1 is still valid beside 2"
    assert not reminder.due


def test_what_to_do_is_said_once_below() -> None:
    dates = TokenDates(expires_on=TODAY)
    told = list(lines(reminders({"serve": dates, "deploy": dates}, TODAY), "prod", 14))
    assert [line.partition(":")[0] for line in told[:2]] == ["- deploy", "- serve"]
    assert "Pulumi.prod.yaml" in told[-1]


# --- the command ---


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: gatewright\nruntime: python\n")
    return tmp_path


def rotation(project: Path, rotate_on: date, *words: str) -> Result:
    (project / "Pulumi.prod.yaml").write_text(
        f'config:\n  gatewright:tokens:\n    serve: {{rotate_on: "{rotate_on}"}}\n    deploy: {{}}\n'
    )
    account = {"CLOUDFLARE_ACCOUNT_ID": "test-account"}
    return run("rotation", "--stage", "prod", "--project", str(project), *words, env=account)


def soon() -> date:
    return datetime.now(UTC).date() + timedelta(days=10)


def test_a_token_that_is_due_exits_7(project: Path) -> None:
    result = rotation(project, soon())
    assert result.exit_code == 7
    assert result.stdout.startswith(f"- serve: is to be rotated on {soon()}")


def test_nothing_due_exits_0_and_says_so(project: Path) -> None:
    result = rotation(project, soon(), "--within", "5")
    assert (result.exit_code, result.stdout) == (0, "No token of prod ends or is to be rotated within 5 days.\n")


def test_json_names_tokens_and_dates(project: Path) -> None:
    assert json.loads(rotation(project, soon(), "--json").stdout) == [
        {"token": "serve", "due": True, "rotate_on": soon().isoformat(), "expires_on": None, "generations": [1]}
    ]
