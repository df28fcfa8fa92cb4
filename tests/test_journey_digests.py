"""One digest all the way with the real engine: declared, deployed, published, served and recorded are the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.graph import graph_digest
from gateway_config.load import load
from gateway_config.runtime import Answer, Client, Outcome, Settings
from gateway_config.runtime.following import Publication
from gateway_config.runtime.records.segments import read_records
from gateway_config.wire import from_wire
from infra.engine import Engine
from tests.adapter_on_disk import MISTRAL
from tests.runtime.test_kinds import WAV
from tests.stand_in.project import TEST_ACCOUNT, edit
from tests.stand_in.stage import Stage, running_stage

pytestmark = pytest.mark.engine

ROUTES_PATH = f"/accounts/{TEST_ACCOUNT}/ai-gateway/gateways/inference-dev/routes"
MODELS = """
  bge: {upstream: workers-ai, model: "@cf/baai/bge-m3", kind: embed, price: null}
  reranker: {upstream: workers-ai, model: "@cf/baai/bge-reranker-base", kind: rerank, price: null}
  whisper: {upstream: workers-ai, model: "@cf/openai/whisper-large-v3-turbo", kind: transcribe, price: null}
  melo: {upstream: workers-ai, model: "@cf/myshell-ai/melotts", kind: speak, price: null}
  guard: {upstream: workers-ai, model: "@cf/meta/llama-guard-3-8b", kind: classify, price: null}
"""
SUMMARY = "reasoning_effort: low, reasoning_summary: auto"
ROUTES = {
    "vectors": "kind: embed\nintents: [vectors]\narms: {one: {model: bge}}",
    "sorting": "kind: rerank\nintents: [sort]\narms: {one: {model: reranker}}",
    "hearing": "kind: transcribe\nintents: [hear]\narms: {one: {model: whisper}}",
    "speaking": "kind: speak\nintents: [say]\narms: {one: {model: melo}}",
    "guarding": "kind: classify\nintents: [guard]\narms: {one: {model: guard}}",
    "voicing": "kind: chat\nintents: [voice]\ndirect: true\narms: {one: {model: tarot-base, adapter: tarot}}",
    "explaining": f"kind: chat\nintents: [explain]\ndirect: true\narms: {{one: {{model: gpt-oss, {SUMMARY}}}}}",
}
ROUTED: Mapping[str, Callable[[Client], Outcome]] = {
    "quick-chat": lambda client: client.ask("sprinter", "Hi", user="ada"),
    "reasoning": lambda client: client.ask("sage", "Why?"),
    "seeing": lambda client: client.ask("seer", "What is this?"),
}
DIRECT: Mapping[str, Callable[[Client], Outcome]] = {
    "painting": lambda client: client.image("artist", "A cat", width=512, height=512, steps=4),
    "vectors": lambda client: client.embed("vectors", ["tides", "moon"]),
    "sorting": lambda client: client.rerank("sort", "tides", ["a car", "the tides"]),
    "hearing": lambda client: client.transcribe("hear", WAV),
    "speaking": lambda client: client.speak("say", "Hello"),
    "guarding": lambda client: client.classify("guard", "hello"),
    "voicing": lambda client: client.ask("voice", "Hi"),
    "explaining": lambda client: client.ask("explain", "Why?"),
}


@dataclass(frozen=True)
class Journey:
    """Every step of one config, from its files to the lines that its calls left."""

    declared: CompiledConfig
    outputs: Mapping[str, Any]
    deployed: Mapping[str, list[dict[str, Any]]]
    lived_by: CompiledConfig
    answers: Mapping[str, Outcome]
    records: Mapping[str, dict[str, Any]]
    logs: Mapping[str, dict[str, Any]]
    voiced: Mapping[str, Any]


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    """One `up` for all tests."""
    folder, kept = tmp_path_factory.mktemp("journey"), tmp_path_factory.mktemp("records")
    with running_stage(folder, seed=3) as stage:
        declared = declare(stage)
        stage.run("up")
        outputs = Engine(folder, "dev", environment=stage.environment).secret_outputs()
        with follower(stage, outputs, kept) as client:
            lived_by = client.config
            answers = {name: call(client) for name, call in {**ROUTED, **DIRECT}.items()}
        records = {record["route"]: record for record in read_records(kept)}
        voiced = stage.emulator.journal(MISTRAL)[-1]["body"]
        yield Journey(declared, outputs, live(stage.api), lived_by, answers, records, logs(stage.api, answers), voiced)


def declare(stage: Stage) -> CompiledConfig:
    """The dev stage with a route for everything that the gateway cannot route."""
    config = stage.folder / "gateway_config"
    edit(config / "gateway.yaml", {"\nprojects:": f"{MODELS}\nprojects:"})
    for name, text in ROUTES.items():
        (config / f"routes/{name}.yaml").write_text(f"version: 1\n{text}\n")
    return compile_config(load(config, "dev"))


def follower(stage: Stage, outputs: Mapping[str, Any], records: Path) -> Client:
    """An application's client: it knows the outputs of `up` and no YAML."""
    published, tokens = outputs["published_config"], outputs["tokens"]
    publication = Publication.from_environment(
        {
            **stage.environment,
            "GATEWRIGHT_CONFIG_BUCKET": published["bucket"],
            "GATEWRIGHT_CONFIG_KEY": published["key"],
            "GATEWRIGHT_CONFIG_TOKEN_ID": tokens["read-config"]["id"],
            "GATEWRIGHT_CONFIG_TOKEN": tokens["read-config"]["value"],
        }
    )
    settings = Settings(TEST_ACCOUNT, tokens["serve"]["value"], stage.emulator.data_plane)
    return Client.from_published(publication, settings=settings, records=records)


