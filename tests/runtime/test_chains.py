"""Where the client tries again and falls back itself: retries of an arm, then the fallbacks of its route."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import AnsweredNoError, ConnectionFailedError, RateLimitedError
from tests.runtime.test_kinds import MODELS, OUT_OF_NEURONS, VECTORS, result
from tests.runtime.world import Gateway, compiled, gateway_error


def test_a_failed_target_is_tried_again_as_often_as_declared(kinds: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(500, 3040, "Capacity"), VECTORS)
    answer = gateway.client(kinds).embed("vectors", "Hi", arm="small")
    assert [attempt.outcome for attempt in answer.attempts] == ["AnsweredNoError", "ok"]
    assert {attempt.element for attempt in answer.attempts} == {"vectors.small"}
    assert answer.trace.endswith(".2")


def test_retries_of_arms_are_within_the_budget_of_all_retries(kinds: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(500, 3040, "Capacity"))
    client = gateway.client(kinds)
    for _ in range(100):
        with pytest.raises(AnsweredNoError):
            client.embed("vectors", "Hi", arm="small")
    assert 110 <= len(gateway.requests) <= 120


def test_a_model_that_asks_for_a_long_pause_is_left_for_its_fallback(tmp_path: Path) -> None:
    route = (
        "version: 1\nkind: embed\nintents: [vectors]\narms: {small: {model: bge, retries: 3, first_byte_ms: 5000}}\n"
    )
    config = compiled(tmp_path, MODELS, {"vectors": f"{route}fallback: [bge-large]\n"})
    busy = httpx.Response(429, json={"errors": [{"code": 3036, "message": "Busy"}]}, headers={"retry-after": "20"})
    answer = Gateway(busy, VECTORS).client(config).embed("vectors", "Hi")
    assert answer.served_by.name == "bge-large"
    assert [attempt.element for attempt in answer.attempts] == ["vectors.small", "vectors.fallback.bge-large"]


def test_a_failed_target_falls_back_to_the_next(kinds: CompiledConfig) -> None:
    answer = Gateway(gateway_error(500, 3040, "Capacity"), VECTORS).client(kinds).embed("chained", "Hi")
    assert answer.assigned_arm == "small"
    assert answer.served_by.element == "chained.fallback.bge-large"


@pytest.mark.parametrize(
    "failure", [httpx.ReadTimeout("slow"), httpx.ReadError("reset"), result(data=[]), OUT_OF_NEURONS]
)
def test_slowness_resets_nonsense_and_limits_fall_back_too(kinds: CompiledConfig, failure: Any) -> None:
    answer = Gateway(failure, VECTORS).client(kinds).embed("chained", "Hi")
    assert answer.served_by.name == "bge-large"


@pytest.mark.parametrize("failure", [httpx.ConnectError("refused"), gateway_error(429, 2003, "Rate limited")])
def test_a_gateway_that_is_not_reached_or_says_no_is_asked_for_no_other_model(
    kinds: CompiledConfig, failure: Any
) -> None:
    gateway = Gateway(failure)
    with pytest.raises((ConnectionFailedError, RateLimitedError)):
        gateway.client(kinds).embed("chained", "Hi")
    assert len(gateway.requests) == 4
    assert {request.url.path.rpartition("/")[2] for request in gateway.requests} == {"bge-m3"}


def test_all_models_of_a_call_share_its_three_repeats(kinds: CompiledConfig) -> None:
    refused = httpx.ConnectError("refused")
    gateway = Gateway(refused, refused, gateway_error(500, 3040, "Capacity"), refused)
    with pytest.raises(ConnectionFailedError):
        gateway.client(kinds).embed("chained", "Hi")
    assert len(gateway.requests) == 5


def test_an_input_that_is_wrong_is_wrong_for_the_fallback_as_well(kinds: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(400, 5004, "Invalid input"), VECTORS)
    with pytest.raises(AnsweredNoError):
        gateway.client(kinds).embed("chained", "Hi")
    assert len(gateway.requests) == 1


def test_the_last_failure_of_the_chain_is_raised_with_all_attempts(kinds: CompiledConfig) -> None:
    gateway = Gateway(httpx.ReadError("one"), gateway_error(500, 1, "two"))
    with pytest.raises(AnsweredNoError, match="two") as caught:
        gateway.client(kinds).embed("chained", "Hi")
    assert [attempt.outcome for attempt in caught.value.attempts] == ["ConnectionFailedError", "AnsweredNoError"]


def test_the_first_byte_is_waited_for_as_long_as_the_arm_says(kinds: CompiledConfig) -> None:
    seen = []

    def slow(request: httpx.Request) -> httpx.Response:
        seen.append(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("timed out")

    with pytest.raises(ConnectionFailedError, match="nothing came in time"):
        Gateway(slow).client(kinds).embed("chained", "Hi")
    assert seen == [30.0, 30.0]
