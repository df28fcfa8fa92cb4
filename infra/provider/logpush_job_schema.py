"""The schema of `LogpushJob`, for `pulumi import` and for SDKs of other languages."""

from __future__ import annotations

from typing import Any

_STRING: dict[str, Any] = {"type": "string"}
_INTEGER: dict[str, Any] = {"type": "integer"}

_INPUTS: dict[str, Any] = {
    "accountId": {**_STRING, "description": "Cloudflare account.", "replaceOnChanges": True},
    "name": {**_STRING, "description": "Name of the job; a second job never gets it.", "replaceOnChanges": True},
    "bucket": {**_STRING, "description": "R2 bucket that takes the logs."},
    "path": {**_STRING, "description": "Folder in the bucket; `{DATE}` is the day. Default: `logs/{DATE}`."},
    "tokenId": {**_STRING, "description": "Id of an API token that may write to the bucket."},
    "tokenValue": {**_STRING, "secret": True, "description": "Value of that token; Cloudflare gets its SHA-256."},
    "enabled": {"type": "boolean", "description": "Whether it pushes. Default: true."},
    "fields": {"type": "array", "items": _STRING, "description": "What a record has. Default: all ten fields."},
    "format": {**_STRING, "description": "`ndjson` (default) or `csv`."},
    "sampleRate": {"type": "number", "description": "Which part of the records is pushed. Default: 1."},
    "filter": {**_STRING, "description": "Cloudflare's filter as JSON. Default: every gateway of the account."},
    "maxUploadBytes": {**_INTEGER, "description": "0 (default) or 5,000,000 … 1,000,000,000 for one object."},
    "maxUploadIntervalSeconds": {**_INTEGER, "description": "0 or 30 … 300 between objects. Default: 60."},
    "maxUploadRecords": {**_INTEGER, "description": "0 or 1,000 … 1,000,000 in one object. Default: 10,000."},
}
_OUTPUTS: dict[str, Any] = {
    "jobId": {**_INTEGER, "description": "Cloudflare's id."},
    "destinationDigest": {**_STRING, "description": "SHA-256 of the destination that was sent, keys included."},
    "errorMessage": {**_STRING, "description": "Why it is failing now; absent while it works."},
}
_REQUIRED = ["accountId", "name", "bucket", "tokenId", "tokenValue"]

LOGPUSH_JOB: dict[str, Any] = {
    "description": "Pushes the records of AI Gateway (dataset `ai_gateway_events`) to an R2 bucket.",
    "inputProperties": _INPUTS,
    "requiredInputs": _REQUIRED,
    "properties": {**_INPUTS, **_OUTPUTS},
    "required": [*_REQUIRED, "jobId"],
}
