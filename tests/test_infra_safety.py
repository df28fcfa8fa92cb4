"""What the thresholds of a stage refuse, from plans written by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from infra.changes import Difference, ResourceChange
from infra.safety import refusals
from infra.settings import Safety, settings_of

ROUTE = "gatewright:index:Route"
ENVIRONMENT = {"CLOUDFLARE_ACCOUNT_ID": "a" * 32}
FILE = Path("Pulumi.dev.yaml")


def route(name: str, operation: str = "update", before: Any = None, after: Any = None) -> ResourceChange:
    return ResourceChange(operation, ROUTE, name, (Difference("x", 1, 2),), before or {}, after or {})


def split(**shares: int) -> dict[str, Any]:
    return {"split": shares}


def model(fallback: str) -> dict[str, Any]:
    return {"type": "model", "outputs": {"success": "end", "fallback": fallback}}


def refused(*changes: ResourceChange, existing: int = 5, front_door: str | None = None) -> tuple[str, ...]:
    return refusals(changes, Safety(), existing, front_door)


def test_two_routes_may_always_change() -> None:
    assert refused(route("a"), route("b"), existing=2) == ()


def test_more_routes_than_the_threshold_are_refused_by_name() -> None:
    assert refused(route("a"), route("b"), route("c")) == ("3 of 5 routes change at once (a, b, c); at most 2 may",)


def test_with_many_routes_a_part_of_them_may_change() -> None:
    changes = [route(f"r{number}") for number in range(6)]
    assert refused(*changes, existing=20) == ()
    assert len(refused(*changes, route("r7"), existing=20)) == 1


def test_creations_and_the_front_door_are_not_counted() -> None:
    assert refused(route("a"), route("b"), route("ask"), route("new", "create"), front_door="ask") == ()


def test_a_removed_route_is_counted() -> None:
    assert len(refused(route("a"), route("b"), route("c", "delete"))) == 1


@pytest.mark.parametrize(("after", "count"), [(40, 0), (39, 1)])
def test_a_share_may_move_by_fifty_points(after: int, count: int) -> None:
    change = route(
        "chat", before=split(champion=90, challenger=10), after=split(champion=after, challenger=100 - after)
    )
    assert len(refused(change)) == 2 * count


def test_a_jump_is_told_with_its_arm_and_shares() -> None:
    change = route("chat", before=split(champion=100), after=split(champion=0, challenger=100))
    assert refused(change)[1] == 'chat: the share of "champion" moves by 100 points (100 => 0); at most 50 may'


def test_the_last_fallback_is_not_removed() -> None:
    before = {"elements": {"a": model("b"), "b": model("end"), "end": {"type": "end"}}}
    after = {"elements": {"a": model("end"), "end": {"type": "end"}}}
    assert refused(route("chat", before=before, after=after)) == ("chat: its last fallback is removed",)


def test_a_fallback_may_become_another() -> None:
    before = {"elements": {"a": model("b"), "b": model("end")}}
    after = {"elements": {"a": model("c"), "c": model("end")}}
    assert refused(route("chat", before=before, after=after)) == ()


@pytest.mark.parametrize("operation", ["replace", "delete"])
@pytest.mark.parametrize(
    "type", ["cloudflare:index/aiGateway:AiGateway", "cloudflare:index/r2Bucket:R2Bucket"], ids=["gateway", "bucket"]
)
def test_what_holds_everything_is_neither_replaced_nor_deleted(type: str, operation: str) -> None:
    (sentence,) = refused(ResourceChange(operation, type, "it", (Difference("name", "a", "b"),)))
    assert re.fullmatch(rf"it: a (gateway|bucket) is never {operation}d here \(name: a => b\)", sentence)


def test_prod_has_thresholds_without_asking_and_dev_has_none() -> None:
    assert settings_of({}, "prod", ENVIRONMENT, FILE).safety == Safety()
    assert settings_of({}, "dev", ENVIRONMENT, FILE).safety is None


def test_a_stage_sets_its_own_thresholds() -> None:
    config = {"gatewright:safety": {"most_routes": 7}}
    found = settings_of(config, "dev", ENVIRONMENT, FILE).safety
    assert found is not None
    assert found.most_routes == 7
