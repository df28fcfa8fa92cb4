"""The schema of `Route`, for `pulumi import` and for SDKs of other languages."""

from __future__ import annotations

from typing import Any

_ELEMENT_TOKEN = "gatewright:index:Element"
_STRING: dict[str, Any] = {"type": "string"}

ELEMENT: dict[str, Any] = {
    _ELEMENT_TOKEN: {
        "type": "object",
        "description": "One node of a route's graph.",
        "properties": {
            "type": {**_STRING, "description": "start, conditional, percentage, rate, model or end."},
            "properties": {
                "type": "object",
                "additionalProperties": {"$ref": "pulumi.json#/Any"},
                "description": "What the type asks for, as in Cloudflare's JSON.",
            },
            "outputs": {
                "type": "object",
                "additionalProperties": _STRING,
                "description": "The ways out: label to the id of another element.",
            },
            "unknown": {
                "type": "object",
                "additionalProperties": {"$ref": "pulumi.json#/Any"},
                "description": "Keys that others wrote beside these; under `outputs` those of its edges, by label.",
            },
        },
        "required": ["type"],
    }
}

_INPUTS: dict[str, Any] = {
    "accountId": {**_STRING, "description": "Cloudflare account.", "replaceOnChanges": True},
    "gatewayId": {**_STRING, "description": "The AI Gateway's id.", "replaceOnChanges": True},
    "name": {
        **_STRING,
        "description": "Name of the route; called as `dynamic/<name>`.",
        "replaceOnChanges": True,
    },
    "elements": {
        "type": "object",
        "additionalProperties": {"$ref": f"#/types/{_ELEMENT_TOKEN}"},
        "description": "The graph: element by id. Ids and order alone never make a difference.",
    },
    "split": {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "description": "Share of each arm in percent, as the elements have it; shown in diffs.",
    },
}

_OUTPUTS: dict[str, Any] = {
    "routeId": {**_STRING, "description": "Cloudflare's id."},
    "graphDigest": {**_STRING, "description": "Digest of the deployed graph."},
    "versionId": {**_STRING, "description": "The deployed version."},
    "deploymentId": {**_STRING, "description": "The deployment that made it live."},
    "versions": {"type": "integer", "description": "How many versions are stored."},
    "declaredName": {**_STRING, "description": "The name that the program gave; by hand it may have got another."},
    "held": {"type": "boolean", "description": "Whether somebody rolled it back; absent where nobody did."},
}

ROUTE: dict[str, Any] = {
    "description": "A dynamic route of a Cloudflare AI Gateway. An edit is a new version, deployed in place.",
    "inputProperties": _INPUTS,
    "requiredInputs": ["accountId", "gatewayId", "name", "elements"],
    "properties": {**_INPUTS, **_OUTPUTS},
    "required": [
        "accountId",
        "gatewayId",
        "name",
        "elements",
        "routeId",
        "graphDigest",
        "versionId",
        "versions",
        "declaredName",
    ],
}
