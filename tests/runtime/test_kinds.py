"""What no dynamic route carries: `decide` chooses the arm, and the runtime retries and falls back."""

import asyncio
import base64
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    BrokenAnswerError,
    InputError,
    KindMismatchError,
)
from gateway_config.runtime.records.segments import read_records
from tests.runtime.world import Gateway, compiled, gateway_error

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 20
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt "
MODELS = """
version: 1
gateway: {id: inference}
models:
  flux:
    upstream: workers-ai
    model: "@cf/black-forest-labs/flux-2-dev"
    kind: image
    price: {usd_per_output_tile_step: "0.00041", as_of: 2026-08-28}
  schnell:
    upstream: workers-ai
    model: "@cf/black-forest-labs/flux-1-schnell"
    kind: image
    price: {usd_per_tile: "0.0000528", usd_per_step: "0.0001056", as_of: 2026-08-28}
  bge:
    upstream: workers-ai
    model: "@cf/baai/bge-m3"
    kind: embed
    price: {in_usd_per_mtok: "0.012", as_of: 2026-08-28}
  bge-large: {upstream: workers-ai, model: "@cf/baai/bge-large-en-v1.5", kind: embed}
  reranker: {upstream: workers-ai, model: "@cf/baai/bge-reranker-base", kind: rerank}
  whisper:
    upstream: workers-ai
    model: "@cf/openai/whisper-large-v3-turbo"
    kind: transcribe
    price: {usd_per_audio_min: "0.0005", as_of: 2026-08-28}
  nova: {upstream: workers-ai, model: "@cf/deepgram/nova-3", kind: transcribe}
  melo: {upstream: workers-ai, model: "@cf/myshell-ai/melotts", kind: speak}
  aura:
    upstream: workers-ai
    model: "@cf/deepgram/aura-1"
    kind: speak
    price: {usd_per_kchar: "0.015", as_of: 2026-08-28}
  guard: {upstream: workers-ai, model: "@cf/meta/llama-guard-3-8b", kind: classify}
"""
ROUTES = {
    "painting": "kind: image\nintents: [artist]\narms: {flux: {model: flux}}",
    "sketching": "kind: image\nintents: [sketch]\narms: {quick: {model: schnell}}",
    "vectors": (
        "kind: embed\nintents: [vectors]\nsplit: {small: rest, large: 50}\n"
        "arms: {small: {model: bge, retries: 1, first_byte_ms: 20000}, large: {model: bge-large}}"
    ),
    "chained": "kind: embed\nintents: [chained]\narms: {small: {model: bge}}\nfallback: [bge-large]",
    "sorting": "kind: rerank\nintents: [sort]\narms: {one: {model: reranker}}",
    "hearing": "kind: transcribe\nintents: [hear]\narms: {one: {model: whisper}}",
    "listening": "kind: transcribe\nintents: [listen]\narms: {one: {model: nova}}",
    "speaking": "kind: speak\nintents: [say]\narms: {one: {model: melo}}",
    "announcing": "kind: speak\nintents: [announce]\narms: {one: {model: aura}}",
    "guarding": "kind: classify\nintents: [guard]\narms: {one: {model: guard}}",
}


def result(**body: Any) -> httpx.Response:
    """An answer in the envelope of Workers AI."""
    return httpx.Response(200, json={"result": body, "success": True, "errors": [], "messages": []})


OUT_OF_NEURONS = httpx.Response(429, json={"success": False, "errors": [{"code": 3036, "message": "Free limit"}]})
VECTORS = result(shape=[1, 2], data=[[0.5, 1.0]], pooling="cls")


# --- which arm, and again -----------------------------------------------------------------------------------------


def test_the_arm_is_chosen_by_the_bucket_and_called_by_its_own_endpoint(kinds: CompiledConfig) -> None:
    gateway = Gateway(VECTORS)
    client = gateway.client(kinds)
    arms = {client.embed("vectors", "Hi", user=str(number)).assigned_arm for number in range(30)}
    assert arms == {"small", "large"}
    models = {request.url.path.partition("/workers-ai/")[2] for request in gateway.requests}
    assert models == {"@cf/baai/bge-m3", "@cf/baai/bge-large-en-v1.5"}


