"""Bodies and answers of Workers AI's own endpoints, as far as all kinds of models share them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.bodies.chat import MalformedError, encoded, sendable
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.sending.door import JSON

LARGEST_FILE = 25_000_000
_MAGIC = (
    (b"\x89PNG", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"RIFF", "audio/wav"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"\x1aE\xdf\xa3", "audio/webm"),
)


@dataclass(frozen=True, slots=True)
class Payload:
    """What is posted where, below the gateway."""

    path: str
    content: bytes
    content_type: bytes = JSON


def native(target: CompiledTarget, body: Mapping[str, Any]) -> Payload:
    """A body in the model's own words, at the upstream's own endpoint (facts 3.1)."""
    return Payload(f"{target.upstream}/{target.model}", encoded(body))


def form(target: CompiledTarget, fields: Mapping[str, str], files: Mapping[str, bytes]) -> Payload:
    """A multipart form at the upstream's own endpoint. Raises InputError for one that is too large."""
    parts: dict[str, Any] = {name: (None, value) for name, value in fields.items()}
    parts |= {name: (name, content, media_type(content)) for name, content in files.items()}
    request = httpx.Request("POST", "https://form.invalid", files=parts)
    content = sendable(request.read())
    return Payload(f"{target.upstream}/{target.model}", content, request.headers["content-type"].encode())


def media_type(content: bytes) -> str:
    """What kind of file this is, by its first bytes."""
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if content.startswith(magic)), "application/octet-stream")


def file_of(what: str, content: object) -> bytes:
    """The bytes of a file that a caller gives. Raises InputError for what is none, or is too large."""
    if not isinstance(content, bytes | bytearray | memoryview):
        raise InputError(f"{what} is given as bytes; found {type(content).__name__}. Read the file first.")
    if not content:
        raise InputError(f"{what} is empty: it has no bytes. Was the file read, and written to its end?")
    if len(content) > LARGEST_FILE:
        raise InputError(f"{what} has {len(content):,} bytes; at most {LARGEST_FILE:,} are sent.")
    return bytes(content)


def from_base64(text: object) -> bytes:
    """The bytes that an answer holds as base64. Raises MalformedError."""
    try:
        content = base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        content = b""
    if not content:
        raise MalformedError("no base64 where the file should be")
    return content
