"""The Route resource over gRPC, as the engine asks it, against the emulator."""

from __future__ import annotations

import json

import grpc
import httpx
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.graph import graph_digest
from gateway_config.wire import to_wire
from infra.provider.values import UNKNOWN
from tests.emulator.server import TEST_TOKEN, Running
from tests.provider.given import Partly, Provider, provider_of
from tests.route_given import ACCOUNT, GATEWAY, GATEWAYS, ROUTES, Api, graph, inputs

pytestmark = pytest.mark.http


# --- create ---


def test_a_create_makes_the_route_and_cloudflare_deploys_it(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    assert kept.outputs["graphDigest"] == graph_digest(graph())
    assert kept.outputs["routeId"] == api.live()["id"]
    assert kept.outputs["versions"] == 1


def test_a_preview_of_a_create_knows_the_digest_and_not_the_version(route: Provider, api: Api) -> None:
    planned = route.planned(inputs(graph()))
    assert planned["graphDigest"] == graph_digest(graph())
    assert planned["versionId"] == UNKNOWN
    assert api.routes() == []


def test_a_create_finds_the_route_that_a_killed_one_made(route: Provider, api: Api) -> None:
    first = route.create(inputs(graph()))
    second = route.create(inputs(graph()))
    assert (second.id, len(api.routes()), len(api.versions())) == (first.id, 1, 1)
    assert route.said == ['route "chat" was there already, with this very graph: taken in']


def test_a_route_that_does_something_else_is_never_taken_over(route: Provider, api: Api) -> None:
    route.create(inputs(graph(timeout_ms=1)))
    with pytest.raises(grpc.RpcError, match="gatewright import chat"):
        route.create(inputs(graph()))
    assert len(api.versions()) == 1
    with pytest.raises(grpc.RpcError, match="gatewright import chat"):
        route.planned(inputs(graph()))


def test_a_preview_of_a_route_of_a_new_gateway_asks_for_nothing_more(route: Provider) -> None:
    assert route.planned(inputs(graph(), gateway="ghost"))["graphDigest"] == graph_digest(graph())


def test_a_create_whose_answer_is_lost_makes_one_route(route: Provider, api: Api, emulator: Running) -> None:
    emulator.fault(f"/client/v4{ROUTES}", method="POST", truncate=20, times=1)
    kept = route.create(inputs(graph()))
    assert [item["id"] for item in api.routes()] == [kept.outputs["routeId"]]


def test_a_gateway_that_is_missing_is_said_in_one_sentence(route: Provider) -> None:
    with pytest.raises(grpc.RpcError, match="code 7002"):
        route.create(inputs(graph(), gateway="ghost"))


@pytest.fixture
def unseen(api: Api, emulator: Running) -> None:
    """The next list of the routes tells none, as before a call of ours that was thought lost is carried out."""
    empty = {"success": True, "data": {"routes": [], "page": 1, "per_page": 100}}
    emulator.fault(f"/client/v4{ROUTES}", method="GET", status=200, body=empty, times=1)


@pytest.mark.usefixtures("unseen")
def test_a_create_that_was_carried_out_before_it_was_repeated_takes_in_what_it_made(route: Provider, api: Api) -> None:
    made = api.client.post(ROUTES, {"name": "chat", "elements": to_wire(graph())})
    assert route.create(inputs(graph())).outputs["routeId"] == made["id"]
    assert (len(api.routes()), len(api.versions())) == (1, 1)


@pytest.mark.usefixtures("unseen")
def test_a_route_that_somebody_made_meanwhile_is_never_taken_over(route: Provider, api: Api) -> None:
    api.client.post(ROUTES, {"name": "chat", "elements": to_wire(graph(timeout_ms=1))})
    with pytest.raises(grpc.RpcError, match="gatewright import chat"):
        route.create(inputs(graph()))
    assert len(api.versions()) == 1


# --- update ---


def test_an_edit_is_a_new_version_of_the_same_route(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    edited = route.update(kept, inputs(graph(champion=80, challenger=20)))
    assert edited.outputs["routeId"] == kept.outputs["routeId"]
    assert edited.outputs["versions"] == 2
    assert edited.outputs["graphDigest"] == graph_digest(graph(champion=80, challenger=20))


def test_a_draft_that_a_killed_up_left_is_deployed_and_not_written_again(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    draft = api.write_version(to_wire(graph(champion=80, challenger=20)))
    assert route.update(kept, inputs(graph(champion=80, challenger=20))).outputs["versionId"] == draft
    assert len(api.versions()) == 2


def test_an_older_version_is_never_deployed_by_an_edit(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    kept = route.update(kept, inputs(graph(champion=80, challenger=20)))
    again = route.update(kept, inputs(graph()))
    assert again.outputs["versions"] == 3


@pytest.mark.parametrize("call", ["versions", "deployments"])
def test_an_answer_that_is_lost_in_an_update_loses_no_version(
    route: Provider, api: Api, emulator: Running, call: str
) -> None:
    kept = route.create(inputs(graph()))
    emulator.fault(f"/client/v4{ROUTES}/*/{call}", method="POST", truncate=20, times=1)
    edited = route.update(kept, inputs(graph(champion=80, challenger=20)))
    assert edited.outputs["graphDigest"] == graph_digest(graph(champion=80, challenger=20))
    assert len(api.versions()) == 2


def test_what_cloudflare_drops_without_a_word_is_told_and_kept(route: Provider) -> None:
    limited = inputs(graph())
    limited["elements"]["limit"] = {
        "type": "rate",
        "properties": {"limitType": "count", "key": "metadata.user", "limit": 1, "window": 60, "technique": "sliding"},
        "outputs": {"success": graph().start.outputs["next"], "fallback": "end"},
    }
    limited["elements"]["start"]["outputs"] = {"next": "limit"}
    with pytest.raises(Partly, match=r"elements\.limit\.properties\.technique") as caught:
        route.create(limited)
    assert caught.value.kept.outputs["versions"] >= 1


# --- diff ---


def test_the_same_graph_is_no_difference(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    assert route.diff(kept, inputs(graph())) == {}


def test_a_changed_split_shows_as_its_shares_alone(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    found = route.diff(kept, inputs(graph(champion=80, challenger=20)))
    assert found == {"split.champion": "update", "split.challenger": "update"}


def test_any_other_change_shows_as_the_element_that_has_it(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    changed = inputs(graph())
    changed["elements"]["chat.champion"]["properties"]["timeout"] = 9000
    assert route.diff(kept, changed) == {'elements["chat.champion"].properties.timeout': "update"}


@pytest.mark.parametrize("key", ["name", "gatewayId", "accountId"])
def test_what_a_route_is_called_and_where_it_is_makes_another_route(route: Provider, key: str) -> None:
    kept = route.create(inputs(graph()))
    assert route.diff(kept, {**inputs(graph()), key: "other"}) == {key: "update_replace"}


def test_elements_that_are_not_known_yet_differ_as_a_whole(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    assert route.diff(kept, {**inputs(graph()), "elements": UNKNOWN}) == {"elements": "update"}


# --- read ---


def test_a_refresh_finds_what_was_created(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    assert route.refreshed(kept) == kept


def test_other_ids_and_another_order_never_show(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    text = json.dumps(api.live()["version"]["data"]).replace('"chat.champion"', '"made-by-hand"')
    api.deploy(api.write_version(list(reversed(json.loads(text)))))
    seen = route.refreshed(kept)
    assert seen is not None
    assert seen.inputs == kept.inputs


def test_a_hand_edit_shows_as_the_element_that_was_edited(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.edit_by_hand({"timeout": 1234}, "chat.champion")
    seen = route.refreshed(kept)
    assert seen is not None
    assert route.diff(seen, inputs(graph())) == {'elements["chat.champion"].properties.timeout': "update"}
    assert seen.outputs["versions"] == 2


def test_a_split_changed_by_hand_shows_as_its_shares(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.deploy(api.write_version(to_wire(graph(champion=50, challenger=50))))
    seen = route.refreshed(kept)
    assert seen is not None
    assert seen.outputs["split"] == {"champion": 50, "challenger": 50}
    assert set(route.diff(seen, inputs(graph()))) == {"split.champion", "split.challenger"}


def test_a_refresh_costs_one_call(route: Provider, emulator: Running) -> None:
    kept = route.create(inputs(graph()))
    before = len(emulator.journal())
    route.refreshed(kept)
    assert len(emulator.journal()) - before == 1


def test_a_route_that_is_gone_is_told_so(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.client.delete(f"{ROUTES}/{kept.outputs['routeId']}")
    assert route.refreshed(kept) is None


def test_a_route_whose_gateway_is_gone_is_gone(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.client.delete(f"{GATEWAYS}/{GATEWAY}")
    assert route.refreshed(kept) is None


@pytest.mark.parametrize("by", ["name", "id"])
def test_an_import_finds_a_route_by_its_name_or_its_id(route: Provider, api: Api, by: str) -> None:
    made = route.create(inputs(graph()))
    found = route.imported(f"{ACCOUNT}/{GATEWAY}/{'chat' if by == 'name' else made.outputs['routeId']}")
    assert found.id == made.id
    assert route.diff(found, inputs(graph())) == {}


def test_a_route_that_nobody_deployed_is_said_to_be_that() -> None:
    def undeployed(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"success": True, "data": {"id": "r1", "name": "chat", "elements": []}})

    client = ControlPlane(TEST_TOKEN, transport=httpx.MockTransport(undeployed))
    with (
        provider_of("gatewright:index:Route", client) as route,
        pytest.raises(grpc.RpcError, match=r'no deployed version of route "chat"\. Deploy one'),
    ):
        route.imported(f"{ACCOUNT}/{GATEWAY}/r1")


def test_an_import_of_a_missing_route_says_so(route: Provider) -> None:
    with pytest.raises(grpc.RpcError, match="does not exist") as caught:
        route.imported(f"{ACCOUNT}/{GATEWAY}/ghost")
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_an_import_id_of_another_form_is_explained(route: Provider) -> None:
    with pytest.raises(grpc.RpcError, match="<account>/<gateway>/<route name or id>"):
        route.imported("chat")


# --- delete ---


def test_a_delete_removes_the_route(route: Provider, api: Api) -> None:
    route.delete(route.create(inputs(graph())))
    assert api.routes() == []


def test_a_delete_of_what_is_gone_is_fine(route: Provider) -> None:
    kept = route.create(inputs(graph()))
    route.delete(kept)
    route.delete(kept)


def test_a_delete_after_the_gateway_is_gone_is_fine(route: Provider, api: Api) -> None:
    kept = route.create(inputs(graph()))
    api.client.delete(f"{GATEWAYS}/{GATEWAY}")
    route.delete(kept)


# --- check ---


def test_elements_that_lead_nowhere_are_refused_before_anything_is_sent(route: Provider) -> None:
    bad = inputs(graph())
    del bad["elements"]["chat.champion"]
    (complaint,) = route.complaints(bad)
    assert complaint.startswith("elements: ")
    assert "chat.champion" in complaint


def test_a_split_that_the_elements_do_not_have_is_refused(route: Provider) -> None:
    (complaint,) = route.complaints({**inputs(graph()), "split": {"champion": 100}})
    assert complaint.startswith("split: ")


def test_what_is_required_is_asked_for(route: Provider) -> None:
    assert route.complaints({"accountId": ACCOUNT, "gatewayId": GATEWAY}) == [
        "name: is required",
        "elements: is required",
    ]


def test_what_is_not_known_yet_is_not_judged(route: Provider) -> None:
    assert route.complaints({**inputs(graph()), "gatewayId": UNKNOWN, "elements": UNKNOWN}) == []


def test_a_refusal_of_the_token_is_said_in_one_sentence() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        body = {"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}
        return httpx.Response(403, json=body)

    client = ControlPlane(TEST_TOKEN, transport=httpx.MockTransport(refuse))
    with (
        provider_of("gatewright:index:Route", client) as route,
        pytest.raises(grpc.RpcError, match="CLOUDFLARE_API_TOKEN"),
    ):
        route.create(inputs(graph()))