def test_a_pinned_arm_is_called(kinds: CompiledConfig) -> None:
    answer = Gateway(VECTORS).client(kinds).embed("vectors", "Hi", arm="large")
    assert (answer.served_by.arm, answer.served_by.name) == ("large", "bge-large")


def test_the_metadata_is_the_same_as_with_a_dynamic_route(kinds: CompiledConfig) -> None:
    gateway = Gateway(VECTORS)
    answer = gateway.client(kinds).embed("vectors", "Hi", user="ada", tenant="acme")
    assert list(gateway.metadata[0]) == ["trace", "bucket", "tenant_id", "intent"]
    assert gateway.metadata[0]["trace"] == answer.trace


def test_a_call_of_another_kind_is_recorded_like_any(kinds: CompiledConfig, tmp_path: Path) -> None:
    with Gateway(VECTORS).client(kinds, records=tmp_path) as client:
        client.embed("chained", "Hi")
    (record,) = read_records(tmp_path)
    assert (record["kind"], record["served_name"], record["status"]) == ("embed", "bge", "ok")


def test_each_kind_says_how_it_is_asked(kinds: CompiledConfig) -> None:
    client = Gateway().client(kinds)
    for intent, way in {"artist": "image", "vectors": "embed", "hear": "transcribe", "guard": "classify"}.items():
        with pytest.raises(KindMismatchError, match=f"use client.{way}"):
            client.ask(intent, "Hi")
    with pytest.raises(KindMismatchError, match=r"use client.embed"):
        client.image("vectors", "A cat")


def test_the_async_client_asks_every_kind(kinds: CompiledConfig) -> None:
    async def asking() -> None:
        async with Gateway(VECTORS).async_client(kinds) as client:
            assert (await client.embed("chained", "Hi")).vectors == [[0.5, 1.0]]
        async with Gateway(result(image=base64.b64encode(PNG).decode())).async_client(kinds) as client:
            assert (await client.image("artist", "A cat")).data == PNG
        async with Gateway(result(response=[{"id": 0, "score": 1}])).async_client(kinds) as client:
            assert (await client.rerank("sort", "?", ["a"])).ranked[0].index == 0
        async with Gateway(result(text="Hi")).async_client(kinds) as client:
            assert (await client.transcribe("hear", WAV)).text == "Hi"
        async with Gateway(result(audio=base64.b64encode(WAV).decode())).async_client(kinds) as client:
            assert (await client.speak("say", "Hi")).data == WAV
        async with Gateway(result(response="safe")).async_client(kinds) as client:
            assert (await client.classify("guard", "Hi")).safe

    asyncio.run(asking())


# --- images -------------------------------------------------------------------------------------------------------


def test_a_picture_is_asked_by_a_form_and_comes_as_bytes(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(image=base64.b64encode(PNG).decode()))
    picture = gateway.client(kinds).image("artist", "A cat", steps=20)
    assert (picture.data, picture.media_type) == (PNG, "image/png")
    request = gateway.requests[0]
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    for name, value in {"prompt": "A cat", "width": "1024", "height": "1024", "steps": "20"}.items():
        assert f'name="{name}"\r\n\r\n{value}\r\n'.encode() in request.content


def test_a_reference_image_is_a_file_of_the_form(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(image=base64.b64encode(PNG).decode()))
    gateway.client(kinds).image("artist", "A cat", references=[PNG])
    assert b'name="input_image_0"' in gateway.requests[0].content
    assert PNG in gateway.requests[0].content


def test_reference_images_that_are_too_large_together_are_refused(kinds: CompiledConfig) -> None:
    gateway = Gateway()
    with pytest.raises(InputError, match="at most 25,000,000 are sent"):
        gateway.client(kinds).image("artist", "A cat", references=[PNG + bytes(13_000_000)] * 2)
    assert gateway.requests == []


def test_reference_images_that_a_fallback_does_not_take_are_refused_before_anything_is_sent(tmp_path: Path) -> None:
    route = "version: 1\nkind: image\nintents: [artist]\narms: {flux: {model: flux}}\nfallback: [schnell]\n"
    gateway = Gateway(gateway_error(500, 3040, "Capacity"))
    with pytest.raises(InputError, match='"schnell" takes no reference images'):
        gateway.client(compiled(tmp_path, MODELS, {"painting": route})).image("artist", "A cat", references=[PNG])
    assert gateway.requests == []


