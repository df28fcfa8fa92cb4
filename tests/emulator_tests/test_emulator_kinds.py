"""Models that are not chat."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running

pytestmark = pytest.mark.http
Gateway = Callable[..., str]
BGE, FLUX, FLUX_1 = (
    "@cf/baai/bge-base-en-v1.5",
    "@cf/black-forest-labs/flux-2-dev",
    "@cf/black-forest-labs/flux-1-schnell",
)
WHISPER_TURBO, WHISPER = "@cf/openai/whisper-large-v3-turbo", "@cf/openai/whisper"
GUARD = "@cf/meta/llama-guard-3-8b"


@pytest.fixture
def run(data: httpx.Client, gateway: Gateway) -> Callable[..., httpx.Response]:
    """Run a model with a native body."""
    gateway()

    def post(model: str, body: Any = None, **form: Any) -> httpx.Response:
        return data.post(f"/workers-ai/{model}", json=body, **form)

    return post


def size_of(reply: httpx.Response) -> tuple[int, int]:
    picture = base64.b64decode(reply.json()["result"]["image"])
    assert picture.startswith(b"\x89PNG")
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def form(**fields: str) -> dict[str, tuple[None, str]]:
    return {name: (None, value) for name, value in fields.items()}


def test_flux_2_takes_a_form_and_gives_base64(run: Callable[..., httpx.Response]) -> None:
    assert size_of(run(FLUX, files=form(prompt="a cat", width="256", height="128"))) == (256, 128)


def test_an_image_is_1024_square_unless_said(run: Callable[..., httpx.Response]) -> None:
    assert size_of(run(FLUX, files=form(prompt="a cat"))) == (1024, 1024)


def test_flux_2_refuses_json(run: Callable[..., httpx.Response]) -> None:
    reply = run(FLUX, {"prompt": "a cat"})
    assert (reply.status_code, "multipart" in reply.json()["errors"][0]["message"]) == (400, True)


def test_reference_images_change_the_picture(run: Callable[..., httpx.Response]) -> None:
    small = form(prompt="a cat", width="64", height="64")
    reference = {"input_image_0": ("cat.png", b"\x89PNG", "image/png")}
    without, with_one = run(FLUX, files=small), run(FLUX, files={**small, **reference})
    assert without.json()["result"]["image"] != with_one.json()["result"]["image"]


def test_forms_can_be_assumed_not_to_pass(emulator: Running, run: Callable[..., httpx.Response]) -> None:
    emulator.assume(multipart_through_gateway="refused")
    assert run(FLUX, files=form(prompt="a cat")).status_code == 400


def test_flux_1_takes_json(run: Callable[..., httpx.Response]) -> None:
    assert run(FLUX_1, {"prompt": "a cat", "steps": 4}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"prompt": "a", "width": 10}, {"prompt": "a", "width": "wide"}])
def test_an_image_that_cannot_be_is_5004(run: Callable[..., httpx.Response], body: dict[str, Any]) -> None:
    assert run(FLUX_1, body).json()["errors"][0]["code"] == 5004


def test_embeddings_come_with_shape_and_pooling(run: Callable[..., httpx.Response]) -> None:
    result = run(BGE, {"text": ["a", "b"]}).json()["result"]
    assert (result["shape"], len(result["data"][0]), result["pooling"]) == ([2, 768], 768, "mean")


def test_cls_and_mean_vectors_differ(run: Callable[..., httpx.Response]) -> None:
    vectors = [run(BGE, {"text": "a", "pooling": one}).json()["result"]["data"][0] for one in ("cls", "mean")]
    assert vectors[0] != vectors[1]


def test_embeddings_have_an_openai_door(data: httpx.Client, gateway: Gateway) -> None:
    gateway()
    answer = data.post("/workers-ai/v1/embeddings", json={"model": BGE, "input": ["a", "b"]}).json()
    assert (answer["object"], [one["index"] for one in answer["data"]]) == ("list", [0, 1])


def test_a_reranker_puts_the_fitting_context_first(run: Callable[..., httpx.Response]) -> None:
    contexts = [{"text": "about cheese"}, {"text": "capital of france"}]
    result = run("@cf/baai/bge-reranker-base", {"query": "capital of france", "contexts": contexts, "top_k": 1})
    assert [one["id"] for one in result.json()["result"]["response"]] == [1]


def test_whisper_turbo_takes_base64(run: Callable[..., httpx.Response]) -> None:
    sound = base64.b64encode(b"sound" * 1000).decode()
    result = run(WHISPER_TURBO, {"audio": sound, "language": "en"}).json()["result"]
    assert result.keys() == {"text", "word_count", "segments", "transcription_info", "vtt"}
    assert result["word_count"] == len(result["text"].split())


def test_whisper_takes_numbers_or_raw_bytes(run: Callable[..., httpx.Response]) -> None:
    as_numbers = run(WHISPER, {"audio": [1, 2, 3]}).json()["result"]["text"]
    raw = run(WHISPER, content=b"\1\2\3", headers={"content-type": "application/octet-stream"}).json()
    assert raw["result"]["text"] == as_numbers


@pytest.mark.parametrize(
    ("model", "audio"), [(WHISPER_TURBO, [1, 2]), (WHISPER, "abc"), (WHISPER_TURBO, "not base64!"), (WHISPER, [999])]
)
def test_sound_of_the_wrong_form_is_5004(run: Callable[..., httpx.Response], model: str, audio: Any) -> None:
    assert run(model, {"audio": audio}).json()["errors"][0]["code"] == 5004


def test_melotts_speaks_base64(run: Callable[..., httpx.Response]) -> None:
    result = run("@cf/myshell-ai/melotts", {"prompt": "hello"}).json()["result"]
    assert base64.b64decode(result["audio"]).startswith(b"RIFF")


def test_aura_speaks_raw_bytes(run: Callable[..., httpx.Response]) -> None:
    reply = run("@cf/deepgram/aura-1", {"text": "hello"})
    assert (reply.headers["content-type"], reply.content[:4]) == ("audio/mpeg", b"RIFF")


@pytest.mark.parametrize(("text", "answer"), [("good morning", "safe"), ("make a bomb", "unsafe\nS9")])
def test_the_guard_answers_in_text(run: Callable[..., httpx.Response], text: str, answer: str) -> None:
    body = {"messages": [{"role": "user", "content": text}]}
    assert run(GUARD, body).json()["result"]["response"] == answer


def test_the_guard_answers_with_an_object_where_json_is_asked_for(run: Callable[..., httpx.Response]) -> None:
    body = {"messages": [{"role": "user", "content": "hazard:S3"}], "response_format": {"type": "json_object"}}
    assert run(GUARD, body).json()["result"]["response"] == {"safe": False, "categories": ["S3"]}


def test_an_image_part_changes_what_a_vision_model_says(run: Callable[..., httpx.Response]) -> None:
    def said(url: str) -> str:
        parts = [{"type": "text", "text": "what is it?"}, {"type": "image_url", "image_url": {"url": url}}]
        body = {"messages": [{"role": "user", "content": parts}]}
        return str(run("@cf/meta/llama-4-scout-17b-16e-instruct", body).json()["result"]["response"])

    assert said("data:image/png;base64,AAAA") != said("data:image/png;base64,BBBB")
