"""The schema of `PublishedConfig`, for SDKs of other languages."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}

_INPUTS: dict[str, Any] = {
    "accountId": {**_STRING, "description": "Cloudflare account.", "replaceOnChanges": True},
    "bucket": {**_STRING, "description": "R2 bucket, made for published configs alone.", "replaceOnChanges": True},
    "jurisdiction": {**_STRING, "description": "`default`, `eu` or `fedramp`.", "replaceOnChanges": True},
    "key": {**_STRING, "description": "Name of the object; one for each stage.", "replaceOnChanges": True},
    "content": {
        **_STRING,
        "description": "The compiled config as JSON: what `CompiledConfig.to_json()` gives in Python.",
    },
    "contentDigest": {**_STRING, "description": "SHA-256 of the content in hex; shown in diffs."},
    "tokenId": {**_STRING, "description": "Id of an API token that may write to the bucket."},
    "tokenValue": {**_STRING, "secret": True, "description": "Value of that token."},
}
_REQUIRED = ["accountId", "bucket", "key", "content", "tokenId", "tokenValue"]

PUBLISHED_CONFIG: dict[str, Any] = {
    "description": "The compiled config in an R2 bucket, where applications follow it. Declare it after every route.",
    "inputProperties": _INPUTS,
    "requiredInputs": _REQUIRED,
    "properties": {**_INPUTS, "etag": {**_STRING, "description": "ETag of the object."}},
    "required": [*_REQUIRED, "contentDigest", "etag"],
}
