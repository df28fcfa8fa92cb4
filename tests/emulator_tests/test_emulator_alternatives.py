"""Our own client and config under every answer to every open question about Cloudflare."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway_config.cloudflare_errors import InvalidError
from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.load import load
from gateway_config.runtime import Client, Settings
from tests.emulator.assumptions import ASSUMPTIONS
from tests.emulator.server import TEST_TOKEN, Running, running_emulator
from tests.emulator_tests.given import LLAMA
from tests.runtime.deployed import ACCOUNT, deploy

pytestmark = pytest.mark.http
ALTERNATIVES = [(one.name, choice) for one in ASSUMPTIONS.values() for choice in one.choices[1:]]
CANNOT = {
    ("long-in-lists", "refused"): "a champion's condition lists some ninety buckets, so its route is refused at deploy",
}


@pytest.fixture(scope="module")
def config() -> CompiledConfig:
    return compile_config(load(Path("gateway_config"), "dev"))


@pytest.fixture(scope="module")
def serving() -> Iterator[Running]:
    with running_emulator(seed=3) as running:
        yield running


@pytest.mark.parametrize(("name", "choice"), [one for one in ALTERNATIVES if one not in CANNOT])
def test_what_we_declare_is_what_serves_whatever_cloudflare_does(
    serving: Running, config: CompiledConfig, name: str, choice: str
) -> None:
    serving.reset()
    serving.assume(**{name.replace("-", "_"): choice})
    deploy(serving, config)
    with Client(config, Settings(ACCOUNT, TEST_TOKEN, serving.data_plane)) as client:
        answers = [client.ask("sprinter", "Hi", user=f"user-{number}") for number in range(20)]
        assert all(answer.assigned_arm == answer.served_by.arm for answer in answers)
        serving.programme(LLAMA, failures=[{"status": 500}])
        assert client.ask("sprinter", "Hi", arm="champion").served_by.arm != "champion"
        assert client.drift_counts == {}


@pytest.mark.parametrize(("name", "choice"), sorted(CANNOT))
def test_what_cannot_be_is_refused_by_name_when_it_is_deployed(
    serving: Running, config: CompiledConfig, name: str, choice: str
) -> None:
    serving.reset()
    serving.assume(**{name.replace("-", "_"): choice})
    with pytest.raises(InvalidError, match="at most 50 element"):
        deploy(serving, config)
