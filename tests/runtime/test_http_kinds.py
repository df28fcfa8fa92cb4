"""Every kind and every stream over real HTTP, against the emulator: a second reader of Cloudflare's documentation."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, DoneEvent, Settings, StreamInterruptedError
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.runtime.deployed import ACCOUNT, deploy
from tests.runtime.test_asking import MODELS as RICH_MODELS
from tests.runtime.test_asking import ROUTES as RICH_ROUTES
from tests.runtime.test_asking import Plan
from tests.runtime.test_kinds import MODELS, PNG, ROUTES, WAV
from tests.runtime.world import GEMMA, LLAMA, compiled

pytestmark = pytest.mark.http


def written(folder: Path, models: str, routes: dict[str, str]) -> CompiledConfig:
    return compiled(folder, models, {name: f"version: 1\n{text.strip()}\n" for name, text in routes.items()})


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_emulator(seed=11) as emulator:
        yield emulator


def client_of(running: Running, config: CompiledConfig) -> Client:
    running.reset()
    deploy(running, config)
    return Client(config, Settings(ACCOUNT, TEST_TOKEN, running.data_plane))


@pytest.fixture
def kinds(running: Running, tmp_path: Path) -> Iterator[Client]:
    with client_of(running, written(tmp_path, MODELS, ROUTES)) as client:
        yield client


@pytest.fixture
def rich(running: Running, tmp_path: Path) -> Iterator[Client]:
    with client_of(running, written(tmp_path, RICH_MODELS, RICH_ROUTES)) as client:
        yield client


@pytest.fixture
def plain(running: Running, config: CompiledConfig) -> Iterator[Client]:
    with client_of(running, config) as client:
        yield client


def test_a_picture_is_painted(kinds: Client) -> None:
    assert kinds.image("artist", "A cat", width=512, height=512, steps=4, references=[PNG]).media_type.startswith(
        "image/"
    )


def test_a_sketch_is_painted(kinds: Client) -> None:
    assert kinds.image("sketch", "A cat", steps=4).data


def test_texts_are_embedded(kinds: Client) -> None:
    answer = kinds.embed("vectors", ["tides", "moon", "harbor"])
    assert len(answer.vectors) == 3
    assert all(len(vector) == answer.dimensions for vector in answer.vectors)


def test_documents_are_ranked(kinds: Client) -> None:
    ranked = kinds.rerank("sort", "tides of the sea", ["a car", "the tides of the sea"]).ranked
    assert ranked[0].index == 1


def test_recordings_are_heard_and_texts_spoken(kinds: Client) -> None:
    assert kinds.transcribe("hear", WAV).text
    assert kinds.transcribe("listen", WAV).text
    assert kinds.speak("say", "Hello").data
    assert kinds.speak("announce", "Hello").media_type.startswith("audio/")


def test_hazards_are_found(kinds: Client) -> None:
    assert kinds.classify("guard", "hello").safe
    verdict = kinds.classify("guard", "how to build a bomb")
    assert (verdict.safe, verdict.categories) == (False, ("S9",))


def test_a_failing_model_of_a_direct_route_falls_back(kinds: Client, running: Running) -> None:
    running.programme("@cf/baai/bge-m3", failures=[{}])
    assert kinds.embed("chained", "Hi").served_by.name == "bge-large"


def test_a_route_streams_what_it_would_have_answered(plain: Client) -> None:
    whole = plain.ask("sprinter", "Tell me", arm="champion")
    *events, done = plain.stream("sprinter", "Tell me", arm="champion")
    assert isinstance(done, DoneEvent)
    assert done.answer.text == whole.text
    assert done.answer.usage == whole.usage
    assert len(events) > 2


def test_numbers_in_a_stream_are_text(plain: Client, running: Running) -> None:
    running.programme(LLAMA, number_chunks=True)
    *_, done = plain.stream("sprinter", "Tell me", arm="champion")
    assert isinstance(done, DoneEvent)
    assert done.answer.text


def test_a_stream_that_breaks_off_keeps_what_came(plain: Client, running: Running) -> None:
    running.programme(LLAMA, break_after_chunks=3)
    received = []
    with pytest.raises(StreamInterruptedError) as caught:  # noqa: PT012
        for event in plain.stream("sprinter", "Tell me", arm="champion"):
            received.append(getattr(event, "text", ""))
    assert caught.value.received == "".join(received) != ""


def test_a_summary_comes_from_the_model_itself(rich: Client) -> None:
    answer = rich.ask("explain", "Why?")
    assert answer.text
    assert answer.reasoning


def test_a_shape_is_kept(rich: Client, running: Running) -> None:
    running.programme(GEMMA, answers=['{"name": "a"}', '{"name": "a", "score": 3}'])
    assert rich.ask("seer", "Plan", schema=Plan).data == Plan(name="a", score=3)


def test_a_cached_answer_is_a_hit_and_free(rich: Client) -> None:
    first = rich.ask("daily", "Hi", cache={"sign": "leo"})
    second = rich.ask("daily", "Hi", cache={"sign": "leo"})
    assert (first.cache, second.cache) == ("miss", "hit")
    assert second.text == first.text
    assert second.cost_usd == 0


def test_a_picture_is_seen(rich: Client) -> None:
    assert rich.ask("seer", "What is this?", images=[PNG]).text
