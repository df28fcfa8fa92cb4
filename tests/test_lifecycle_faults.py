"""A sample of what scripts/faults runs in full; docs/faults.md holds its counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import AlreadyExistsError, TooManyRequestsError, UnknownCloudflareError
from tests.emulator.server import Running
from tests.faults.__main__ import spread
from tests.faults.answers import ANSWERS
from tests.faults.case import Case, Result, Subject, ToldError, cases, result_of
from tests.faults.engine_life import DELAY_MS, ENGINE, KILLED, killed
from tests.faults.logpush_life import LOGPUSH_JOB
from tests.faults.lora_life import LORA_ADAPTER
from tests.faults.published_life import published_config
from tests.faults.route_life import ROUTE, RouteLife
from tests.faults.stage_life import StageLife, World, stage, world_of_stages
from tests.faults.table import Table
from tests.s3 import running_s3

PAGE = Path(__file__).parent.parent / "docs" / "faults.md"


@pytest.mark.http
@pytest.mark.parametrize("subject", [ROUTE, LOGPUSH_JOB, LORA_ADAPTER], ids=lambda subject: subject.name)
def test_after_a_wrong_answer_one_more_up_reaches_what_is_declared(emulator: Running, subject: Subject) -> None:
    results = [result_of(case, emulator) for case in spread(list(cases(subject, emulator)), 11)]
    assert [(str(result.case), result.why) for result in results if result.why] == []
    assert {result.ending for result in results} == {"unnoticed", "finished"}


@pytest.mark.http
def test_after_a_wrong_answer_of_r2_one_more_up_publishes_the_config(emulator: Running) -> None:
    with running_s3() as s3:
        found = spread(list(cases(published_config(s3), emulator)), 11)
        results = [result_of(case, emulator) for case in found]
    assert [(str(result.case), result.why) for result in results if result.why] == []
    assert {result.ending for result in results} == {"unnoticed", "finished"}


@pytest.mark.engine
def test_under_the_engine_a_route_whose_read_was_refused_is_not_made_twice(emulator: Running) -> None:
    case = Case(ENGINE, "create", 4, "GET route", "403")
    assert result_of(case, emulator).why is None


@pytest.mark.engine
def test_an_up_that_is_killed_with_its_engine_is_finished_by_the_next(emulator: Running) -> None:
    assert killed(Case(ENGINE, "create", 3, "POST routes", KILLED), emulator).why is None


@pytest.fixture
def world() -> Iterator[World]:
    with world_of_stages() as world:
        yield world


@pytest.mark.engine
@pytest.mark.parametrize("path", ["*/tokens", "*/r2/buckets", "*/lifecycle", "*/gateways"])
def test_what_was_made_although_the_answer_was_lost_is_there_once_after_the_next_up(world: World, path: str) -> None:
    with stage(world, "stage").begin(world.emulator) as life:
        world.emulator.fault(path, method="PUT" if path == "*/lifecycle" else "POST", truncate=0, times=1)
        with pytest.raises(ToldError):
            life.run("create")
        life.up("create")
        assert life.wrong("create") is None


@pytest.mark.engine
def test_a_credential_that_a_killed_up_made_is_removed_by_the_next(world: World) -> None:
    with stage(world, "stage").begin(world.emulator) as life:
        assert isinstance(life, StageLife)
        world.emulator.fault("*/tokens", method="POST", delay_ms=DELAY_MS, times=1)
        life.kill_up()
        assert life.tokens() != []
        life.up("create")
        assert life.wrong("create") is None


@pytest.mark.engine
def test_a_run_that_fails_while_a_token_is_rotated_is_finished_by_the_next(world: World) -> None:
    with stage(world, "stage").begin(world.emulator) as life:
        life.prepare("edit")
        world.emulator.fault("*/deployments", method="POST", times=1, **ANSWERS["403"])
        with pytest.raises(ToldError, match=r"^Cloudflare refused POST \S+/deployments: [^\n]+$"):
            life.run("edit")
        life.up("edit")
        assert life.wrong("edit") is None


@pytest.mark.http
def test_a_second_route_would_be_seen(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RouteLife, "up", lambda self, step: None)
    case = Case(ROUTE, "create", 0, "GET routes", "403", True)
    assert result_of(case, emulator).why == "the gateway has the routes []"


def test_the_page_has_a_row_for_every_answer() -> None:
    told = re.findall(r"^\| ([^|]+?) +\|", PAGE.read_text(), re.MULTILINE)
    assert set(ANSWERS) <= set(told)


def test_a_cell_says_how_many_held_and_how_many_did_not() -> None:
    case = Case(ROUTE, "create", 0, "GET routes", "403")
    table = Table("Route", ("create",), [Result(case, "finished", "Check."), Result(case, "wrong", None, "why")], 1.0)
    assert list(table.rows()) == [("403", "1 !1"), ("all", "1 !1")]


@pytest.mark.parametrize(
    ("status", "code", "error", "way_on"),
    [
        (429, 10429, TooManyRequestsError, "Wait five minutes, then run the same command again"),
        (409, 7001, AlreadyExistsError, "Choose another name, or take in what is there with `gatewright import`"),
        (400, 4711, UnknownCloudflareError, "Run the same command again; if it stays, report it"),
    ],
)
def test_every_refusal_says_what_to_do(status: int, code: int, error: type[Exception], way_on: str) -> None:
    body = {"success": False, "errors": [{"code": code, "message": "no"}]}
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
    api = ControlPlane("test-" * 8, transport=transport, sleep=lambda _: None)
    with api, pytest.raises(error, match=way_on):
        api.get("/routes")
