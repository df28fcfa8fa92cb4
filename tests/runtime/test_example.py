"""The writing editor of examples/, deployed and asked over real HTTP."""

from collections.abc import Iterator

import pytest

from gateway_config.compile import compile_config
from gateway_config.compiled import Tier
from gateway_config.load import load
from gateway_config.runtime import Client, NoModelAnsweredError, Settings
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy
from tools.command import ROOT

pytestmark = pytest.mark.http

TIERS: tuple[Tier, Tier] = ("edge", "frontier")


@pytest.fixture
def client(emulator: Running) -> Iterator[Client]:
    config = compile_config(load(ROOT / "examples" / "writing-editor", "dev"))
    deploy(emulator, config)
    with Client(config, Settings(ACCOUNT, TEST_TOKEN, emulator.data_plane)) as client:
        yield client


def test_both_tiers_of_an_intent_count_to_one_limit(client: Client) -> None:
    first = client.ask("edit", "Mend this.", user="ada", tier="edge")
    assert (first.served_by.arm, client.deeper(first).served_by.arm) == ("quick", "thorough")
    for tier in TIERS * 4:
        client.ask("edit", "Mend this.", user="ada", tier=tier)
    for tier in TIERS:
        with pytest.raises(NoModelAnsweredError, match="a limit of the route was reached"):
            client.ask("edit", "Mend this.", user="ada", tier=tier)
    assert client.ask("edit", "Mend this.", user="bob").tier == "frontier"
