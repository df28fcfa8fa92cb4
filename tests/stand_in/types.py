"""The few resource types we use, one table entry each: where they live and how their names differ."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ResourceType:
    """How one Pulumi type becomes REST calls. Names are Pulumi's on the left, the API's on the right."""

    token: str
    collection: str
    """Path that takes the POST; `{property}` is filled from the inputs."""
    import_parts: tuple[str, ...]
    """The properties that an import id `a/b` stands for."""
    id_property: str
    """The input that names the thing."""
    replace_on: frozenset[str]
    computed: frozenset[str]
    """Outputs that the API makes; never inputs."""
    names: Mapping[str, str] = field(default_factory=dict)
    nested_names: Mapping[str, str] = field(default_factory=dict)
    opaque: frozenset[str] = frozenset()
    """Properties whose keys are data of the user."""

    def path(self, properties: Mapping[str, Any]) -> str:
        """The item's own path."""
        return f"{self.collection.format(**properties)}/{properties[self.id_property]}"

    def body(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """What a POST or a full PUT carries."""
        path_only = set(re.findall(r"{(\w+)}", self.collection))
        return {
            self.names.get(key) or _snake(key): value if key in self.opaque else self._to_wire(value)
            for key, value in inputs.items()
            if key not in path_only and value is not None
        }

    def _to_wire(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._to_wire(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            self.nested_names.get(key) or _snake(key): item if key in self.opaque else self._to_wire(item)
            for key, item in value.items()
        }

    def outputs(self, answer: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
        """The state that an answer of the API means; `known` adds what only the path says."""
        back = {wire: name for name, wire in self.names.items()}
        told = {back.get(key) or _camel(key): self._from_wire(key, value) for key, value in answer.items()}
        return {**{part: known[part] for part in self.import_parts}, **told}

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
    import_parts=("accountId", "aiGatewayId"),
    id_property="aiGatewayId",
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
)

TYPES: Mapping[str, ResourceType] = {entry.token: entry for entry in (AI_GATEWAY,)}