def live(api: ControlPlane) -> dict[str, list[dict[str, Any]]]:
    """The deployed elements of each dynamic route, as the API tells them."""
    routes = list(api.pages(ROUTES_PATH, "routes"))
    return {route["name"]: api.get(f"{ROUTES_PATH}/{route['id']}")["version"]["data"] for route in routes}


def logs(api: ControlPlane, answers: Mapping[str, Outcome]) -> dict[str, dict[str, Any]]:
    base = ROUTES_PATH.removesuffix("/routes")
    return {name: api.get(f"{base}/logs/{answer.log_id}") for name, answer in answers.items()}


def test_every_kind_and_every_way_is_on_the_journey(journey: Journey) -> None:
    assert {name for name, route in journey.declared.routes.items() if route.routed} == set(ROUTED)
    assert {name for name, route in journey.declared.routes.items() if not route.routed} == set(DIRECT)
    kinds = {"chat", "vision", "image", "embed", "rerank", "transcribe", "speak", "classify"}
    assert {route.kind for route in journey.declared.routes.values()} == kinds


def test_what_is_deployed_has_the_digests_that_were_declared(journey: Journey) -> None:
    deployed = {name: graph_digest(from_wire(elements)) for name, elements in journey.deployed.items()}
    assert deployed == {name: journey.declared.routes[name].graph_digest for name in ROUTED}
    assert deployed == journey.outputs["graph_digests"]


def test_what_is_published_is_what_was_declared(journey: Journey) -> None:
    assert journey.lived_by.digest == journey.declared.digest == journey.outputs["config_digest"]
    for name, route in journey.declared.routes.items():
        published = journey.lived_by.routes[name]
        assert (published.graph_digest, published.config_digest) == (route.graph_digest, route.config_digest)
        assert graph_digest(published.graph) == route.graph_digest


@pytest.mark.parametrize("route", [*ROUTED, *DIRECT])
def test_what_served_has_the_digests_that_were_declared(journey: Journey, route: str) -> None:
    declared, answer = journey.declared.routes[route], journey.answers[route]
    assert (answer.graph_digest, answer.config_digest) == (declared.graph_digest, declared.config_digest)
    assert answer.trace.startswith(f"{declared.config_digest[:12]}.")
    assert answer.assigned_arm == answer.served_by.arm is not None


@pytest.mark.parametrize("route", [*ROUTED, *DIRECT])
def test_what_is_recorded_has_the_digests_that_were_declared(journey: Journey, route: str) -> None:
    declared, record = journey.declared.routes[route], journey.records[route]
    assert (record["graph_digest"], record["config_digest"]) == (declared.graph_digest, declared.config_digest)
    assert (record["trace"], record["arm"]) == (journey.answers[route].trace, record["served_arm"])


@pytest.mark.parametrize("route", [*ROUTED, *DIRECT])
def test_the_gateways_own_log_knows_the_call_by_its_trace(journey: Journey, route: str) -> None:
    answer, log = journey.answers[route], journey.logs[route]
    metadata = log["metadata"] if isinstance(log["metadata"], dict) else json.loads(log["metadata"])
    assert metadata["trace"] == answer.trace
    assert (log["provider"], log["model"]) == (answer.served_by.upstream, answer.served_by.model)


def test_an_adapter_and_a_summary_are_what_was_asked_for(journey: Journey) -> None:
    (adapter,) = [target.adapter for target in journey.declared.routes["voicing"].targets.values()]
    assert journey.voiced["lora"] == adapter is not None
    explained = journey.answers["explaining"]
    assert isinstance(explained, Answer)
    assert explained.reasoning
