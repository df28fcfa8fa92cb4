"""JSON Schemas of the YAML files."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from gateway_config.config import GatewayFile, Route
from gateway_config.reading import Document
from gateway_config.rules import RULES
from gateway_config.schema import schemas, stale
from tests.small_config import EDITOR, GATEWAY, QUICK_CHAT, run, write_config

PACKAGE = Path(__file__).parent.parent / "gateway_config"
COMMITTED = [PACKAGE / "gateway.yaml", *sorted((PACKAGE / "routes").glob("*.yaml"))]


def as_json(value: Any) -> Any:
    """What an editor makes of our YAML: dates are texts, decimals numbers."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def complaints(name: str, text: str) -> list[str]:
    validator = Draft7Validator(schemas()[name])
    data = as_json(Document("a.yaml", text.encode()).data)
    return [error.json_path for error in validator.iter_errors(data)]


@pytest.mark.parametrize("name", ["gateway", "route"])
def test_a_schema_is_one_that_validators_accept(name: str) -> None:
    Draft7Validator.check_schema(schemas()[name])


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.stem)
def test_the_repositorys_yaml_fits(file: Path) -> None:
    assert complaints("gateway" if file.stem == "gateway" else "route", file.read_text()) == []


@pytest.mark.parametrize("text", [QUICK_CHAT, EDITOR])
def test_splits_tiers_conditions_and_limits_fit(text: str) -> None:
    assert complaints("route", text) == []


@pytest.mark.parametrize("file", COMMITTED, ids=lambda file: file.stem)
def test_every_yaml_file_names_its_schema(file: Path) -> None:
    comment = file.read_text().splitlines()[0]
    assert (file.parent / comment.removeprefix("# yaml-language-server: $schema=")).is_file()


@pytest.mark.parametrize(
    ("found", "written", "place"),
    [
        ("sticky: tenant", "stiky: tenant", "$"),
        ("sticky: tenant", "sticky: everyone", "$.sticky"),
        ("kind: chat", "kind: talk", "$.kind"),
        ("version: 1", "version: 2", "$.version"),
        ("quick: 75", "quick: 175", "$.tiers.edge.quick"),
        ("quick: 75", "quick: the-rest", "$.tiers.edge.quick"),
        ("quick: 75", "Quick: 75", "$.tiers.edge"),
        ("model: gemma,", "modle: gemma,", "$.arms.quick"),
        ("temperature: 0.2", "temperature: hot", "$.arms.quick.temperature"),
        ("temperature: 0.2", "temperature: 7", "$.arms.quick.temperature"),
        ("requests: 10", 'requests: "10"', "$.limits[0].requests"),
        ("intents: [scribe]", "intents: scribe", "$.intents"),
        ("fallback: [fast]", "fallback: [Fast]", "$.fallback[0]"),
        ("fallback: [fast]", "allow: {no-such-rule: because it is so}", "$.allow"),
        ("fallback: [fast]", "stages: {dev: {stiky: user}}", "$.stages.dev"),
        ("fallback: [fast]", "stages: {dev: {sticky: everyone}}", "$.stages.dev.sticky"),
        ("fallback: [fast]", "stages: {Dev: {sticky: user}}", "$.stages"),
    ],
)
def test_a_typical_mistake_in_a_route_is_seen_by_editors(found: str, written: str, place: str) -> None:
    assert found in EDITOR
    assert place in complaints("route", EDITOR.replace(found, written))


@pytest.mark.parametrize(
    ("found", "written", "place"),
    [
        ("id: inference", "id: Inference!", "$.gateway.id"),
        ("upstream: openai", "upstrem: openai", "$.models.big"),
        ("kind: chat", "kind: talk", "$.models.fast.kind"),
        ("as_of: 2026-08-28", 'as_of: 2026-08-28, out_usd_per_mtok: "a lot"', "$.models.fast.price"),
        ("as_of: 2026-08-28", "as_of: 2026-08-28, out_usd_per_mtok: -1", "$.models.fast.price"),
        ("metadata: [plan]", "front_door: {nam: ask}", "$.front_door"),
    ],
)
def test_a_typical_mistake_in_the_gateway_is_seen_by_editors(found: str, written: str, place: str) -> None:
    assert found in GATEWAY
    assert any(path.startswith(place) for path in complaints("gateway", GATEWAY.replace(found, written)))


@pytest.mark.parametrize("written", ["front_door: ask", "front_door: {name: ask, otherwise: quick-chat}"])
def test_a_name_may_stand_for_the_whole_where_the_loader_takes_one(written: str) -> None:
    assert complaints("gateway", f"{GATEWAY}{written}\n") == []


def test_money_may_be_quoted_or_not() -> None:
    price = 'as_of: 2026-08-28, in_usd_per_mtok: "0.100", out_usd_per_mtok: 0.3'
    assert complaints("gateway", GATEWAY.replace("as_of: 2026-08-28", price, 1)) == []


@pytest.mark.parametrize(("name", "part"), [("gateway", GatewayFile), ("route", Route)])
def test_every_key_of_the_class_is_known_and_explained(name: str, part: type[GatewayFile | Route]) -> None:
    schema = schemas()[name]
    assert set(schema["properties"]) == {*part.model_fields, "stages"}
    assert schema["description"] == part.__doc__


def test_every_rule_can_be_tuned_by_completion() -> None:
    assert schemas()["gateway"]["properties"]["rules"]["propertyNames"]["enum"] == sorted(RULES)


def test_a_stage_may_have_any_key_but_needs_none() -> None:
    stage = schemas()["route"]["$defs"]["Stage"]
    assert set(stage["properties"]) == {*Route.model_fields} - {"version"}
    assert "required" not in stage


@pytest.mark.parametrize("name", ["gateway", "route"])
def test_a_schema_says_its_version(name: str) -> None:
    assert schemas()[name]["$id"] == f"urn:gatewright:schema:{name}:1"


def test_the_committed_schemas_are_up_to_date() -> None:
    assert stale(PACKAGE / "schemas") == [], "`gatewright schema` writes them"


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a config in it, in which the command is run."""
    monkeypatch.chdir(tmp_path)
    return write_config(tmp_path / "gateway_config")


def test_schemas_are_written_beside_the_config(folder: Path) -> None:
    assert run("schema").exit_code == 0
    assert sorted(path.name for path in (folder / "schemas").iterdir()) == ["gateway.schema.json", "route.schema.json"]


def test_a_schema_that_is_not_up_to_date_is_named_and_left_alone(folder: Path) -> None:
    run("schema")
    stale_file = folder / "schemas/route.schema.json"
    stale_file.write_text("{}")
    result = run("schema", "--check")
    assert (result.exit_code, stale_file.read_text()) == (1, "{}")
    assert result.stdout.startswith("gateway_config/schemas/route.schema.json: not up to date")


def test_what_is_stale_is_data_too(folder: Path) -> None:
    names = [f"gateway_config/schemas/{name}.schema.json" for name in ("gateway", "route")]
    assert json.loads(run("schema", "--check", "--json").stdout) == {"stale": names}
    assert json.loads(run("schema", "--json").stdout) == {"written": names}


def test_schemas_that_are_up_to_date_pass(folder: Path) -> None:
    run("schema")
    result = run("schema", "--check")
    assert (result.exit_code, result.stdout) == (0, "")


def test_one_schema_can_be_printed(folder: Path) -> None:
    assert json.loads(run("schema", "route").stdout) == schemas()["route"]
    assert not (folder / "schemas").exists()
