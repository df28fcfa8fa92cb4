"""What tests of the resources share: a gateway, the Route over gRPC, S3, and a control plane nobody should need."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from tests.emulator.server import Running
from tests.provider.given import TEST_TOKEN, Provider, provider_of
from tests.route_given import Api
from tests.s3 import S3, running_s3


@pytest.fixture
def api(emulator: Running) -> Iterator[Api]:
    api = Api(emulator)
    with api.client:
        api.make_gateway()
        yield api


@pytest.fixture
def route(api: Api) -> Iterator[Provider]:
    with provider_of("gatewright:index:Route", api.client) as provider:
        yield provider


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    with running_s3() as s3:
        yield s3


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """An empty S3; GATEWRIGHT_R2_URL leads there."""
    s3_server.reset()
    monkeypatch.setenv("GATEWRIGHT_R2_URL", s3_server.url)
    return s3_server


@pytest.fixture
def no_control_plane() -> ControlPlane:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"no call of Cloudflare's API was expected: {request}")

    return ControlPlane(TEST_TOKEN, transport=httpx.MockTransport(refuse))
