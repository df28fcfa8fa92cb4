"""Dynamic routes, versions and deployments on the control plane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import (
    GPT_OSS,
    LLAMA,
    Elements,
    conditional,
    end,
    model,
    percentage,
    rate,
    start,
)

pytestmark = pytest.mark.http
ROUTES = "/ai-gateway/gateways/gw/routes"
SIMPLE = [start("m"), model("m", LLAMA), end()]
OTHER = [start("m"), model("m", GPT_OSS), end()]
MakeRoute = Callable[[Elements], dict[str, Any]]


def test_creating_a_route_deploys_its_first_version(route: MakeRoute) -> None:
    made = route(SIMPLE)
    assert made["deployment"]["version_id"] == made["version"]["version_id"]
    assert made["version"]["active"] is True


def test_live_answers_carry_the_graph_in_version_data_and_no_elements(control: httpx.Client, route: MakeRoute) -> None:
    result = control.get(f"{ROUTES}/{route(SIMPLE)['id']}").json()["result"]
    assert (result["version"]["data"], "elements" in result) == (SIMPLE, False)


def test_spec_answers_carry_elements_and_strings(emulator: Running, control: httpx.Client, route: MakeRoute) -> None:
    emulator.assume(route_answers="spec")
    result = control.get(f"{ROUTES}/{route(SIMPLE)['id']}").json()["result"]
    assert (result["elements"], result["version"]["active"]) == (SIMPLE, "true")
    assert isinstance(result["version"]["data"], str)


def test_the_list_is_in_data_and_shows_no_graphs(control: httpx.Client, route: MakeRoute) -> None:
    route(SIMPLE)
    reply = control.get(ROUTES).json()
    assert reply.keys() == {"success", "data"}
    assert "data" not in reply["data"]["routes"][0]["version"]


def test_a_new_version_serves_nobody_until_it_is_deployed(control: httpx.Client, route: MakeRoute) -> None:
    made = route(SIMPLE)
    control.post(f"{ROUTES}/{made['id']}/versions", json={"elements": OTHER}).raise_for_status()
    assert control.get(f"{ROUTES}/{made['id']}").json()["result"]["version"]["data"] == SIMPLE


def test_a_deployment_makes_a_version_live(control: httpx.Client, route: MakeRoute) -> None:
    made = route(SIMPLE)
    version = control.post(f"{ROUTES}/{made['id']}/versions", json={"elements": OTHER}).json()["result"]
    deployed = control.post(f"{ROUTES}/{made['id']}/deployments", json={"version_id": version["version_id"]})
    assert deployed.status_code == 200
    assert control.get(f"{ROUTES}/{made['id']}").json()["result"]["version"]["data"] == OTHER


def test_deploying_an_older_version_is_a_rollback(control: httpx.Client, route: MakeRoute) -> None:
    made = route(SIMPLE)
    first = made["version"]["version_id"]
    second = control.post(f"{ROUTES}/{made['id']}/versions", json={"elements": OTHER}).json()["result"]
    for version in (second["version_id"], first):
        control.post(f"{ROUTES}/{made['id']}/deployments", json={"version_id": version}).raise_for_status()
    listed = control.get(f"{ROUTES}/{made['id']}/deployments").json()["data"]["deployments"]
    assert [one["version_id"] for one in listed] == [first, second["version_id"], first]
    versions = control.get(f"{ROUTES}/{made['id']}/versions").json()["data"]["versions"]
    assert [(one["version_id"], one["active"]) for one in versions] == [
        (second["version_id"], False),
        (first, True),
    ]


def test_one_version_can_be_read(control: httpx.Client, route: MakeRoute) -> None:
    made = route(SIMPLE)
    version = made["version"]["version_id"]
    result = control.get(f"{ROUTES}/{made['id']}/versions/{version}").json()["result"]
    assert (result["data"], result["id"], result["active"]) == (SIMPLE, made["id"], True)


def test_a_rename_answers_in_route(control: httpx.Client, route: MakeRoute) -> None:
    reply = control.patch(f"{ROUTES}/{route(SIMPLE)['id']}", json={"name": "talk"}).json()
    assert reply.keys() == {"success", "route"}
    assert reply["route"]["name"] == "talk"


def test_names_are_unique_within_a_gateway(control: httpx.Client, route: MakeRoute) -> None:
    route(SIMPLE)
    reply = control.post(ROUTES, json={"name": "chat", "elements": SIMPLE})
    assert reply.json()["errors"] == [{"code": 7005, "message": "Route with name chat already exists"}]


def test_a_deleted_route_is_gone(control: httpx.Client, route: MakeRoute) -> None:
    made = route(SIMPLE)
    assert control.delete(f"{ROUTES}/{made['id']}").json()["result"]["elements"] == SIMPLE
    reply = control.get(f"{ROUTES}/{made['id']}")
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (404, 7005)


def test_deploying_a_version_that_does_not_exist_is_7005(control: httpx.Client, route: MakeRoute) -> None:
    reply = control.post(f"{ROUTES}/{route(SIMPLE)['id']}/deployments", json={"version_id": "nope"})
    assert reply.json()["errors"][0]["code"] == 7005


def refused(control: httpx.Client, gateway: Callable[..., str], elements: Any) -> list[tuple[str, str]]:
    gateway()
    reply = control.post(ROUTES, json={"name": "chat", "elements": elements})
    assert reply.status_code == 400, reply.text
    assert {error["code"] for error in reply.json()["errors"]} == {7001}
    return [(".".join(str(step) for step in error["path"][2:]), error["message"]) for error in reply.json()["errors"]]


def test_an_else_output_is_refused_by_its_path(control: httpx.Client, gateway: Callable[..., str]) -> None:
    split = {
        "id": "p",
        "type": "percentage",
        "outputs": {"10%": {"elementId": "m"}, "else": {"elementId": "m"}},
    }
    wrong = refused(control, gateway, [start("p"), split, model("m", LLAMA), end()])
    assert wrong == [("1.outputs.else", "Invalid")]


def test_an_end_without_outputs_is_refused(control: httpx.Client, gateway: Callable[..., str]) -> None:
    elements = [start("m"), model("m", LLAMA), {"id": "end", "type": "end"}]
    assert refused(control, gateway, elements) == [("2.outputs", "Required")]


def test_the_type_error_names_all_six_types(control: httpx.Client, gateway: Callable[..., str]) -> None:
    wrong = refused(control, gateway, [start("m"), {"id": "m", "type": "rate_limit", "outputs": {}}, end()])
    assert "'start' | 'conditional' | 'percentage' | 'rate' | 'model' | 'end'" in wrong[0][1]


@pytest.mark.parametrize(
    "element",
    [
        percentage("p", p40="m", p50="m"),
        percentage("p", p1="m", p2="m", p3="m", p4="m", p5="m", p85="m"),
        percentage("p"),
        {
            "id": "p",
            "type": "percentage",
            "outputs": {"12.5%": {"elementId": "m"}, "87.5%": {"elementId": "m"}},
        },
        {"id": "p", "type": "conditional", "properties": {}, "outputs": {"true": {"elementId": "m"}}},
        {
            "id": "p",
            "type": "model",
            "properties": {"model": "x"},
            "outputs": {"success": {"elementId": "m"}},
        },
        {"id": "p", "type": "start", "outputs": {"next": {"elementId": "m"}}},
        percentage("p", p40="m", p60="nowhere"),
        percentage("p", p40="m", p60="p"),
        {"id": "m", "type": "end", "outputs": {}},
        "not an object",
    ],
)
def test_a_graph_that_breaks_a_rule_is_refused(
    control: httpx.Client, gateway: Callable[..., str], element: Any
) -> None:
    assert refused(control, gateway, [start("p"), element, model("m", LLAMA), end()])


def test_elements_are_required(control: httpx.Client, gateway: Callable[..., str]) -> None:
    assert refused(control, gateway, None) == [("", "Required")]


def test_condition_is_dropped_and_the_journal_says_so(
    emulator: Running, control: httpx.Client, route: MakeRoute
) -> None:
    branch = conditional("c", {}, "m", "m")
    branch["properties"] = {"condition": {"metadata.plan": {"$eq": "free"}}}
    made = route([start("c"), branch, model("m", LLAMA), end()])
    assert made["version"]["data"][1]["properties"] == {}
    assert "'condition' is dropped" in emulator.journal("/routes")[-1]["dropped"][0]


def test_the_technique_of_a_rate_element_is_dropped(route: MakeRoute) -> None:
    made = route([start("r"), rate("r", "m", "m", technique="sliding"), model("m", LLAMA), end()])
    assert "technique" not in made["version"]["data"][1]["properties"]


@pytest.mark.parametrize(
    ("name", "choice", "element"),
    [
        (
            "decimal_percent_keys",
            "accepted",
            {
                "id": "p",
                "type": "percentage",
                "outputs": {"12.5%": {"elementId": "m"}, "87.5%": {"elementId": "m"}},
            },
        ),
        ("dangling_edges", "accepted", percentage("p", p40="m", p60="nowhere")),
        ("route_cycles", "accepted", percentage("p", p40="m", p60="p")),
    ],
)
def test_an_assumption_can_let_a_graph_pass(
    emulator: Running, route: MakeRoute, name: str, choice: str, element: dict[str, Any]
) -> None:
    emulator.assume(**{name: choice})
    assert route([start("p"), element, model("m", LLAMA), end()])


@pytest.mark.parametrize(
    ("name", "element"),
    [
        ("shared_targets", conditional("p", {"metadata.a": {"$eq": 1}}, "m", "m")),
        ("long_in_lists", conditional("p", {"metadata.a": {"$in": [str(n) for n in range(51)]}}, "m", "end")),
    ],
)
def test_an_assumption_can_refuse_a_graph(
    emulator: Running, control: httpx.Client, gateway: Callable[..., str], name: str, element: dict[str, Any]
) -> None:
    emulator.assume(**{name: "refused"})
    last = model("m", LLAMA)
    last["outputs"]["fallback"] = {"elementId": "other"}
    elements = [start("p"), element, last, end(), {"id": "other", "type": "end", "outputs": {}}]
    assert refused(control, gateway, elements)


@pytest.mark.parametrize(
    ("name", "choice", "timeout"), [("graph_size", "100", 0), ("longest_timeout", "600000", 600_001)]
)
def test_limits_nobody_knows_can_be_assumed(
    emulator: Running, control: httpx.Client, route: MakeRoute, name: str, choice: str, timeout: int
) -> None:
    models = [model(f"m{n}", LLAMA, timeout=timeout) for n in range(100)]
    large: Elements = [start("m0"), *models, end()]
    route(large)
    emulator.assume(**{name: choice})
    assert control.post(ROUTES, json={"name": "other", "elements": large}).status_code == 400


@pytest.mark.parametrize(("name", "choice"), [("route_duplicate_status", "409"), ("route_missing_status", "400")])
def test_statuses_nobody_recorded_can_be_assumed(
    emulator: Running, control: httpx.Client, route: MakeRoute, name: str, choice: str
) -> None:
    route(SIMPLE)
    emulator.assume(**{name: choice})
    replies = [control.post(ROUTES, json={"name": "chat", "elements": SIMPLE}), control.get(f"{ROUTES}/nope")]
    assert int(choice) in [reply.status_code for reply in replies]


def test_versions_can_be_assumed_to_be_listed_oldest_first(
    emulator: Running, control: httpx.Client, route: MakeRoute
) -> None:
    made = route(SIMPLE)
    emulator.assume(version_order="oldest-first")
    control.post(f"{ROUTES}/{made['id']}/versions", json={"elements": OTHER}).raise_for_status()
    versions = control.get(f"{ROUTES}/{made['id']}/versions").json()["data"]["versions"]
    assert versions[0]["version_id"] == made["version"]["version_id"]
