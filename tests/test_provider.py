"""The provider protocol itself: what every resource of ours gets from the servicer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import UsageError
from infra.provider import RESOURCES
from infra.provider.resource import leaf_changes
from infra.provider.servicer import Servicer
from infra.provider.values import struct


def no_token(environment: Any) -> ControlPlane:
    raise UsageError("CLOUDFLARE_API_TOKEN is not set.")


@pytest.fixture
def stub() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    server = grpc.server(ThreadPoolExecutor(max_workers=2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(RESOURCES, no_token), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None)


@pytest.fixture
def schema(stub: provider_pb2_grpc.ResourceProviderStub) -> dict[str, Any]:
    text = stub.GetSchema(provider_pb2.GetSchemaRequest()).schema
    return dict(json.loads(text))


# --- the plugin ---


@pytest.mark.http
def test_the_engine_is_told_that_secrets_and_previews_are_understood(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    assert stub.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="127.0.0.1:1")).accept_secrets
    configured = stub.Configure(provider_pb2.ConfigureRequest())
    assert configured.acceptSecrets
    assert configured.supportsPreview


@pytest.mark.http
def test_the_plugin_has_the_version_of_the_package(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    assert stub.GetPluginInfo(empty_pb2.Empty()).version.count(".") == 2


@pytest.mark.http
def test_the_schema_has_every_type(schema: dict[str, Any]) -> None:
    assert schema["resources"].keys() == {kind.token for kind in RESOURCES}


@pytest.mark.http
def test_every_input_in_the_schema_is_a_property_and_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    for kind in schema["resources"].values():
        assert kind["inputProperties"].keys() <= kind["properties"].keys()
        assert set(kind["requiredInputs"]) <= kind["inputProperties"].keys()
        assert set(kind["required"]) <= kind["properties"].keys()
    references = {part.split('"')[0] for part in json.dumps(schema).split('"#/types/')[1:]}
    assert references <= schema["types"].keys()


@pytest.mark.http
def test_a_look_at_the_schema_needs_no_token_and_a_create_says_that_it_is_missing(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    urn = "urn:pulumi:dev::gatewright::gatewright:index:Route::chat"
    inputs = struct({"accountId": "a", "gatewayId": "g", "name": "chat", "elements": {"start": {"type": "start"}}})
    with pytest.raises(grpc.RpcError, match="CLOUDFLARE_API_TOKEN is not set"):
        stub.Create(provider_pb2.CreateRequest(urn=urn, properties=inputs))


@pytest.mark.http
def test_a_type_that_we_do_not_have_is_named_with_those_we_have(
    stub: provider_pb2_grpc.ResourceProviderStub,
) -> None:
    urn = "urn:pulumi:dev::gatewright::gatewright:index:Ghost::it"
    with pytest.raises(grpc.RpcError, match=r"no type gatewright:index:Ghost; it has gatewright:index:Route"):
        stub.Check(provider_pb2.CheckRequest(urn=urn))


@pytest.mark.http
def test_a_defect_of_ours_is_one_line_that_says_so(stub: provider_pb2_grpc.ResourceProviderStub) -> None:
    with pytest.raises(grpc.RpcError, match="a defect of Gatewright's provider, please report: IndexError"):
        stub.Check(provider_pb2.CheckRequest(urn="no urn"))


# --- leaves ---


def test_leaves_are_named_by_property_paths() -> None:
    old = {"chat.a": {"timeout": 1, "gone": 0}, "same": 1}
    new = {"chat.a": {"timeout": 2, "fresh": 0}, "same": 1}
    assert [(change.path, change.kind) for change in leaf_changes("elements", old, new)] == [
        ('elements["chat.a"].fresh', "add"),
        ('elements["chat.a"].gone', "delete"),
        ('elements["chat.a"].timeout', "update"),
    ]


# --- the launcher ---

LAUNCHER = Path(__file__).parent.parent / "infra/provider/bin/pulumi-resource-gatewright"


def test_a_python_that_cannot_run_the_provider_is_named_with_what_to_do(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    run = subprocess.run([LAUNCHER], env={"GATEWRIGHT_PYTHON": str(old), "PATH": os.defpath}, capture_output=True)
    assert run.returncode == 1
    assert run.stdout == b""
    assert b"is no Python 3.11 or later that has Gatewright. Run scripts/setup, or set GATEWRIGHT_PYTHON." in run.stderr


def test_the_provider_ends_when_its_engine_is_gone() -> None:
    starts_and_dies = f'"{LAUNCHER}" 127.0.0.1:1 & read line; echo $!'
    environment = {**os.environ, "GATEWRIGHT_PYTHON": sys.executable}
    shell = subprocess.Popen(
        ["sh", "-c", starts_and_dies], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert shell.stdout is not None
    assert shell.stdout.readline().strip().isdigit(), "the port"
    told, _ = shell.communicate("die\n")
    pid = int(told)
    deadline = time.monotonic() + 10
    while _runs(pid):
        assert time.monotonic() < deadline, "the provider outlived its engine"
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
