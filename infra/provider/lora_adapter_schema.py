"""The schema of `LoraAdapter`, for `pulumi import` and for SDKs of other languages."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}

_INPUTS: dict[str, Any] = {
    "accountId": {**_STRING, "description": "Cloudflare account.", "replaceOnChanges": True},
    "name": {**_STRING, "description": "Name of the adapter; requests say it as `lora`.", "replaceOnChanges": True},
    "model": {**_STRING, "description": "Base model it was trained for. Cannot be changed under a name."},
    "folder": {**_STRING, "description": "Where adapter_config.json and adapter_model.safetensors are."},
    "rank": {"type": "integer", "description": "The rank it is declared as; compared with the files."},
    "contentDigest": {**_STRING, "description": "Digest of the two files; made from them when left out."},
}
_OUTPUTS: dict[str, Any] = {
    "adapterId": {**_STRING, "description": "Cloudflare's id."},
    "uploaded": {"type": "array", "items": _STRING, "description": "The files that have arrived."},
    "ready": {"type": "boolean", "description": "Whether it has answered an inference."},
}
_REQUIRED = ["accountId", "name", "model", "folder"]

LORA_ADAPTER: dict[str, Any] = {
    "description": "A LoRA adapter on Workers AI. Cloudflare can neither change nor remove one: its slot is for ever.",
    "inputProperties": _INPUTS,
    "requiredInputs": _REQUIRED,
    "properties": {**_INPUTS, **_OUTPUTS},
    "required": [*_REQUIRED, "contentDigest", "adapterId", "uploaded", "ready"],
}
