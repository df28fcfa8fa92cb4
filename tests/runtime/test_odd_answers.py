"""Answers with numbers and files that cannot be: what is paid is kept where it can be, and nothing odd is counted."""

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import BrokenAnswerError
from tests.runtime.test_kinds import WAV
from tests.runtime.world import Gateway


def literal(body: str) -> httpx.Response:
    """The same of a body as it is written, with numbers that Python would not write."""
    return httpx.Response(200, text=f'{{"result": {body}, "success": true}}')


def test_an_empty_picture_is_broken(kinds: CompiledConfig) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(httpx.Response(200, headers={"content-type": "image/png"})).client(kinds).image("artist", "A cat")


@pytest.mark.parametrize("odd", ['"a"', "null", "true", "NaN", "1e999", "1" + "0" * 400, "[1]", "{}"])
def test_vectors_hold_finite_numbers_only(kinds: CompiledConfig, odd: str) -> None:
    with pytest.raises(BrokenAnswerError):
        Gateway(literal(f'{{"data": [[0.5, {odd}]]}}')).client(kinds).embed("chained", "a")


@pytest.mark.parametrize(
    "item",
    [
        '"id": 0.7, "score": 1',
        '"id": true, "score": 1',
        '"id": 1e999, "score": 1',
        '"id": 0, "score": 1',
        '"id": 1, "score": NaN',
        '"id": 1, "score": true',
        '"id": 1, "score": "1"',
        f'"id": 1, "score": 1{"0" * 400}',
    ],
)
def test_a_ranking_names_each_document_once_with_a_finite_score(kinds: CompiledConfig, item: str) -> None:
    gateway = Gateway(literal(f'{{"response": [{{"id": 0, "score": 0.5}}, {{{item}}}]}}'))
    with pytest.raises(BrokenAnswerError):
        gateway.client(kinds).rerank("sort", "tides", ["a", "b"])


@pytest.mark.parametrize("tokens", ["-1", "true", "1.5", "1e999", "1" + "0" * 16, '"7"'])
def test_an_odd_count_of_tokens_is_unknown_and_so_is_the_cost(kinds: CompiledConfig, tokens: str) -> None:
    answered = literal(f'{{"data": [[0.5]], "usage": {{"prompt_tokens": {tokens}, "completion_tokens": 0}}}}')
    answer = Gateway(answered).client(kinds).embed("chained", "a")
    assert answer.cost_usd is None


@pytest.mark.parametrize("duration", ["-5", "true", "NaN", "1e999", "-Infinity", "1" + "0" * 400, '"90"', "[]"])
def test_an_odd_length_of_a_recording_is_unknown_and_its_text_is_kept(kinds: CompiledConfig, duration: str) -> None:
    gateway = Gateway(literal(f'{{"text": "Hello.", "transcription_info": {{"duration": {duration}}}}}'))
    answer = gateway.client(kinds).transcribe("hear", WAV)
    assert (answer.text, answer.duration_s, answer.cost_usd) == ("Hello.", None, None)


def test_vectors_that_are_longer_than_any_model_makes_are_not_read(kinds: CompiledConfig) -> None:
    long = httpx.Response(200, json={"result": {"data": [[0.5] * 100_000]}})
    with pytest.raises(BrokenAnswerError, match="larger than 250,000 bytes"):
        Gateway(long).client(kinds).embed("vectors", "Hi", arm="small")
