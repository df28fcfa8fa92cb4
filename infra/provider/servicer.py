"""The provider protocol of Pulumi's engine, once; what a resource is stands in its own file."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from grpc import StatusCode
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, status_pb2
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderServicer

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import GatewrightError
from infra.provider.inputs import wrong_inputs
from infra.provider.resource import Change, Observed, PartialError, Properties, Resource, Tell
from infra.provider.schema import schema_text
from infra.provider.values import plain, secret_keys, struct

Context = grpc.ServicerContext
_AnswerT = TypeVar("_AnswerT")

_KINDS = {
    "add": provider_pb2.PropertyDiff.ADD,
    "add-replace": provider_pb2.PropertyDiff.ADD_REPLACE,
    "delete": provider_pb2.PropertyDiff.DELETE,
    "delete-replace": provider_pb2.PropertyDiff.DELETE_REPLACE,
    "update": provider_pb2.PropertyDiff.UPDATE,
    "update-replace": provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


def answering(call: Callable[[Any, Any, Context], _AnswerT]) -> Callable[[Any, Any, Context], _AnswerT]:
    """A refusal of ours reaches the engine as its sentence, a bug as one line that says so."""

    @functools.wraps(call)
    def answer(self: Servicer, request: Any, context: Context) -> _AnswerT:
        try:
            return call(self, request, context)
        except PartialError as error:
            _abort_partly(context, error)
        except NothingToImportError as error:
            context.abort(StatusCode.NOT_FOUND, str(error))
        except GatewrightError as error:
            context.abort(StatusCode.UNKNOWN, str(error))
        except Exception as error:
            context.abort(StatusCode.INTERNAL, f"a defect of Gatewright's provider, please report: {error!r}")
        raise AssertionError("abort raises")

    return answer


class NothingToImportError(GatewrightError):
    """An import names what does not exist."""


def _abort_partly(context: Context, error: PartialError) -> None:
    """The engine then keeps the resource in its state, marked, and updates it the next time."""
    seen, secrets = error.observed, error.secrets
    inputs = struct(seen.inputs, secrets)
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=seen.id,
            properties=_state(inputs, seen.outputs, secrets),
            inputs=inputs,
            reasons=[error.reason],
            refresh_before_update=True,
        )
    )
    status = status_pb2.Status(code=StatusCode.UNKNOWN.value[0], message=error.reason, details=[detail])
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(StatusCode.UNKNOWN, error.reason)


class Servicer(ResourceProviderServicer):
    """Dispatches to the resources by type token."""

    def __init__(
        self,
        resources: tuple[type[Resource], ...],
        connect: Callable[[Mapping[str, str]], ControlPlane],
    ) -> None:
        self._connect = connect
        self._configured: dict[str, str] = {}
        self._lock = threading.Lock()
        self._client: ControlPlane | None = None
        self._engine: Any = None
        self._resources = {kind.token: kind(self._control_plane) for kind in resources}

    def _control_plane(self) -> ControlPlane:
        """Made at the first call, so that looking at a schema or a type check needs no token."""
        with self._lock:
            if self._client is None:
                self._client = self._connect({**os.environ, **self._configured})
            return self._client

    def _resource(self, urn: str) -> Resource:
        token = urn.split("::")[2].split("$")[-1]
        if token not in self._resources:
            known = ", ".join(self._resources)
            raise GatewrightError(f"the provider gatewright has no type {token}; it has {known}")
        return self._resources[token]

    # --- the plugin ---

    @answering
    def Handshake(self, request: Any, context: Context) -> Any:
        self._listen_to(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    @answering
    def Attach(self, request: Any, context: Context) -> Any:
        self._listen_to(request.address)
        return empty_pb2.Empty()

    def _listen_to(self, engine_address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine_address))

    @answering
    def GetPluginInfo(self, request: Any, context: Context) -> Any:
        return plugin_pb2.PluginInfo(version=version("gatewright"))

    @answering
    def GetSchema(self, request: Any, context: Context) -> Any:
        return provider_pb2.GetSchemaResponse(schema=schema_text(self._resources.values()))

    @answering
    def CheckConfig(self, request: Any, context: Context) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    @answering
    def DiffConfig(self, request: Any, context: Context) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    @answering
    def Configure(self, request: Any, context: Context) -> Any:
        names = {"apiToken": "CLOUDFLARE_API_TOKEN", "baseUrl": "CLOUDFLARE_BASE_URL"}
        told = plain(request.args)
        self._configured = {names[key]: str(told[key]) for key in names if told.get(key)}
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    @answering
    def Cancel(self, request: Any, context: Context) -> Any:
        return empty_pb2.Empty()

    # --- the resources ---

    @answering
    def Check(self, request: Any, context: Context) -> Any:
        resource, inputs = self._resource(request.urn), plain(request.news)
        # What has another type than it should have is nothing to look at any further.
        found = [*wrong_inputs(inputs, resource.schema, resource.types)] or [*resource.check(inputs)]
        failures = [provider_pb2.CheckFailure(property=one.property, reason=one.reason) for one in found]
        whole = inputs if failures else resource.completed(inputs)
        checked = request.news
        if resource.secrets or whole is not inputs:
            checked = struct(whole, secret_keys(request.news) | resource.secrets)
        return provider_pb2.CheckResponse(inputs=checked, failures=failures)

    @answering
    def Diff(self, request: Any, context: Context) -> Any:
        resource = self._resource(request.urn)
        news = plain(request.news)
        old = news if request.old_inputs == request.news else plain(request.old_inputs)
        state = plain(request.olds)
        changes = resource.diff(old, news, state) or resource.unsettled(state, news)
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changes else none,
            diffs=sorted({_top(change) for change in changes}),
            replaces=sorted(_top(change) for change in changes if change.kind.endswith("-replace")),
            hasDetailedDiff=True,
            detailedDiff={
                change.path: provider_pb2.PropertyDiff(kind=_KINDS[change.kind], inputDiff=True) for change in changes
            },
        )

    @answering
    def Create(self, request: Any, context: Context) -> Any:
        resource, inputs = self._resource(request.urn), plain(request.properties)
        secrets = secret_keys(request.properties) | resource.secrets
        if request.preview:
            planned = resource.plan(inputs, {})
            return provider_pb2.CreateResponse(properties=_state(struct(inputs, secrets), planned, secrets))
        made = self._applied(request.urn, inputs, None, {}, secrets)
        return provider_pb2.CreateResponse(
            id=made.id,
            properties=_state(struct(inputs, secrets), made.outputs, secrets),
            refresh_before_update=True,
        )

    @answering
    def Read(self, request: Any, context: Context) -> Any:
        resource = self._resource(request.urn)
        seen = resource.observe(request.id, plain(request.properties))
        if seen is None:
            if not request.properties.fields:
                raise NothingToImportError(f"{request.id} does not exist: there is nothing to import")
            return provider_pb2.ReadResponse()
        secrets = secret_keys(request.inputs) | resource.secrets
        inputs = struct(seen.inputs, secrets)
        return provider_pb2.ReadResponse(
            id=seen.id, properties=_state(inputs, seen.outputs, secrets), inputs=inputs, refresh_before_update=True
        )

    @answering
    def Update(self, request: Any, context: Context) -> Any:
        resource, inputs, state = self._resource(request.urn), plain(request.news), plain(request.olds)
        secrets = secret_keys(request.news) | resource.secrets
        if request.preview:
            outputs = resource.plan(inputs, state)
            if sentence := resource.caution(state, inputs):
                self._teller(request.urn)(sentence)
        else:
            outputs = self._applied(request.urn, inputs, request.id, state, secrets).outputs
        return provider_pb2.UpdateResponse(
            properties=_state(struct(inputs, secrets), outputs, secrets), refresh_before_update=True
        )

    @answering
    def Delete(self, request: Any, context: Context) -> Any:
        self._resource(request.urn).delete(request.id, plain(request.properties), self._teller(request.urn))
        return empty_pb2.Empty()

    def _applied(
        self, urn: str, inputs: Properties, id: str | None, state: Properties, secrets: frozenset[str]
    ) -> Observed:
        try:
            return self._resource(urn).apply(inputs, id, state, self._teller(urn))
        except PartialError as error:
            error.secrets = secrets
            raise

    def _teller(self, urn: str) -> Tell:
        def tell(sentence: str) -> None:
            self._engine.Log(engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=sentence, urn=urn))

        return tell


def _state(inputs: struct_pb2.Struct, outputs: Properties, secrets: frozenset[str]) -> struct_pb2.Struct:
    """Inputs and outputs together; what is both, as the output has it."""
    state = struct_pb2.Struct()
    state.CopyFrom(inputs)
    state.MergeFrom(struct(outputs, secrets))
    return state


def _top(change: Change) -> str:
    return change.path.split(".")[0].split("[")[0]