def test_the_cost_of_a_picture_is_its_tiles_and_steps(kinds: CompiledConfig) -> None:
    client = Gateway(result(image=base64.b64encode(PNG).decode())).client(kinds)
    assert client.image("artist", "A cat", steps=20).cost_usd == Decimal("0.03280")
    assert client.image("artist", "A cat", width=512, height=600, steps=10).cost_usd == Decimal("0.00820")
    assert client.image("sketch", "A cat", steps=4).cost_usd == Decimal("0.0006336")
    assert client.image("artist", "A cat").cost_usd is None


def test_a_model_that_takes_json_gets_json(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(image=base64.b64encode(PNG).decode()))
    gateway.client(kinds).image("sketch", "A cat", steps=4)
    assert gateway.bodies[0] == {"prompt": "A cat", "width": 1024, "height": 1024, "steps": 4}
    with pytest.raises(InputError, match="takes no reference images"):
        gateway.client(kinds).image("sketch", "A cat", references=[PNG])


def test_an_answer_that_is_a_picture_is_taken_as_it_is(kinds: CompiledConfig) -> None:
    raw = httpx.Response(200, content=PNG, headers={"content-type": "image/png"})
    assert Gateway(raw).client(kinds).image("artist", "A cat").data == PNG


@pytest.mark.parametrize(
    "options",
    [{"width": 10}, {"height": "1024"}, {"steps": 0}, {"references": ["a.png"]}, {"references": [PNG] * 5}],
)
def test_a_picture_that_cannot_be_is_refused(kinds: CompiledConfig, options: dict[str, Any]) -> None:
    gateway = Gateway()
    with pytest.raises(InputError):
        gateway.client(kinds).image("artist", "A cat", **options)
    assert gateway.requests == []


@pytest.mark.parametrize("body", [{}, {"image": ""}, {"image": "!!"}, {"image": 5}])
def test_an_answer_without_a_picture_is_broken(kinds: CompiledConfig, body: dict[str, Any]) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(result(**body)).client(kinds).image("artist", "A cat")


# --- vectors and ranks --------------------------------------------------------------------------------------------


def test_texts_become_vectors_in_their_order(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(shape=[2, 2], data=[[1, 2], [3, 4]], pooling="mean", usage={"prompt_tokens": 1000}))
    answer = gateway.client(kinds).embed("chained", ["a", "b"], pooling="mean")
    assert gateway.bodies[0] == {"text": ["a", "b"], "pooling": "mean"}
    assert (answer.vectors, answer.dimensions, answer.pooling) == ([[1, 2], [3, 4]], 2, "mean")
    assert answer.cost_usd == Decimal("0.000012")


def test_the_cost_of_vectors_is_unknown_where_no_tokens_are_told(kinds: CompiledConfig) -> None:
    assert Gateway(VECTORS).client(kinds).embed("chained", "a").cost_usd is None


@pytest.mark.parametrize("data", [[[1]], [[1], [1, 2]], [[], []], [1, 2], "x", None])
def test_vectors_that_do_not_fit_their_texts_are_broken(kinds: CompiledConfig, data: Any) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(result(data=data)).client(kinds).embed("chained", ["a", "b"])


@pytest.mark.parametrize("texts", ["", [], ["a", ""], [1], None, ["a"] * 101])
def test_texts_that_are_none_are_refused(kinds: CompiledConfig, texts: Any) -> None:
    with pytest.raises(InputError):
        Gateway().client(kinds).embed("chained", texts)


def test_documents_come_back_the_best_first(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(response=[{"id": 0, "score": 0.1}, {"id": 1, "score": 0.9}]))
    answer = gateway.client(kinds).rerank("sort", "tides", ["a", "b"], top=2)
    assert [item.index for item in answer.ranked] == [1, 0]
    assert gateway.bodies[0] == {"query": "tides", "contexts": [{"text": "a"}, {"text": "b"}], "top_k": 2}


