"""The pace of our calls, as the environment asks for it."""

from __future__ import annotations

import pytest

from gateway_config.errors import UsageError
from infra.provider.__main__ import connect

TEST_ENVIRONMENT = {"CLOUDFLARE_API_TOKEN": "test-" * 8}


@pytest.mark.parametrize("pace", ["abc", "0", "0.0", "-1", "1e3", "nan", "4/s"])
def test_a_pace_that_is_none_is_refused_with_an_example(pace: str) -> None:
    with pytest.raises(UsageError, match="GATEWRIGHT_CALLS_PER_S is a number greater than 0, such as 4; found"):
        connect({**TEST_ENVIRONMENT, "GATEWRIGHT_CALLS_PER_S": pace})


@pytest.mark.parametrize("pace", ["", "4", "0.5"])
def test_a_pace_that_is_one_is_taken(pace: str) -> None:
    connect({**TEST_ENVIRONMENT, "GATEWRIGHT_CALLS_PER_S": pace}).close()
