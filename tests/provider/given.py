"""The provider in this process, asked over gRPC as the engine asks it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.provider import RESOURCES
from infra.provider.servicer import Servicer
from infra.provider.values import plain, struct

Properties = Mapping[str, Any]
TEST_TOKEN = "test-" * 8


class Listener(engine_pb2_grpc.EngineServicer):
    """The engine's ear: what the provider says to the person who runs it."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:
        self.sentences.append(request.message)
        return empty_pb2.Empty()


@dataclass
class Kept:
    """What the engine keeps of a resource: its id, its inputs and its state, as they were on the wire."""

    id: str
    inputs: Any
    state: Any

    @property
    def outputs(self) -> dict[str, Any]:
        return plain(self.state)

    @property
    def on_disk(self) -> str:
        """All that a state file would hold if the engine encrypted nothing but what is marked secret."""
        return _masked(self.inputs) + _masked(self.state)


class Partly(Exception):
    """The resource is there, and not as declared."""

    def __init__(self, kept: Kept, reasons: list[str]) -> None:
        self.kept, self.reasons = kept, reasons
        super().__init__("; ".join(reasons))


class Provider:
    """One type of the provider, with the calls that an engine makes."""

    def __init__(self, stub: provider_pb2_grpc.ResourceProviderStub, said: list[str], token: str) -> None:
        self._stub, self.said, self._urn = stub, said, f"urn:pulumi:dev::gatewright::{token}::it"

    def complaints(self, inputs: Properties) -> list[str]:
        return [f"{failure.property}: {failure.reason}" for failure in self._checked(inputs).failures]

    def _checked(self, inputs: Properties) -> Any:
        return self._stub.Check(provider_pb2.CheckRequest(urn=self._urn, news=struct(inputs)))

    def checked(self, inputs: Properties) -> Any:
        """The inputs as the engine goes on with them."""
        return self._checked(inputs).inputs

    def diff(self, kept: Kept, inputs: Properties) -> dict[str, str]:
        """The paths that differ, with how."""
        request = provider_pb2.DiffRequest(
            id=kept.id, urn=self._urn, olds=kept.state, old_inputs=kept.inputs, news=struct(inputs)
        )
        answer = self._stub.Diff(request)
        names = provider_pb2.PropertyDiff.Kind.Name
        return {path: names(change.kind).lower() for path, change in answer.detailedDiff.items()}

    def create(self, inputs: Properties) -> Kept:
        checked = self.checked(inputs)
        request = provider_pb2.CreateRequest(urn=self._urn, properties=checked)
        answer = self._or_partly(lambda: self._stub.Create(request))
        return Kept(answer.id, checked, answer.properties)

    def planned(self, inputs: Properties, kept: Kept | None = None) -> dict[str, Any]:
        """The outputs as a preview shows them."""
        checked = self.checked(inputs)
        if kept is None:
            request = provider_pb2.CreateRequest(urn=self._urn, properties=checked, preview=True)
            return plain(self._stub.Create(request).properties)
        change = provider_pb2.UpdateRequest(id=kept.id, urn=self._urn, olds=kept.state, news=checked, preview=True)
        return plain(self._stub.Update(change).properties)

    def update(self, kept: Kept, inputs: Properties) -> Kept:
        checked = self.checked(inputs)
        request = provider_pb2.UpdateRequest(id=kept.id, urn=self._urn, olds=kept.state, news=checked)
        answer = self._or_partly(lambda: self._stub.Update(request))
        return Kept(kept.id, checked, answer.properties)

    def _or_partly(self, call: Callable[[], Any]) -> Any:
        try:
            return call()
        except grpc.RpcError as error:
            metadata: Any = error.trailing_metadata()
            packed = [value for key, value in metadata if key == "grpc-status-details-bin"]
            if packed:
                raise _partly(packed[0]) from None
            raise

    def refreshed(self, kept: Kept) -> Kept | None:
        """What is live, or None when it is gone."""
        request = provider_pb2.ReadRequest(id=kept.id, urn=self._urn, properties=kept.state, inputs=kept.inputs)
        answer = self._stub.Read(request)
        return Kept(answer.id, answer.inputs, answer.properties) if answer.id else None

    def imported(self, id: str) -> Kept:
        answer = self._stub.Read(provider_pb2.ReadRequest(id=id, urn=self._urn))
        return Kept(answer.id, answer.inputs, answer.properties)

    def delete(self, kept: Kept) -> None:
        self._stub.Delete(provider_pb2.DeleteRequest(id=kept.id, urn=self._urn, properties=kept.state))


def _partly(packed: bytes) -> Partly:
    failed = provider_pb2.ErrorResourceInitFailed()
    status_pb2.Status.FromString(packed).details[0].Unpack(failed)
    return Partly(Kept(failed.id, failed.inputs, failed.properties), list(failed.reasons))


def _masked(properties: Any) -> str:
    """A struct as text without what is marked secret."""
    return repr(_without_secrets(json_format.MessageToDict(properties)))


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("4dabf18193072939515e22adb298388d") == "1b47061264138c4ac30d75fd1eb44270":
            return "[secret]"
        return {key: _without_secrets(item) for key, item in value.items()}
    return [_without_secrets(item) for item in value] if isinstance(value, list) else value


@contextmanager
def provider_of(token: str, control_plane: ControlPlane) -> Iterator[Provider]:
    """The provider on a loopback port, with an engine to talk to; tests that use it carry the http mark."""
    listener = Listener()
    server = grpc.server(ThreadPoolExecutor(max_workers=4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(RESOURCES, lambda _: control_plane), server)
    engine_pb2_grpc.add_EngineServicer_to_server(listener, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    with grpc.insecure_channel(address) as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        stub.Attach(plugin_pb2.PluginAttach(address=address))
        yield Provider(stub, listener.sentences, token)
    server.stop(None)
