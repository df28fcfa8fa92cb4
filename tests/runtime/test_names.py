"""The public names of the client, each of which is imported when it is used first."""

import pytest

from gateway_config import runtime


@pytest.mark.parametrize("name", runtime.__all__)
def test_each_public_name_is_had_from_the_package(name: str) -> None:
    assert hasattr(runtime, name)


def test_each_name_that_is_imported_when_used_is_public() -> None:
    assert sorted(runtime._HOMES) == runtime.__all__
