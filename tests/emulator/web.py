"""HTTP as the services see it: a call comes in, a reply goes out, a refusal is raised."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any
from urllib.parse import parse_qsl

from annotated_types import Interval

JSON_TYPE = "application/json"
Status = Annotated[int, Interval(ge=200, le=599)]  # of an answer that a client can read


@dataclass
class Reply:
    """What goes back: a body in one piece, or chunks as they come."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)
    chunks: AsyncIterator[bytes] | None = None


class Refusal(Exception):
    """The request is answered with an error; `reply` is that answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.body.decode(errors="replace"))
        self.reply = reply


class MalformedBody(Exception):
    """The body is not what its content type says; each service words this in its own envelope."""


@dataclass
class Call:
    """One HTTP request, read completely."""

    method: str
    path: str
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    client: str = "127.0.0.1"
    params: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # what Cloudflare would drop without a word
    trail: dict[str, Any] = field(default_factory=dict)  # what the journal should know of the inside

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.raw_query, keep_blank_values=True))

    @cached_property
    def json(self) -> Any:
        """The body as JSON; raises MalformedBody."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise MalformedBody(f"the body is not JSON: {error}") from error

    @property
    def json_object(self) -> dict[str, Any]:
        """The body as a JSON object; raises MalformedBody."""
        if not isinstance(self.json, dict):
            raise MalformedBody(f"the body is a JSON {type(self.json).__name__}, not an object")
        return self.json

    def bearer(self, header: str = "authorization") -> str | None:
        """The token behind `Bearer` in this header; null where there is none."""
        scheme, _, token = self.headers.get(header, "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    def drop(self, note: str) -> None:
        """Note what Cloudflare drops silently, so that the journal can say it."""
        self.notes.append(note)


def to_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def reply_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(status, to_json(value), headers=dict(headers or {}))
