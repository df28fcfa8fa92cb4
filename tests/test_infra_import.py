"""What `gatewright import` would write: worked out as a whole, beside what is there, before the first file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from gateway_config.compile import compile_config
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import load
from infra.import_command import _require_its_stage
from infra.importing_files import Plan, planned
from infra.provider.elements import digest_of_wire
from infra.provider.routes_api import LiveRoute

LIMITS = {"rate_limiting_interval": 60, "rate_limiting_limit": 50, "rate_limiting_technique": "fixed"}
SETTINGS = {"id": "acme-shop-west-dev", "collect_logs": True, "authentication": True, **LIMITS}
FAST, SAGE = "@cf/meta/llama-3.1-8b-instruct-fast", "@cf/openai/gpt-oss-120b"


def element(id: str, type: str, outputs: dict[str, str], **properties: Any) -> dict[str, Any]:
    edges = {label: {"elementId": target} for label, target in outputs.items()}
    return {"id": id, "type": type, "outputs": edges, **({"properties": properties} if properties else {})}


def model(id: str, name: str, fallback: str = "end") -> dict[str, Any]:
    ways = {"success": "end", "fallback": fallback}
    return element(id, "model", ways, provider="workers-ai", model=name, timeout=9000, retries=0)


def live(name: str, *elements: dict[str, Any]) -> LiveRoute:
    """A route that begins with the first of these elements."""
    start = element("start", "start", {"next": elements[0]["id"]})
    return LiveRoute(f"id-{name}", name, [start, *elements, element("end", "end", {})], "v1", None)


def chain(name: str) -> LiveRoute:
    return live(name, model("a", FAST, "b"), model("b", SAGE))


TWO = (model("a", FAST), model("b", SAGE))
BY_HAND = {
    "five": element("p", "percentage", {"40%": "a", "30%": "b", "20%": "c", "6%": "d", "4%": "end"}),
    "condition": element("if", "conditional", {"true": "a", "false": "b"}, conditions={"metadata.plan": {"$gt": 3}}),
    "dropped": element("if", "conditional", {"true": "a", "false": "b"}, conditions={}),
    "limit": element(
        "r", "rate", {"success": "a", "fallback": "b"}, limitType="cost", key="metadata.user_id", limit=1.5, window=60
    ),
    "known-to-nobody": {**model("m", FAST, "b"), "position": {"x": 1}, "id": "ec8a95bd-8ffa-4bd9-9c0b-a1c1e4b1a6f0"},
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_a_hand_made_in_the_dashboard_compiles_to_what_is_live(name: str, tmp_path: Path) -> None:
    route = live(name, BY_HAND[name], *TWO, model("c", "gpt-4o"), model("d", FAST, "a"))
    assert took_in(tmp_path, route).notices == []
    compiled = compile_config(load(tmp_path, "dev"))
    assert compiled.gateway_id == "acme-shop-west-dev"
    assert compiled.routes[name].graph_digest == digest_of_wire(route.elements)


def test_values_that_a_reader_might_take_for_something_else_are_read_back_as_they_are(tmp_path: Path) -> None:
    texts = ["1e5", "0x1", "on", "n", "~", "2026-01-01", "12:30:00", "ü", "zero\u200bwidth", "two\nlines", "-1", "<<"]
    asked = element("if", "conditional", {"true": "a", "false": "b"}, conditions={"metadata.x": {"$in": texts}})
    limit = {**BY_HAND["limit"], "properties": {**BY_HAND["limit"]["properties"], "limit": 1e-7}}
    routes = (live("asked", asked, *TWO), live("limit", limit, *TWO))
    took_in(tmp_path, *routes)
    compiled = compile_config(load(tmp_path, "dev"))
    assert [compiled.routes[route.name].graph_digest for route in routes] == [
        digest_of_wire(route.elements) for route in routes
    ]


def test_a_model_that_the_yaml_cannot_name_stays_within_the_elements(tmp_path: Path) -> None:
    strange = model("a", FAST)
    strange["properties"]["provider"] = "Custom_X"
    took_in(tmp_path, live("strange", strange))
    assert load(tmp_path, "dev").file.models == {}
    assert compile_config(load(tmp_path, "dev")).routes["strange"].routed


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"guardrails": {"prompt": {"S99": "BLOCK"}}},
            "guardrails (gateway.yaml takes no such value of `guardrails.prompt.S99`",
        ),
        ({"rate_limiting_interval": 0}, "rate_limit (gateway.yaml takes no such value of `rate_limit.window_s`"),
        ({"log_management": 10}, "log_limit (gateway.yaml takes no such value of `log_limit`"),
        ({"log_management_strategy": "NEW"}, "log_when_full (gateway.yaml takes no such value of `log_when_full`"),
        ({"otel": [{"url": f"https://{n}.example"} for n in range(6)]}, "telemetry (gateway.yaml takes no such value"),
        ({"spend_limits": {"enabled": True, "rules": [{"id": "x", "limitType": "cost"}]}}, 'spend limit "x" (one in'),
    ],
)
def test_a_setting_that_cloudflare_may_have_and_the_yaml_may_not_is_named(
    value: dict[str, Any], said: str, tmp_path: Path
) -> None:
    plan = took_in(tmp_path, chain("chain"), settings={**SETTINGS, **value})
    assert said in plan.notices[0]
    assert load(tmp_path, "dev").gateway_id == "acme-shop-west-dev"


def took_in(directory: Path, *routes: LiveRoute, settings: dict[str, Any] = SETTINGS, stage: str = "dev") -> Plan:
    plan = planned(directory, stage, settings, routes)
    plan.write()
    return plan


def files_in(directory: Path) -> list[str]:
    return sorted(str(file.relative_to(directory)) for file in directory.rglob("*") if file.is_file())


def test_a_route_that_cannot_be_declared_is_told_with_the_command_for_the_others(tmp_path: Path) -> None:
    circle = live("circle", model("a", FAST, "b"), model("b", SAGE, "a"))
    with pytest.raises(UsageError) as raised:
        took_in(tmp_path, chain("chain"), circle, chain("By_Hand"))
    said = str(raised.value)
    assert "circle: elements-grammar: the elements go in a circle: a → b → a" in said
    assert "call dynamic/By_Hand" in said
    assert "`gatewright import chain --gateway acme-shop-west-dev --stage dev`" in said
    assert files_in(tmp_path) == []


def config_of(directory: Path, *lines: str, **routes: str) -> None:
    """A config of the gateway that is live, with further lines in gateway.yaml and these routes."""
    (directory / "routes").mkdir()
    models = (f'models: {{fast: {{upstream: workers-ai, model: "{FAST}", kind: chat, price: null}}}}',)
    head = ("version: 1", "gateway: {id: acme-shop-west}", *models)
    (directory / "gateway.yaml").write_text("\n".join([*head, *lines]))
    for file, text in routes.items():
        (directory / "routes" / file.replace("_", ".")).write_text(f"version: 1\nintents: [x]\n{text}")


def kept(plan: Plan) -> Iterable[str]:
    return (notice.split(" of ")[0] for notice in plan.notices)


def test_a_route_that_the_config_has_is_kept_whatever_its_file_ends_in(tmp_path: Path) -> None:
    config_of(tmp_path, chain_yml="kind: chat\narms: {only: {model: fast, first_byte_ms: 1}}")
    plan = took_in(tmp_path, chain("chain"))
    assert plan.files == {}
    assert [*kept(plan)] == ["kept chain"]
    assert "another graph is live, and preview shows the difference" in plan.notices[0]


def test_a_route_that_is_declared_as_it_is_live_is_kept_without_a_word(tmp_path: Path) -> None:
    took_in(tmp_path, chain("chain"))
    again = took_in(tmp_path, chain("chain"))
    assert (again.files, again.notices) == ({}, [])


def test_the_front_door_gets_no_file(tmp_path: Path) -> None:
    config_of(tmp_path, "front_door: ask", chat_yaml="kind: chat\narms: {only: {model: fast}}")
    plan = took_in(tmp_path, chain("ask"))
    assert plan.files == {}
    assert [*kept(plan)] == ["kept ask"]


def test_a_route_with_the_name_of_one_that_cloudflare_does_not_serve_is_refused(tmp_path: Path) -> None:
    config_of(tmp_path, paint_yaml="kind: chat\ndirect: true\narms: {only: {model: fast}}")
    with pytest.raises(UsageError, match=r"paint: .*paint.yaml:5:1 declares a route of this name that Cloudflare"):
        took_in(tmp_path, chain("paint"))


def test_a_config_of_another_gateway_is_left_alone(tmp_path: Path) -> None:
    config_of(tmp_path)
    with pytest.raises(UsageError, match='declares gateway "acme-shop-west-dev", so "other-dev" cannot be part of'):
        took_in(tmp_path, chain("chain"), settings={**SETTINGS, "id": "other-dev"})
    assert files_in(tmp_path) == ["gateway.yaml"]


def test_a_config_with_problems_is_mended_first(tmp_path: Path) -> None:
    config_of(tmp_path, "frontdoor: ask")
    with pytest.raises(ConfigError, match="frontdoor"):
        took_in(tmp_path, chain("chain"))
    assert files_in(tmp_path) == ["gateway.yaml"]


def test_what_the_stage_says_of_its_own_counts(tmp_path: Path) -> None:
    config_of(tmp_path, "stages: {dev: {defaults: {deadline_ms: 5000}}}")
    plan = took_in(tmp_path, live("only", model("a", FAST)))
    assert "elements" in plan.files[tmp_path / "routes/only.yaml"], "the readable form would exceed the deadline"
    assert compile_config(load(tmp_path, "dev")).routes["only"].routed


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    plan = planned(tmp_path / "config", "dev", SETTINGS, [chain("chain")])
    (tmp_path / "config").mkdir()
    (tmp_path / "config/routes").write_text("a file where the folder would be")
    with pytest.raises(UsageError, match=r"config/routes\" cannot be written: File exists. Nothing was imported"):
        plan.write()
    assert files_in(tmp_path) == ["config/routes"]


def test_a_file_that_was_written_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    plan = planned(tmp_path, "dev", SETTINGS, [chain("chain")])
    (tmp_path / "routes").mkdir()
    (tmp_path / "routes/chain.yaml").write_text("theirs")
    with pytest.raises(UsageError, match=r"chain.yaml\" cannot be written"):
        plan.write()
    assert files_in(tmp_path) == ["routes/chain.yaml"]
    assert (tmp_path / "routes/chain.yaml").read_text() == "theirs"


@pytest.mark.parametrize(
    ("id", "stage", "said"),
    [
        ("a-b-prod", "dev", "--stage prod"),
        ("production", "production", "Declare a new one"),
        ("a-2", "dev", "Declare a new one"),
        ("A-dev", "dev", "A gateway is named like"),
        ("acme-dev/../x-dev", "dev", "A gateway is named like"),
    ],
)
def test_a_gateway_that_is_no_stages_is_refused_with_a_way_on(id: str, stage: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _require_its_stage(id, stage)
