"""A rollback holds: the Route resource over gRPC, against the emulator."""

from __future__ import annotations

import grpc
import pytest

from gateway_config.wire import to_wire
from tests.emulator.server import Running
from tests.provider.given import Kept, Provider
from tests.route_given import Api, graph, inputs

pytestmark = pytest.mark.http


@pytest.fixture
def rolled_back(route: Provider, api: Api) -> Kept:
    """The route after two edits and a rollback to its first version, as a refresh finds it."""
    kept = route.create(inputs(graph()))
    first = kept.outputs["versionId"]
    kept = route.update(kept, inputs(graph(champion=80, challenger=20)))
    api.deploy(first)
    seen = route.refreshed(kept)
    assert seen is not None
    return seen


def test_a_rollback_holds(rolled_back: Kept) -> None:
    assert rolled_back.outputs["held"] is True


def test_an_update_leaves_a_held_route_and_says_how_to_resume(route: Provider, api: Api, rolled_back: Kept) -> None:
    with pytest.raises(grpc.RpcError, match="gatewright resume chat"):
        route.update(rolled_back, inputs(graph(champion=70, challenger=30)))
    assert api.live()["version"]["version_id"] == rolled_back.outputs["versionId"]


def test_a_preview_of_a_held_route_says_that_it_is_held(route: Provider, rolled_back: Kept) -> None:
    route.planned(inputs(graph(champion=70, challenger=30)), rolled_back)
    assert [sentence.split(":")[0] for sentence in route.said] == ['route "chat" is held']


def test_a_hold_stays_through_further_refreshes_at_one_call_each(
    route: Provider, rolled_back: Kept, emulator: Running
) -> None:
    before = len(emulator.journal())
    again = route.refreshed(rolled_back)
    assert again is not None
    assert again.outputs["held"] is True
    assert len(emulator.journal()) - before == 1


def test_a_hold_ends_where_the_config_agrees(route: Provider, rolled_back: Kept) -> None:
    assert route.diff(rolled_back, inputs(graph())) == {"held": "delete"}
    settled = route.update(rolled_back, inputs(graph()))
    assert "held" not in settled.outputs
    assert route.update(settled, inputs(graph(champion=70, challenger=30))).outputs["split"] == {
        "champion": 70,
        "challenger": 30,
    }


def test_a_hand_edit_is_no_hold(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.edit_by_hand({"timeout": 1234}, "chat.champion")
    seen = route.refreshed(kept)
    assert seen is not None
    assert "held" not in seen.outputs


def test_a_newer_draft_that_never_was_live_is_no_hold(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    kept = route.update(kept, inputs(graph(champion=80, challenger=20)))
    api.write_version(to_wire(graph(champion=50, challenger=50)))
    api.edit_by_hand({"timeout": 1234}, "chat.champion")
    api.write_version(to_wire(graph(champion=50, challenger=50)))
    seen = route.refreshed(kept)
    assert seen is not None
    assert "held" not in seen.outputs
