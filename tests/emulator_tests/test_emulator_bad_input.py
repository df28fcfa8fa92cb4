"""Whatever comes in, the answer is Cloudflare's or a 4xx of the emulator's own; its records stay whole."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.emulator import app
from tests.emulator.server import Running
from tests.emulator.services import OPERATIONS
from tests.emulator_tests.given import ACCOUNT, LLAMA, MINIMAL, chat_body, end, model, start

pytestmark = pytest.mark.http
JUNK: list[Any] = [None, 7, -1, 1.5, "text", "", [], [1], {}, {"a": None}, True, [[[]]], {"": {"": []}}]
CHANGING = sorted({(one.method, one.template) for one in OPERATIONS if one.method != "GET"})
CHAT = "/compat/chat/completions"


def address(template: str) -> str:
    """A path of this template: things that exist where they can."""
    known = {"account": ACCOUNT, "gateway": "gw", "bucket": "logs", "finetune": "cards", "model*": LLAMA, "job": "1"}
    for name, value in known.items():
        template = template.replace("{" + name + "}", value)
    return template.replace("{", "").replace("}", "").replace("*", "")


@pytest.fixture
def client(emulator: Running, control: httpx.Client, route: Callable[..., Any]) -> Iterator[httpx.Client]:
    """A client of an account where most things exist."""
    route([start("m"), model("m", LLAMA), end()])
    control.post("/r2/buckets", json={"name": "logs"}).raise_for_status()
    control.post("/ai/finetunes", json={"model": "@cf/google/gemma-7b-it-lora", "name": "cards"}).raise_for_status()
    headers = {**emulator.auth, "cf-aig-gateway-id": "gw"}
    with httpx.Client(base_url=emulator.url, headers=headers, verify=False) as made:
        yield made


@pytest.mark.parametrize(("method", "template"), CHANGING)
def test_no_operation_fails_over_junk(client: httpx.Client, method: str, template: str) -> None:
    bodies = [json.dumps(junk).encode() for junk in JUNK] + [b"{", b"\xff\xfe", b"[" * 5000, b""]
    for body in bodies:
        reply = client.request(method, address(template), content=body, headers={"content-type": "application/json"})
        assert reply.status_code < 500, (body, reply.text)


FIELDS = sorted(
    {"name", "elements", "id", "policies", "model", "messages", "input", "prompt", "text", "query", "contexts", "audio"}
    | {"destination_conf", "output_options", "filter", "rules", "requests", "request_id", "version_id", "tools"}
    | {"spend_limits", "guardrails", "otel", "dlp", "response_format", "tool_choice", "max_tokens", "reasoning", "lora"}
    | {"condition", "expires_on", "draws", "seed", "failures", "latency", "answers", "path", "feedback", "metadata"}
    | {"stop", "advance_s", "accounts", "format", "metadata", "failing", "exhausted", "stream_options", "system"}
)


@pytest.mark.parametrize(("method", "template"), CHANGING)
def test_no_operation_fails_over_a_junk_field(client: httpx.Client, method: str, template: str) -> None:
    """Every field in turn is junk in a body that is otherwise plausible."""
    plausible = {**MINIMAL, **chat_body(f"workers-ai/{LLAMA}"), "id": "gw2", "name": "n", "elements": []}
    for name in FIELDS:
        for junk in (None, 7, "text", [1], {"a": None}):
            body = {**plausible, name: junk}
            reply = client.request(method, address(template), json=body)
            assert reply.status_code < 500, (name, junk, reply.text)


@pytest.mark.parametrize("kind", ["conditional", "percentage", "rate", "model", "start", "end"])
def test_no_element_with_junk_fails(client: httpx.Client, kind: str) -> None:
    for junk in JUNK:
        for broken in ({"id": "x", "type": kind, "outputs": junk}, {"id": "x", "type": kind, "properties": junk}):
            elements = [start("x"), {"outputs": {}, "properties": {}, **broken}, end()]
            url = f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways/gw/routes"
            assert client.post(url, json={"name": "n", "elements": elements}).status_code < 500
            assert client.post("/_emulator/walk", json={"elements": elements}).status_code < 500


@pytest.mark.parametrize(
    "conditions", [{"metadata.a": {"$in": 3}}, {"$and": 3}, {"$or": [3]}, {"$not": {}}, 3, [1], {"metadata.a": None}]
)
def test_conditions_that_make_no_sense_are_accepted_and_false(client: httpx.Client, conditions: Any) -> None:
    outputs = {"true": {"elementId": "end"}, "false": {"elementId": "m"}}
    branch = {"id": "c", "type": "conditional", "properties": {"conditions": conditions}, "outputs": outputs}
    elements = [start("c"), branch, model("m", LLAMA), end()]
    url = f"/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways/gw/routes"
    assert client.post(url, json={"name": "odd", "elements": elements}).status_code == 200
    headers = {"cf-aig-metadata": '{"a": 1}'}
    reply = client.post(f"/v1/{ACCOUNT}/gw{CHAT}", json=chat_body("dynamic/odd"), headers=headers)
    assert reply.status_code == 200


HEADERS = [
    {"cf-aig-metadata": junk} for junk in ("{", "[]", "7", '{"a": {"b": 1}}', "null", "x" * 20_000, '{"a": 1e999}')
] + [
    {"cf-aig-cache-ttl": "soon"},
    {"cf-aig-cache-ttl": "9" * 400},
    {"cf-aig-max-attempts": "-3"},
    {"cf-aig-request-timeout": "١٢"},
    {"cf-aig-custom-cost": "[]"},
    {"cf-aig-custom-cost": '{"total_cost": "much"}'},
    {"cf-aig-backoff": "sideways"},
    {"authorization": "Basic x"},
    {"authorization": "Bearer"},
    {"content-type": "multipart/form-data"},
    {"content-type": "text/plain"},
    {"content-type": "multipart/form-data; boundary=ü"},
]


@pytest.mark.parametrize("headers", HEADERS)
def test_no_header_fails(client: httpx.Client, headers: dict[str, str]) -> None:
    encoded = {name.encode(): value.encode() for name, value in headers.items()}
    body = json.dumps(chat_body(f"workers-ai/{LLAMA}")).encode()
    for door in (CHAT, f"/workers-ai/{LLAMA}", "/run", ""):
        assert client.post(f"/v1/{ACCOUNT}/gw{door}", content=body, headers=encoded).status_code < 500


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//",
        "/client/v4",
        "/client/v4//accounts",
        "/client/v4/accounts/../../_emulator/state",
        "/client/v4/accounts/a/ai-gateway/gateways/%2e%2e/gw",
        "/v1/a/gw/compat/../../../_emulator",
        "/v1/a/gw/workers-ai/",
        "/v1/%00/gw/compat/chat/completions",
        "/v1/a/gw%2Fcompat/chat/completions",
        "/_emulator/nothing",
        "/_emulator/../client/v4",
        "/client/v4/accounts/%ff%fe/ai-gateway/gateways",
        "/" + "a/" * 3000,
    ],
)
def test_no_path_fails_or_leads_elsewhere(client: httpx.Client, path: str) -> None:
    with raw(client) as send:
        head = send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    status = int(head.split()[1])
    assert 400 <= status < 500


@contextmanager
def raw(client: httpx.Client) -> Iterator[Callable[[bytes], bytes]]:
    """A socket that says what it is told, and gives back the head of the answer."""
    where = urlsplit(str(client.base_url))
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:

        def send(data: bytes) -> bytes:
            connection.sendall(data)
            return connection.recv(65536)

        yield send


def test_a_wrong_method_says_which_are_right(client: httpx.Client) -> None:
    reply = client.delete(f"/v1/{ACCOUNT}/gw{CHAT}")
    assert (reply.status_code, "POST" in reply.text) == (405, True)


def test_a_body_of_30_mb_is_answered(client: httpx.Client) -> None:
    body = chat_body(f"workers-ai/{LLAMA}", "x" * 30_000_000)
    assert client.post(f"/v1/{ACCOUNT}/gw{CHAT}", json=body, timeout=30).status_code == 200


def test_a_body_over_100_mb_is_413(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "MOST_BODY_BYTES", 1000)
    assert client.post(f"/v1/{ACCOUNT}/gw{CHAT}", json=chat_body("x" * 2000)).status_code == 413


def test_an_upload_may_be_larger_and_is_refused_in_the_words_of_the_control_plane(
    control: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "MOST_BODY_BYTES", 1000)
    monkeypatch.setattr(app, "MOST_UPLOAD_BYTES", 3000)
    whole, too_large = (control.post("/r2/buckets", content="x" * size) for size in (2000, 4000))
    assert (whole.status_code, too_large.status_code) == (400, 413)
    assert "too large" in too_large.json()["errors"][0]["message"]


@pytest.mark.parametrize("path", ["/r2/buckets?per_page=²", "/ai/finetunes/public?offset=²&limit=²"])
def test_a_digit_that_is_no_number_fails_nothing(control: httpx.Client, path: str) -> None:
    assert control.get(path).status_code < 500


def test_a_client_that_hangs_up_while_sending_harms_nobody(client: httpx.Client) -> None:
    with raw(client) as send:
        send_head = f"POST /v1/{ACCOUNT}/gw{CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        with pytest.raises(TimeoutError):
            _briefly(client, send_head.encode() + b'{"model"')
        assert b" 200 " in send(b"GET /_emulator HTTP/1.1\r\nHost: x\r\n\r\n")


def _briefly(client: httpx.Client, data: bytes) -> None:
    where = urlsplit(str(client.base_url))
    with socket.create_connection((where.hostname, where.port), timeout=0.05) as connection:
        connection.sendall(data)
        connection.recv(1)


def test_a_slow_client_keeps_nobody_waiting(client: httpx.Client) -> None:
    with raw(client) as slow:
        with pytest.raises(TimeoutError):
            _briefly(client, b"POST /v1/a/gw/run HTTP/1.1\r\nHost: x\r\n")
        assert client.get("/_emulator").status_code == 200
        assert b" 200 " in slow(b"GET /_emulator HTTP/1.1\r\nHost: x\r\n\r\n")


def test_a_thousand_connections_are_served(client: httpx.Client) -> None:
    where = urlsplit(str(client.base_url))
    request = b"GET /_emulator HTTP/1.1\r\nHost: x\r\n\r\n"

    async def one() -> bytes:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(request)
        head = await reader.readline()
        await everybody.wait()
        writer.close()
        await writer.wait_closed()
        return head

    async def all_at_once() -> list[bytes]:
        tasks = [asyncio.ensure_future(one()) for _ in range(1000)]
        await asyncio.sleep(1)
        everybody.set()
        return await asyncio.gather(*tasks)

    everybody = asyncio.Event()
    assert {head.split()[1] for head in asyncio.run(all_at_once())} == {b"200"}


KINDS = {
    "chat": LLAMA,
    "reasoning": "@cf/openai/gpt-oss-120b",
    "guard": "@cf/meta/llama-guard-3-8b",
    "embed": "@cf/baai/bge-base-en-v1.5",
    "rerank": "@cf/baai/bge-reranker-base",
    "image": "@cf/black-forest-labs/flux-1-schnell",
    "transcribe": "@cf/openai/whisper-large-v3-turbo",
    "speak": "@cf/myshell-ai/melotts",
    "sound": "@cf/deepgram/aura-1",
    "upstream": "openai/gpt-4o",
    "vectors": "openai/text-embedding-3-small",
    "nobody": "nobody/nothing",
}
EVERYTHING = {
    "messages": [{"role": "user", "content": "hello"}],
    "prompt": "hello",
    "text": "hello",
    "query": "hello",
    "contexts": [{"text": "hello"}],
    "audio": "aGVsbG8=",
    "width": 64,
    "height": 64,
}
REST = f"/client/v4/accounts/{ACCOUNT}/ai"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("without", [(), ("messages",), ("prompt", "messages"), ("query", "text")])
def test_every_kind_of_model_is_answered_at_every_door(
    client: httpx.Client, kind: str, without: tuple[str, ...]
) -> None:
    model_id, gateway = KINDS[kind], f"/v1/{ACCOUNT}/gw"
    given = {name: value for name, value in EVERYTHING.items() if name not in without}
    named = [f"{gateway}{CHAT}", f"{gateway}/workers-ai/v1/chat/completions", f"{gateway}/workers-ai/v1/embeddings"]
    named += [f"{gateway}/openai/chat/completions", f"{gateway}/openai/responses", f"{gateway}/anthropic/v1/messages"]
    named += [f"{REST}/v1/{door}" for door in ("chat/completions", "responses", "messages", "embeddings")]
    for streams in (False, True):
        body = {**given, "stream": streams}
        calls = [(url, {**body, "model": model_id}) for url in named]
        calls += [(url, {**body, "model": f"workers-ai/{model_id}", "input": "x"}) for url in named]
        calls += [
            (f"{gateway}/run", {"model": model_id, "input": body}),
            (f"{REST}/run", {"model": model_id, "input": body}),
        ]
        calls += [(f"{gateway}/workers-ai/{model_id}", body), (f"{REST}/run/{model_id}", body)]
        for url, sent in calls:
            assert client.post(url, json=sent).status_code < 500, (url, sent)
    queued = client.post(f"{REST}/run/{model_id}?queueRequest=true", json={"requests": [given]}).json()["result"]
    for _ in range(2):
        reply = client.post(f"{REST}/run/{model_id}", json={"request_id": queued["request_id"]})
        assert reply.status_code == 200
