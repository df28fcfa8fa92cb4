"""The official Cloudflare SDK does real work here, and finds every answer to be of the shape it expects.

Where live answers were reported to differ from the OpenAPI, an assumption has the spec's way; it is chosen here.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import cloudflare
import httpx
import pytest
from cloudflare import Cloudflare

from tests.emulator.server import TEST_TOKEN, Running
from tests.emulator_tests.given import (
    ACCOUNT,
    GPT_OSS,
    LLAMA,
    MINIMAL,
    chat_body,
    conditional,
    end,
    model,
    percentage,
    rate,
    start,
)

pytestmark = pytest.mark.http
IN: dict[str, Any] = {"account_id": ACCOUNT}
GRAPH: Any = [
    start("c"),
    conditional("c", {"metadata.plan": {"$eq": "free"}}, "r", "p"),
    rate("r", "a", "b"),
    percentage("p", p10="a", p90="b"),
    model("a", LLAMA),
    model("b", GPT_OSS),
    end(),
]


@pytest.fixture
def strict(emulator: Running) -> Iterator[Cloudflare]:
    """A client that raises when an answer does not fit the spec."""
    emulator.assume(route_answers="spec", bucket_location="lower", finetune_list="object")
    with client(emulator, strict=True) as made:
        yield made


@pytest.fixture
def lenient(emulator: Running) -> Iterator[Cloudflare]:
    """A client as people use it, against answers as live ones were reported."""
    with client(emulator, strict=False) as made:
        yield made


def client(emulator: Running, strict: bool) -> Cloudflare:
    return Cloudflare(
        api_token=TEST_TOKEN,
        base_url=emulator.control_plane,
        max_retries=0,
        _strict_response_validation=strict,
        http_client=httpx.Client(base_url=emulator.control_plane, verify=False),
    )


@pytest.fixture
def gateway(strict: Cloudflare) -> str:
    return strict.ai_gateway.create(id="gw", **IN, **MINIMAL).id


def test_gateways_live_their_life(strict: Cloudflare, gateway: str) -> None:
    api = strict.ai_gateway
    assert [one.id for one in api.list(**IN)] == [gateway]
    assert api.update(gateway, **IN, **{**MINIMAL, "cache_ttl": 60}).cache_ttl == 60
    assert api.get(gateway, **IN).cache_ttl == 60
    api.delete(gateway, **IN)
    with pytest.raises(cloudflare.NotFoundError):
        api.get(gateway, **IN)


def test_routes_live_their_life(strict: Cloudflare, gateway: str) -> None:
    api = strict.ai_gateway.dynamic_routing
    route = api.create(gateway, **IN, name="chat", elements=GRAPH)
    where: dict[str, Any] = {**IN, "gateway_id": gateway}
    version = api.create_version(route.id, **where, elements=GRAPH)
    newest = api.list_versions(route.id, **where).data.versions[0]
    assert (newest.active, version.id) == ("false", route.id)
    api.create_deployment(route.id, **where, version_id=newest.version_id)
    assert api.get_version(newest.version_id, **where, id=route.id).active == "true"
    assert len(api.list_deployments(route.id, **where).data.deployments) == 2
    assert api.update(route.id, **where, name="talk").route.name == "talk"
    assert [one.name for one in api.list(gateway, **IN).data.routes] == ["talk"]
    assert len(api.get(route.id, **where).elements) == len(GRAPH)
    assert api.delete(route.id, **where).id == route.id


def test_logs_are_read_and_rated(emulator: Running, strict: Cloudflare, gateway: str) -> None:
    url = f"{emulator.data_plane}/{ACCOUNT}/{gateway}/compat/chat/completions"
    httpx.post(url, json=chat_body(f"workers-ai/{GPT_OSS}"), headers=emulator.auth, verify=False).raise_for_status()
    api = strict.ai_gateway.logs
    (entry,) = api.list(gateway, **IN)
    where: dict[str, Any] = {**IN, "gateway_id": gateway}
    assert api.get(entry.id, **where).model == GPT_OSS
    api.edit(entry.id, **where, feedback=1, score=90)
    assert len(list(api.list(gateway, **IN, feedback=1))) == 1
    assert api.request(entry.id, **where)
    assert api.response(entry.id, **where)
    assert api.delete(gateway, **IN).success


def test_keys_are_stored_and_the_url_is_known(strict: Cloudflare, gateway: str) -> None:
    strict.ai_gateway.update(gateway, **IN, **MINIMAL, store_id="store")
    api = strict.ai_gateway.provider_configs
    api.create(
        gateway, **IN, alias="default", default_config=True, provider_slug="openai", secret="test-key", secret_id="s"
    )
    assert [one.provider_slug for one in api.list(gateway, **IN)] == ["openai"]
    assert strict.ai_gateway.urls.get("openai", **IN, gateway_id=gateway).endswith("/gw/openai")


def policy(resource: str, group: str) -> Any:
    return [{"effect": "allow", "resources": {resource: "*"}, "permission_groups": [{"id": group}]}]


def test_tokens_live_their_life(strict: Cloudflare) -> None:
    api = strict.accounts.tokens
    (group,) = api.permission_groups.list(**IN, name="AI Gateway Read")
    assert group.id
    whole_account = policy(f"com.cloudflare.api.account.{ACCOUNT}", group.id)
    token: Any = api.create(**IN, name="read", policies=whole_account)
    assert token.value != api.value.update(token.id, **IN)
    assert [one.id for one in api.list(**IN)] == [token.id]
    renamed = api.update(token.id, **IN, name="other", policies=whole_account)
    assert renamed
    assert renamed.name == "other"
    verified = api.verify(**IN)
    assert verified
    assert verified.status == "active"
    api.delete(token.id, **IN)
    assert not list(api.list(**IN))


def test_buckets_live_their_life(strict: Cloudflare) -> None:
    api = strict.r2.buckets
    api.create(**IN, name="logs", location_hint="weur")
    rule: Any = {"id": "old", "enabled": True, "conditions": {"prefix": ""}}
    rule["deleteObjectsTransition"] = {"condition": {"type": "Age", "maxAge": 86400}}
    api.lifecycle.update("logs", **IN, rules=[rule])
    (kept,) = api.lifecycle.get("logs", **IN).rules or []
    assert kept.id == "old"
    assert api.edit("logs", **IN, storage_class="InfrequentAccess").storage_class == "InfrequentAccess"
    assert [one.name for one in api.list(**IN).buckets or []] == ["logs"]
    api.delete("logs", **IN)
    with pytest.raises(cloudflare.NotFoundError):
        api.get("logs", **IN)


def test_the_catalogue_and_adapters_are_read(strict: Cloudflare) -> None:
    assert list(strict.ai.models.list(**IN, search="gpt-oss"))
    made = strict.ai.finetunes.create(**IN, model="@cf/google/gemma-7b-it-lora", name="cards")
    config = b'{"model_type": "gemma", "r": 8}'
    strict.ai.finetunes.assets.create("cards", **IN, file=config, file_name="adapter_config.json")
    assert made.name == "cards"
    assert strict.ai.finetunes.list(**IN).name == "cards"
    assert list(strict.ai.finetunes.public.list(**IN)) == []


def test_inference_runs_by_the_sdk(lenient: Cloudflare) -> None:
    answer: Any = lenient.ai.run(LLAMA, **IN, messages=[{"role": "user", "content": "hello"}])
    assert answer["response"]


def test_a_job_of_a_dataset_the_spec_does_not_name_can_be_made(lenient: Cloudflare) -> None:
    lenient.r2.buckets.create(**IN, name="logs")
    resource = f"com.cloudflare.edge.r2.bucket.{ACCOUNT}_default_logs"
    writer = policy(resource, "2efd5506f9c8494dacb1fa10a3e7d5b6")
    token: Any = lenient.accounts.tokens.create(**IN, name="write", policies=writer)
    secret = sha256(token.value.encode()).hexdigest()
    conf = f"r2://logs/x?account-id={ACCOUNT}&access-key-id={token.id}&secret-access-key={secret}"
    api, dataset = lenient.logpush.jobs, "ai_gateway_events"
    made = api.create(**IN, destination_conf=conf, dataset=dataset, enabled=True)  # type: ignore[arg-type]
    assert made
    assert made.id
    assert [one.id for one in api.list(**IN) if one] == [made.id]
    changed = api.update(made.id, **IN, enabled=False)
    assert changed
    assert changed.enabled is False
    validated = lenient.logpush.validate.destination(**IN, destination_conf=conf)
    assert validated
    assert validated.valid
    api.delete(made.id, **IN)


def test_live_answers_reach_the_sdk_as_they_are(lenient: Cloudflare) -> None:
    lenient.ai_gateway.create(id="gw", **IN, **MINIMAL)
    route: Any = lenient.ai_gateway.dynamic_routing.create("gw", **IN, name="chat", elements=GRAPH)
    assert (route.version.active, route.version.data[0]["type"]) == (True, "start")
    assert not hasattr(route, "elements") or route.elements is None


def test_live_answers_are_not_what_the_spec_promises(emulator: Running) -> None:
    with client(emulator, strict=True) as made:
        made.ai_gateway.create(id="gw", **IN, **MINIMAL)
        with pytest.raises(cloudflare.APIResponseValidationError):
            made.ai_gateway.dynamic_routing.create("gw", **IN, name="chat", elements=GRAPH)
