from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from gateway_config.collection import without_collection


@pytest.fixture(autouse=True)
def collecting() -> Iterator[None]:
    yield
    gc.enable()


def test_nothing_is_collected_within() -> None:
    with without_collection():
        assert not gc.isenabled()


def test_collection_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="lost"), without_collection():
        raise ValueError("lost")
    assert gc.isenabled()


def test_who_has_turned_collection_off_keeps_it_off() -> None:
    gc.disable()
    with without_collection():
        pass
    assert not gc.isenabled()
