"""The whole way with the real engine: what the demo tells, asserted on engine events and on what Cloudflare holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.demo import chapters
from tests.demo.scene import Scene, set_up
from tests.demo.shares import LEAST_P, observe, two_sided_p

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    with set_up() as scene:
        yield scene


def test_from_a_split_in_yaml_to_a_split_that_is_served_and_healed(scene: Scene) -> None:
    plan = scene.engine.preview()
    assert {change.name for change in plan.changes} == {"gateway", "quick-chat", "reasoning", "seeing"}
    assert {change.operation for change in plan.changes} == {"create"}
    scene.engine.up()
    assert_served_as_declared(scene, {"champion": 90, "challenger": 10})
    assert not scene.engine.up().changes, "a second up changes nothing"
    assert chapters.versions(scene) == 1

    chapters.edit_the_split(scene)
    plan = scene.engine.preview()
    assert [change.name for change in plan.changes] == ["quick-chat"]
    assert sorted(chapters.words(plan.changes[0])) == ["split.challenger: 10 => 20", "split.champion: 90 => 80"]
    route = chapters.live_route(scene)["id"]
    scene.engine.up()
    assert chapters.live_route(scene)["id"] == route, "the route is edited in place"
    assert chapters.versions(scene) == 2
    assert_served_as_declared(scene, {"champion": 80, "challenger": 20})

    before, after = chapters.tamper(scene)
    plan = scene.engine.preview()
    assert [(d.path, d.before, d.after) for change in plan.changes for d in change.differences] == [
        (chapters.TIMEOUT, after, before)
    ]
    scene.engine.up()
    assert chapters.live_timeout_ms(scene) == before
    assert not scene.engine.preview().changes, "what is healed stays healed"

    scene.engine.destroy()
    assert chapters.left_over(scene) == []


def assert_served_as_declared(scene: Scene, shares: dict[str, int]) -> None:
    assert chapters.declared(scene) == dict(sorted(shares.items()))
    for ask in (chapters.ask_with_our_client, chapters.ask_with_openai):
        observed = ask(scene)
        assert sum(arm.served for arm in observed) == chapters.REQUESTS
        assert min(arm.p for arm in observed) >= LEAST_P


def test_a_share_that_is_far_off_is_noticed() -> None:
    arms = ["champion"] * 850 + ["challenger"] * 150
    assert min(arm.p for arm in observe({"champion": 90, "challenger": 10}, arms)) < LEAST_P


def test_the_probability_of_a_count_is_exact() -> None:
    assert two_sided_p(0, 10, 0.5) == pytest.approx(2 / 2**10)
    assert two_sided_p(5, 10, 0.5) == 1.0
    assert two_sided_p(0, 10, 0.0) == 1.0
    assert two_sided_p(3, 10, 0.0) == 0.0