@pytest.mark.parametrize("found", [[], None, [{"id": 5, "score": 1}], [{"score": 1}], [{"id": "x", "score": 1}], 7])
def test_a_ranking_of_other_documents_is_broken(kinds: CompiledConfig, found: Any) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(result(response=found)).client(kinds).rerank("sort", "tides", ["a", "b"])


# --- sound --------------------------------------------------------------------------------------------------------


def test_a_recording_becomes_text_with_its_length_and_cost(kinds: CompiledConfig) -> None:
    info = {"language": "en", "duration": 90.0}
    gateway = Gateway(result(text=" Hello. ", transcription_info=info, segments=[{"start": 0}], vtt="WEBVTT"))
    answer = gateway.client(kinds).transcribe("hear", WAV, language="en", prompt="tides")
    assert (answer.text, answer.language, answer.duration_s, answer.vtt) == ("Hello.", "en", 90.0, "WEBVTT")
    assert answer.cost_usd == Decimal("0.00075")
    body = gateway.bodies[0]
    assert base64.b64decode(body.pop("audio")) == WAV
    assert body == {"language": "en", "initial_prompt": "tides"}


def test_a_model_that_takes_bytes_gets_bytes(kinds: CompiledConfig) -> None:
    said = {"channels": [{"alternatives": [{"transcript": "Hello."}]}]}
    gateway = Gateway(result(results=said))
    assert gateway.client(kinds).transcribe("listen", WAV).text == "Hello."
    assert gateway.requests[0].content == WAV
    assert gateway.requests[0].headers["content-type"] == "audio/wav"


@pytest.mark.parametrize("audio", [b"", "a.wav", None, b"x" * 25_000_001])
def test_a_recording_that_is_none_is_refused(kinds: CompiledConfig, audio: Any) -> None:
    with pytest.raises(InputError):
        Gateway().client(kinds).transcribe("hear", audio)


def test_an_empty_recording_is_said_to_be_empty(kinds: CompiledConfig) -> None:
    with pytest.raises(InputError, match="audio is empty"):
        Gateway().client(kinds).transcribe("hear", b"")


def test_speech_comes_as_bytes_from_base64_or_as_it_is(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(audio=base64.b64encode(WAV).decode()))
    speech = gateway.client(kinds).speak("say", "Hi", language="en")
    assert (speech.data, speech.media_type) == (WAV, "audio/wav")
    assert gateway.bodies[0] == {"prompt": "Hi", "lang": "en"}
    gateway = Gateway(httpx.Response(200, content=b"ID3x", headers={"content-type": "audio/mpeg"}))
    speech = gateway.client(kinds).speak("announce", "Hi", voice="asteria")
    assert (speech.data, speech.media_type) == (b"ID3x", "audio/mpeg")
    assert gateway.bodies[0] == {"text": "Hi", "speaker": "asteria"}
    assert speech.cost_usd == Decimal("0.00003")


# --- safety -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "safe", "categories"),
    [
        ("safe", True, ()),
        ("\n\nunsafe\nS1,S9", False, ("S1", "S9")),
        ({"safe": True, "categories": []}, True, ()),
        ({"safe": False, "categories": ["S4"]}, False, ("S4",)),
        ({"safe": True, "categories": ["S1"]}, False, ("S1",)),
        ("safe\nS1", False, ("S1",)),
    ],
)
def test_a_verdict_is_read_as_text_or_object(kinds: CompiledConfig, said: Any, safe: bool, categories: Any) -> None:
    verdict = Gateway(result(response=said)).client(kinds).classify("guard", "Hi")
    assert (verdict.safe, verdict.categories) == (safe, categories)


@pytest.mark.parametrize("said", ["", "maybe", None, {"safe": "yes"}, 5])
def test_an_answer_that_is_no_verdict_is_never_taken_for_safe(kinds: CompiledConfig, said: Any) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(result(response=said)).client(kinds).classify("guard", "Hi")


def test_the_whole_body_of_a_direct_call_is_json(kinds: CompiledConfig) -> None:
    gateway = Gateway(result(response="safe"))
    gateway.client(kinds).classify("guard", "Hi")
    assert json.loads(gateway.requests[0].content) == {"messages": [{"role": "user", "content": "Hi"}]}
