"""The package schema: what `pulumi import` needs to print code, and other Pulumi languages to make an SDK."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from infra.provider.resource import Resource

_CREDENTIALS = {
    "apiToken": {
        "type": "string",
        "secret": True,
        "description": "Cloudflare API token; CLOUDFLARE_API_TOKEN when left out.",
    },
    "baseUrl": {
        "type": "string",
        "description": "Address of Cloudflare's API; CLOUDFLARE_BASE_URL when left out.",
    },
}


def schema_text(resources: Iterable[Resource]) -> str:
    """The schema as JSON."""
    kinds = list(resources)
    schema: dict[str, Any] = {
        "name": "gatewright",
        "displayName": "Gatewright",
        "version": version("gatewright"),
        "description": "The parts of Cloudflare AI Gateway that the stock provider cannot declare.",
        "config": {"variables": _CREDENTIALS},
        "provider": {"inputProperties": _CREDENTIALS, "properties": _CREDENTIALS},
        "resources": {kind.token: kind.schema for kind in kinds},
        "types": {token: shape for kind in kinds for token, shape in kind.types.items()},
        "language": {
            "python": {"respectSchemaVersion": True, "pyproject": {"enabled": True}},
            "nodejs": {"respectSchemaVersion": True, "packageName": "@gatewright/pulumi"},
        },
    }
    return json.dumps(schema)
