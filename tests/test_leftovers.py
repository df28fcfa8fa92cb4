"""Tokens that a run made in vain: which are removed, and which are told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.leftovers import Leftovers
from infra.resources import TOKEN_TYPE
from infra.settings import Settings
from infra.state import State
from infra.token_dates import TokenDates
from tests.emulator.server import TEST_TOKEN, Running

pytestmark = pytest.mark.http

ACCOUNT = "test-account"
TOKENS = f"/accounts/{ACCOUNT}/tokens"
RUN = "644535f4ed854494a59cb289d634b257"
OURS = "gatewright inference-dev serve 1"
SETTINGS = Settings(account=ACCOUNT, stage="dev", tokens={"serve": TokenDates()})


@pytest.fixture
def api(emulator: Running) -> Iterator[ControlPlane]:
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as client:
        yield client


def leftovers(api: ControlPlane) -> Leftovers:
    return Leftovers(api, SETTINGS, "inference-dev")


def make(api: ControlPlane, name: str = OURS) -> str:
    resources = {f"com.cloudflare.api.account.{ACCOUNT}": "*"}
    policy = {"effect": "allow", "resources": resources, "permission_groups": [{"id": RUN}]}
    return str(api.post(TOKENS, {"name": name, "policies": [policy]})["id"])


def live(api: ControlPlane) -> list[Any]:
    return [token["id"] for token in api.get(TOKENS)]


def state(*ids: str, has_token: bool = False, cut_short_at: datetime | None = None) -> State:
    resources = frozenset({(TOKEN_TYPE, "token-serve-1")} if has_token else ())
    interrupted = ("creating token-serve-1",) if cut_short_at else ()
    return State(resources, interrupted, frozenset(ids), cut_short_at.isoformat() if cut_short_at else None)


def test_a_token_whose_create_failed_although_it_was_made_is_removed(api: ControlPlane) -> None:
    before, _ = leftovers(api).settled_before(state())
    made = make(api)
    (said,) = leftovers(api).settled_after(state(), before)
    assert said.startswith(f'removed token "{OURS}" ({made})')
    assert live(api) == []


def test_a_token_that_was_there_before_the_run_is_told_and_stays(api: ControlPlane) -> None:
    old = make(api)
    before, (said,) = leftovers(api).settled_before(state())
    assert said.endswith(f"https://api.cloudflare.com/client/v4/accounts/{ACCOUNT}/tokens/{old}")
    assert leftovers(api).settled_after(state(), before) == []
    assert live(api) == [old]


def test_a_second_token_beside_one_that_was_made_well_is_told_and_stays(api: ControlPlane) -> None:
    kept, other = make(api), make(api)
    (said,) = leftovers(api).settled_after(state(kept, has_token=True), frozenset())
    assert f"({other}, made on " in said
    assert live(api) == [kept, other]


@pytest.mark.parametrize("name", ["gatewright inference-prod serve 1", "gatewright inference-dev serve", "my serve 1"])
def test_a_token_of_another_stage_or_name_is_none_of_ours(api: ControlPlane, name: str) -> None:
    make(api, name)
    assert leftovers(api).unknown(state()) == []


def test_ours_are_found_among_more_tokens_than_one_page_holds(api: ControlPlane) -> None:
    for number in range(60):
        make(api, f"other {number}")
    made = make(api)
    assert [token.id for token in leftovers(api).unknown(state())] == [made]


@pytest.mark.parametrize("minutes", [-9, 0, 9])
def test_what_a_killed_run_was_making_is_removed(api: ControlPlane, minutes: int) -> None:
    make(api)
    cut_short_at = datetime.now(UTC) + timedelta(minutes=minutes)
    _, (said,) = leftovers(api).settled_before(state(cut_short_at=cut_short_at))
    assert said.startswith("removed ")
    assert live(api) == []


def test_a_token_from_another_time_than_the_killed_run_stays(api: ControlPlane) -> None:
    old = make(api)
    leftovers(api).settled_before(state(cut_short_at=datetime.now(UTC) + timedelta(minutes=11)))
    assert live(api) == [old]


def test_a_token_that_somebody_used_stays_whoever_made_it(api: ControlPlane, emulator: Running) -> None:
    used = make(api)
    value = api.put(f"{TOKENS}/{used}/value", {})
    with ControlPlane(value, emulator.control_plane) as user:
        user.get(f"{TOKENS}/verify")
    _, (said,) = leftovers(api).settled_before(state(cut_short_at=datetime.now(UTC)))
    assert ", last used on " in said
    assert live(api) == [used]


def test_one_that_may_not_be_removed_is_told_and_stops_nobody(api: ControlPlane, emulator: Running) -> None:
    left = make(api)
    emulator.fault(
        f"*/tokens/{left}", method="DELETE", status=403, body={"success": False, "errors": [{"code": 10000}]}
    )
    (said,) = leftovers(api).settled_after(state(), frozenset())
    assert "is not in this stack" in said
    assert "Check CLOUDFLARE_API_TOKEN" in said
    assert live(api) == [left]


def test_a_stage_that_declares_no_tokens_asks_for_none(api: ControlPlane, emulator: Running) -> None:
    make(api)
    asked = len(emulator.journal())
    none = Leftovers(api, Settings(account=ACCOUNT, stage="dev"), "inference-dev")
    assert none.unknown(state()) == []
    assert len(emulator.journal()) == asked
