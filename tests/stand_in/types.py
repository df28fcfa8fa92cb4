"""The few resource types we use, one table entry each: where they live and how their names differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Properties = Mapping[str, Any]


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True)
class ResourceType:
    """How one Pulumi type becomes REST calls. Names are Pulumi's on the left, the API's on the right."""

    token: str
    collection: str
    """Path that takes the POST; `{property}` is filled from the inputs."""
    item: str
    """Path of one thing; `{id}` is its id."""
    import_parts: tuple[str, ...]
    """The properties that an import id `a/b` stands for; the last one is the id of the thing."""
    replace_on: frozenset[str]
    computed: frozenset[str]
    """Outputs that the API makes; never inputs."""
    once: frozenset[str] = frozenset()
    """Outputs that only the create tells; they are secret, and kept."""
    names: Mapping[str, str] = field(default_factory=dict)
    nested_names: Mapping[str, str] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    """Properties whose keys are data of the user."""
    converted: Mapping[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = field(default_factory=dict)
    """Properties with a form of their own: (to the API, from the API)."""
    header_only: frozenset[str] = frozenset()
    """Inputs that go by a header; no answer tells them."""
    unset_is_off: frozenset[str] = frozenset()
    """Inputs that mean "none" where they are left out; all others keep what is live."""
    is_part: bool = False
    """Part of another thing: made by PUT, never deleted."""

    def path(self, properties: Properties, id: str) -> str:
        return self.item.format(**{**properties, "id": id})

    def body(self, inputs: Properties) -> dict[str, Any]:
        """What a POST or a full PUT carries."""
        path_only = set(re.findall(r"{(\w+)}", self.collection))
        return {
            self.names.get(key) or _snake(key): self._value_to_wire(key, value)
            for key, value in inputs.items()
            if key not in path_only | self.header_only and value is not None
        }

    def _value_to_wire(self, key: str, value: Any) -> Any:
        return self.converted[key][0](value) if key in self.converted else self._to_wire(key, value)

    def _to_wire(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._to_wire(key, item) for item in value]
        if not isinstance(value, dict) or key in self.opaque:
            return value
        return {self.nested_names.get(k) or _snake(k): self._to_wire(k, item) for k, item in value.items()}

    def outputs(self, answer: Properties, known: Properties) -> dict[str, Any]:
        """The state that an answer of the API means; `known` adds what only the path says."""
        back = {wire: name for name, wire in self.names.items()}
        told = {back.get(key) or _camel(key): value for key, value in answer.items()}
        seen = {key: self._value_from_wire(key, value) for key, value in told.items()}
        kept = {*self.import_parts, *self.header_only} & known.keys()
        return {**{key: known[key] for key in kept}, **seen}

    def _value_from_wire(self, key: str, value: Any) -> Any:
        return self.converted[key][1](value) if key in self.converted else self._from_wire(key, value)

    def _from_wire(self, key: str, value: Any) -> Any:
        if isinstance(value, list):
            return [self._from_wire(key, item) for item in value]
        if not isinstance(value, dict) or key in self.opaque:
            return value
        back = {wire: name for name, wire in self.nested_names.items()}
        return {back.get(k) or _camel(k): self._from_wire(k, item) for k, item in value.items()}


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: "_" + match[1].lower(), name)


def _camel(name: str) -> str:
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)


_HAZARDS = [f"s{number}" for number in range(1, 14)] + ["p1"]

AI_GATEWAY = ResourceType(
    token="cloudflare:index/aiGateway:AiGateway",
    collection="/accounts/{accountId}/ai-gateway/gateways",
    item="/accounts/{accountId}/ai-gateway/gateways/{id}",
    import_parts=("accountId", "aiGatewayId"),
    replace_on=frozenset({"accountId", "aiGatewayId"}),
    computed=frozenset({"createdAt", "modifiedAt", "isDefault", "accountTag", "internalId"}),
    names={"aiGatewayId": "id", "otels": "otel"},
    nested_names={
        "limitType": "limitType",
        "aiGatewayProvider": "provider",
        "checks": "check",
        **{hazard: hazard.upper() for hazard in _HAZARDS},
    },
    opaque=frozenset({"headers", "metadata"}),
    unset_is_off=frozenset(
        {
            "dlp",
            "guardrails",
            "logpushPublicKey",
            "rateLimitingTechnique",
            "retryBackoff",
            "retryDelay",
            "retryMaxAttempts",
            "stripe",
        }
    ),
)


def _policies_to_wire(policies: list[Any]) -> list[Any]:
    """The stock provider takes `resources` as a JSON text."""
    return [
        {
            "effect": policy["effect"],
            "permission_groups": policy["permissionGroups"],
            "resources": json.loads(policy["resources"]),
        }
        for policy in policies
    ]


def _policies_from_wire(policies: list[Any]) -> list[Any]:
    return [
        {
            "effect": policy["effect"],
            "permissionGroups": sorted(({"id": group["id"]} for group in policy["permission_groups"]), key=str),
            "resources": json.dumps(policy["resources"], sort_keys=True, separators=(",", ":")),
        }
        for policy in policies
    ]


ACCOUNT_TOKEN = ResourceType(
    token="cloudflare:index/accountToken:AccountToken",
    collection="/accounts/{accountId}/tokens",
    item="/accounts/{accountId}/tokens/{id}",
    import_parts=("accountId", "id"),
    replace_on=frozenset({"accountId"}),
    computed=frozenset({"id", "issuedOn", "modifiedOn", "lastUsedOn", "value"}),
    once=frozenset({"value"}),
    converted={"policies": (_policies_to_wire, _policies_from_wire)},
)

R2_BUCKET = ResourceType(
    token="cloudflare:index/r2Bucket:R2Bucket",
    collection="/accounts/{accountId}/r2/buckets",
    item="/accounts/{accountId}/r2/buckets/{id}",
    import_parts=("accountId", "name"),
    replace_on=frozenset({"accountId", "name", "location", "jurisdiction"}),
    computed=frozenset({"creationDate", "storageClass"}),
    # The API takes `locationHint` and answers `location`, in capitals.
    names={"location": "locationHint"},
    header_only=frozenset({"jurisdiction"}),
)

R2_LIFECYCLE = ResourceType(
    token="cloudflare:index/r2BucketLifecycle:R2BucketLifecycle",
    collection="/accounts/{accountId}/r2/buckets/{bucketName}/lifecycle",
    item="/accounts/{accountId}/r2/buckets/{bucketName}/lifecycle",
    import_parts=("accountId", "bucketName"),
    replace_on=frozenset({"accountId", "bucketName"}),
    computed=frozenset(),
    converted={"rules": (_same, _same)},
    header_only=frozenset({"jurisdiction"}),
    is_part=True,
)

TYPES: Mapping[str, ResourceType] = {
    entry.token: entry for entry in (AI_GATEWAY, ACCOUNT_TOKEN, R2_BUCKET, R2_LIFECYCLE)
}

PERMISSION_GROUPS = "cloudflare:index/getAccountApiTokenPermissionGroupsList:getAccountApiTokenPermissionGroupsList"
