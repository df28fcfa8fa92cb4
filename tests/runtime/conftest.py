"""Every test of the client has a compiled config at hand, and never waits for a retry."""

from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.sending import retry
from tests.runtime import test_kinds
from tests.runtime.test_asking import MODELS, ROUTES
from tests.runtime.world import compiled


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> CompiledConfig:
    return compiled(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="session")
def rich(tmp_path_factory: pytest.TempPathFactory) -> CompiledConfig:
    """One with pictures, tiers, adapters, a cache and direct routes."""
    texts = {name: f"version: 1\n{text.strip()}\n" for name, text in ROUTES.items()}
    return compiled(tmp_path_factory.mktemp("rich"), MODELS, texts)


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> CompiledConfig:
    """One with every kind that no dynamic route carries."""
    routes = {name: f"version: 1\n{text}\n" for name, text in test_kinds.ROUTES.items()}
    return compiled(tmp_path_factory.mktemp("kinds"), test_kinds.MODELS, routes)


@pytest.fixture
def config_folder(tmp_path: Path) -> Path:
    return tmp_path / "config"


@pytest.fixture(autouse=True)
def prompt_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "FIRST_DELAY_S", 0.0001)
