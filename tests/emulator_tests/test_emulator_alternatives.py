"""Our own client and config under every answer to every open question about Cloudflare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_config.cloudflare.errors import InvalidError
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.errors import GatewrightError
from gateway_config.load import load
from gateway_config.runtime import Client, Settings
from tests.emulator.assumptions import ASSUMPTIONS
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.emulator_tests.given import LLAMA
from tests.runtime.deployed import ACCOUNT, deploy

pytestmark = pytest.mark.http
ALTERNATIVES = [(one.name, choice) for one in ASSUMPTIONS.values() for choice in one.choices[1:]]
# what we cannot live with, and why
NO_ROUTES = ("long-in-lists", "refused")  # a champion's condition lists some ninety buckets: refused at deploy
NO_PICTURES = ("multipart-through-gateway", "refused")  # flux-2 takes a form, and a picture goes through the gateway


@pytest.fixture(scope="module")
def config() -> CompiledConfig:
    return compile_config(load(Path("gateway_config"), "dev"))


@pytest.fixture(scope="module")
def serving() -> Iterator[Running]:
    with running_emulator(seed=3) as running:
        yield running


@pytest.fixture
def client(serving: Running, config: CompiledConfig) -> Iterator[Client]:
    with Client(config, Settings(ACCOUNT, TEST_TOKEN, serving.data_plane)) as client:
        yield client


def assume(serving: Running, alternative: tuple[str, str]) -> None:
    serving.reset()
    serving.assume(**{alternative[0].replace("-", "_"): alternative[1]})


@pytest.mark.parametrize("alternative", [one for one in ALTERNATIVES if one != NO_ROUTES], ids="=".join)
def test_what_we_declare_is_what_serves_whatever_cloudflare_does(
    serving: Running, config: CompiledConfig, client: Client, alternative: tuple[str, str]
) -> None:
    assume(serving, alternative)
    deploy(serving, config)
    answers = [client.ask("sprinter", "Hi", user=f"user-{number}") for number in range(20)]
    assert all(answer.assigned_arm == answer.served_by.arm for answer in answers)
    serving.programme(LLAMA, failures=[{"status": 500}])
    assert client.ask("sprinter", "Hi", arm="champion").served_by.arm != "champion"
    assert client.drift_counts == {}


@pytest.mark.parametrize(
    "alternative", [one for one in ALTERNATIVES if one not in (NO_ROUTES, NO_PICTURES)], ids="=".join
)
def test_a_picture_is_painted_whatever_cloudflare_does(
    serving: Running, config: CompiledConfig, client: Client, alternative: tuple[str, str]
) -> None:
    assume(serving, alternative)
    deploy(serving, config)
    assert client.image("artist", "A cat", width=64, height=64).data


def test_a_route_that_cannot_be_is_refused_when_it_is_deployed(serving: Running, config: CompiledConfig) -> None:
    assume(serving, NO_ROUTES)
    with pytest.raises(InvalidError, match="at most 50 element"):
        deploy(serving, config)


def test_a_picture_that_cannot_be_is_refused_in_one_sentence(
    serving: Running, config: CompiledConfig, client: Client
) -> None:
    assume(serving, NO_PICTURES)
    deploy(serving, config)
    with pytest.raises(GatewrightError, match="does not support multipart bodies"):
        client.image("artist", "A cat", width=64, height=64)
