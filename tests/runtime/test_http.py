"""The same client over real HTTP, against the emulator."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    AsyncClient,
    Client,
    ConnectionFailedError,
    DeadlineError,
    GatewayMissingError,
    NoModelAnsweredError,
    RouteMissingError,
    Settings,
    UnauthorizedError,
)
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.runtime.deployed import ACCOUNT, deploy, routes_path
from tests.runtime.world import GEMMA, LLAMA

pytestmark = pytest.mark.http


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with running_emulator(seed=7) as emulator:
        yield emulator


@pytest.fixture
def emulator(running: Running, config: CompiledConfig) -> Running:
    """An emulator with the config deployed, and nothing programmed."""
    running.reset()
    deploy(running, config)
    return running


@pytest.fixture
def settings(emulator: Running) -> Settings:
    return Settings(ACCOUNT, TEST_TOKEN, emulator.data_plane)


@pytest.fixture
def client(config: CompiledConfig, settings: Settings) -> Iterator[Client]:
    with Client(config, settings) as client:
        yield client


def test_the_arm_that_was_meant_is_the_arm_that_served(client: Client) -> None:
    answers = [client.ask("sprinter", "Hi", user=f"user-{number}") for number in range(60)]
    assert all(answer.assigned_arm == answer.served_by.arm for answer in answers)
    assert Counter(answer.assigned_arm for answer in answers)["champion"] > 40
    assert client.drift_counts == {}


def test_a_pinned_arm_answers(client: Client) -> None:
    assert client.ask("sprinter", "Hi", arm="challenger").served_by.model == GEMMA


def test_a_fallback_answers_for_an_arm_that_fails(client: Client, emulator: Running) -> None:
    emulator.programme(LLAMA, failures=[{"times": 1}])
    answer = client.ask("sprinter", "Hi", arm="champion")
    assert (answer.assigned_arm, answer.served_by.element) == ("champion", "quick-chat.fallback.gpt-oss")
    assert client.drift_counts == {}


def test_a_route_of_which_no_model_answers_says_so(client: Client, emulator: Running) -> None:
    emulator.programme(GEMMA, failures=[{}])
    with pytest.raises(NoModelAnsweredError, match='the gateway refused the route "reasoning"'):
        client.ask("sage", "Why?")


def test_a_route_that_is_not_deployed_is_missing(client: Client, emulator: Running, config: CompiledConfig) -> None:
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        base = routes_path(config)
        routes = api.get(base)
        route = next(item for item in routes["routes"] if item["name"] == "reasoning")
        api.delete(f"{base}/{route['id']}")
    with pytest.raises(RouteMissingError):
        client.ask("sage", "Why?")


def test_a_wrong_token_is_named(config: CompiledConfig, emulator: Running) -> None:
    settings = Settings(ACCOUNT, "test-" * 3, emulator.data_plane)
    with Client(config, settings) as client, pytest.raises(UnauthorizedError, match="GATEWRIGHT_TOKEN"):
        client.ask("sprinter", "Hi")


def test_a_gateway_that_is_missing_is_named(config: CompiledConfig, settings: Settings, emulator: Running) -> None:
    emulator.reset()
    with Client(config, settings) as client, pytest.raises((GatewayMissingError, UnauthorizedError)):
        client.ask("sprinter", "Hi")


def test_the_gateway_saw_the_trace_of_the_answer(client: Client, emulator: Running) -> None:
    answer = client.ask("sprinter", "Hi")
    headers = emulator.journal("/compat/")[-1]["headers"]
    assert answer.trace in str(headers)


def test_nothing_that_listens_is_a_failed_connection(config: CompiledConfig) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = Settings(ACCOUNT, TEST_TOKEN, f"http://127.0.0.1:{unused.getsockname()[1]}/v1")
        with Client(config, settings) as client, pytest.raises(ConnectionFailedError) as caught:
            client.ask("sprinter", "Hi")
    assert len(caught.value.attempts) == 4


def test_a_model_that_is_too_slow_ends_at_the_deadline(client: Client, emulator: Running) -> None:
    emulator.programme(GEMMA, latency={"p50_ms": 3000})
    started = time.monotonic()
    with pytest.raises(DeadlineError):
        client.ask("sage", "Why?", deadline_ms=150)
    assert time.monotonic() - started < 1.0


def test_many_threads_share_one_client(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: client.ask("sprinter", "Hi", user=str(number)), range(64)))
    assert len({answer.trace for answer in answers}) == 64


def test_many_tasks_share_one_async_client(config: CompiledConfig, settings: Settings) -> None:
    async def asking() -> list[str | None]:
        async with AsyncClient(config, settings) as client:
            answers = await asyncio.gather(*(client.ask("sprinter", "Hi", user=str(n)) for n in range(64)))
        return [answer.assigned_arm for answer in answers if answer.assigned_arm == answer.served_by.arm]

    assert len(asyncio.run(asking())) == 64


def test_a_reset_connection_is_a_failed_connection(client: Client, emulator: Running) -> None:
    emulator.fault("/v1/*", reset=True, times=1)
    with pytest.raises(ConnectionFailedError):
        client.ask("sprinter", "Hi")
    assert client.ask("sprinter", "Hi").text


def test_a_deployed_change_behind_our_back_is_drift(client: Client, emulator: Running, config: CompiledConfig) -> None:
    elements = [dict(element) for element in config.routes["reasoning"].elements]
    for element in elements:
        if element["type"] == "model":
            element["properties"] = {**element["properties"], "model": "@cf/zai-org/glm-4.7-flash"}
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        base = routes_path(config)
        route = next(item for item in api.get(base)["routes"] if item["name"] == "reasoning")
        version = api.post(f"{base}/{route['id']}/versions", {"elements": elements})
        api.post(f"{base}/{route['id']}/deployments", {"version_id": version["version_id"]})
    client.ask("sage", "Why?")
    assert client.drift_counts == {("reasoning", "workers-ai/@cf/zai-org/glm-4.7-flash"): 1}


def test_an_async_client_answers_in_every_event_loop(config: CompiledConfig, settings: Settings) -> None:
    client = AsyncClient(config, settings)

    async def asking() -> int:
        async with client:
            texts = [(await client.ask("sprinter", "Hi")).text]
            texts += [event.text async for event in client.stream("sprinter", "Hi") if event.type == "text"]
        return len(texts)

    assert all(asyncio.run(asking()) > 1 for _ in range(3))
    with ThreadPoolExecutor(4) as threads:
        assert all(count > 1 for count in threads.map(lambda _: asyncio.run(asking()), range(8)))


def test_an_async_stream_may_be_asked_for_before_its_loop_runs(config: CompiledConfig, settings: Settings) -> None:
    client = AsyncClient(config, settings)
    stream = client.stream("sprinter", "Hi")

    async def reading() -> list[str]:
        async with client:
            return [event.type async for event in stream]

    assert asyncio.run(reading())[-1] == "done"
