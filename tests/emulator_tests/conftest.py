"""Clients of one account, and what they create first; `emulator` itself is the root conftest's."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import ACCOUNT, MINIMAL, Elements

INSTALLED = Path(__file__).parent.parent.parent / ".tools" / "wrangler" / "node_modules" / ".bin" / "wrangler"
WRANGLER = shutil.which("wrangler") or (INSTALLED if INSTALLED.exists() else None)
collect_ignore = [] if WRANGLER else ["test_emulator_wrangler.py"]


@pytest.fixture
def control(emulator: Running) -> Iterator[httpx.Client]:
    """A client of one account on the control plane."""
    base = f"{emulator.control_plane}/accounts/{ACCOUNT}"
    with httpx.Client(base_url=base, headers=emulator.auth, verify=False) as client:
        yield client


@pytest.fixture
def gateway(control: httpx.Client) -> Callable[..., str]:
    """Create a gateway with some settings; the id is gw unless said."""

    def create(**settings: Any) -> str:
        body = {"id": "gw", **MINIMAL, **settings}
        control.post("/ai-gateway/gateways", json=body).raise_for_status()
        return str(body["id"])

    return create


@pytest.fixture
def data(emulator: Running) -> Iterator[httpx.Client]:
    """A client of the gateway gw on the data plane."""
    base = f"{emulator.data_plane}/{ACCOUNT}/gw"
    with httpx.Client(base_url=base, headers=emulator.auth, verify=False) as client:
        yield client


@pytest.fixture
def route(control: httpx.Client, gateway: Callable[..., str]) -> Callable[[Elements], dict[str, Any]]:
    """Create the route chat on the gateway gw."""
    gateway()

    def create(elements: Elements) -> dict[str, Any]:
        reply = control.post("/ai-gateway/gateways/gw/routes", json={"name": "chat", "elements": elements})
        assert reply.status_code == 200, reply.text
        result: dict[str, Any] = reply.json()["result"]
        return result

    return create
