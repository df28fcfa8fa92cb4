"""The provider protocol over the table of types."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.stand_in.types import PERMISSION_GROUPS, TYPES, ResourceType

LITERAL = "STAND_IN_LITERAL"
"""Set: null, zero and empty are three different things, as they may be to the stock provider."""
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def api_from_environment() -> httpx.Client:
    """The client; anything but an emulator on this machine is refused."""
    base_url = os.environ.get("CLOUDFLARE_BASE_URL", "")
    if urlsplit(base_url).hostname not in LOOPBACK:
        raise SystemExit(f"the stand-in speaks only to a loopback CLOUDFLARE_BASE_URL; found {base_url!r}")
    token = os.environ.get("CLOUDFLARE_API_TOKEN", "")
    return httpx.Client(base_url=base_url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=60)


class Plugin(provider_pb2_grpc.ResourceProviderServicer):
    """Create, Read, Update and Delete as REST calls."""

    def __init__(self, api: httpx.Client) -> None:
        self._api = api

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        return plugin_pb2.PluginInfo(version="6.23.1")

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.GetSchemaResponse(schema='{"name": "cloudflare", "version": "6.23.1"}')

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        # Without `acceptSecrets` the engine itself keeps secret what was secret as an input.
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type(request.urn)
        olds, news, old_inputs = _plain(request.olds), _plain(request.news), _plain(request.old_inputs)
        changed = {key for key in news.keys() | kind.unset_is_off if _differs(olds.get(key), news.get(key))}
        changed |= {key for key in old_inputs if key not in news}
        replaces = sorted(changed & kind.replace_on)
        some, none = provider_pb2.DiffResponse.DIFF_SOME, provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(
            changes=some if changed else none,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces),
            hasDetailedDiff=True,
            detailedDiff={key: _property_diff(key, replaces) for key in changed},
        )

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, inputs = _type(request.urn), _plain(request.properties)
        if request.preview:
            unknown = dict.fromkeys(kind.computed, rpc.UNKNOWN)
            return provider_pb2.CreateResponse(properties=_state(kind, {**unknown, **inputs}))
        verb = "PUT" if kind.is_part else "POST"
        answer = self._call(context, verb, kind.collection.format(**inputs), kind.body(inputs))
        outputs = {**inputs, **kind.outputs(answer, inputs)}
        return provider_pb2.CreateResponse(id=str(outputs[kind.import_parts[-1]]), properties=_state(kind, outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, state = _type(request.urn), _plain(request.properties)
        imported = not state
        known = dict(zip(kind.import_parts, request.id.split("/"), strict=False)) if imported else state
        id = str(known[kind.import_parts[-1]]) if imported else request.id
        response = self._api.get(kind.path(known, id))
        if response.status_code == 404:
            return provider_pb2.ReadResponse()
        kept = {key: state[key] for key in kind.once if key in state}
        outputs = {**kind.outputs(_result(context, response), known), **kept}
        told = {key: value for key, value in outputs.items() if key not in kind.computed and value is not None}
        inputs = told if imported else {key: outputs.get(key) for key in _plain(request.inputs)}
        return provider_pb2.ReadResponse(id=id, properties=_state(kind, outputs), inputs=_struct(inputs))

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind, news, olds = _type(request.urn), _plain(request.news), _plain(request.olds)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=_state(kind, {**olds, **news}))
        answer = self._call(context, "PUT", kind.path(news, request.id), kind.body(news))
        kept = {key: olds[key] for key in kind.once if key in olds}
        outputs = {**news, **kind.outputs(answer, news), **kept}
        return provider_pb2.UpdateResponse(properties=_state(kind, outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        kind = _type(request.urn)
        if kind.is_part:
            return empty_pb2.Empty()
        response = self._api.delete(kind.path(_plain(request.properties), request.id))
        if response.status_code != 404:
            _result(context, response)
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        """The one function that we use: permission groups by name and scope."""
        if request.tok != PERMISSION_GROUPS:
            context.abort(grpc.StatusCode.UNIMPLEMENTED, f"the stand-in has no function {request.tok}")
        args = _plain(request.args)
        query = {key: args[key] for key in ("name", "scope") if args.get(key)}
        response = self._api.get(f"/accounts/{args['accountId']}/tokens/permission_groups", params=query)
        groups = _answer(context, response).get("result") or []
        answer = provider_pb2.InvokeResponse()
        getattr(answer, "return").CopyFrom(_struct({**args, "results": groups}))
        return answer

    def _call(self, context: grpc.ServicerContext, method: str, path: str, body: Any) -> dict[str, Any]:
        return _result(context, self._api.request(method, path, json=body))


def _type(urn: str) -> ResourceType:
    return TYPES[urn.split("::")[2].split("$")[-1]]


def _differs(live: Any, wanted: Any) -> bool:
    """Null, zero and empty all mean "off"; the API turns one into another (facts, trap 24)."""
    if os.environ.get(LITERAL):
        return bool(live != wanted)
    return bool(live != wanted and not (_is_off(live) and _is_off(wanted)))


def _is_off(value: Any) -> bool:
    return not any(value.values()) if isinstance(value, dict) else not value


def _property_diff(key: str, replaces: list[str]) -> Any:
    diff = provider_pb2.PropertyDiff
    return diff(kind=diff.UPDATE_REPLACE if key in replaces else diff.UPDATE, inputDiff=True)


def _result(context: grpc.ServicerContext, response: httpx.Response) -> dict[str, Any]:
    return dict(_answer(context, response).get("result") or {})


def _answer(context: grpc.ServicerContext, response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.is_success and body.get("success"):
        return dict(body)
    context.abort(grpc.StatusCode.UNKNOWN, f"{response.request.method}: {response.status_code} {response.text}")
    raise AssertionError("abort raises")


def _plain(struct: Any) -> dict[str, Any]:
    """A Struct as Python, secrets unwrapped, integral floats as integers."""
    return dict(_value(json_format.MessageToDict(struct)))


def _value(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, dict):
        if rpc.is_rpc_secret(value):
            return _value(value["value"])
        return {key: _value(item) for key, item in value.items()}
    return value


def _state(kind: ResourceType, outputs: dict[str, Any]) -> struct_pb2.Struct:
    """Outputs, those that the API tells once marked secret."""
    wrapped = {key: rpc.wrap_rpc_secret(outputs[key]) for key in kind.once & outputs.keys()}
    return _struct({**outputs, **wrapped})


def _struct(values: dict[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(
        {key: value for key, value in values.items() if value is not None}, struct_pb2.Struct()
    )
