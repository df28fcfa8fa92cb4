"""Bodies that are not JSON: multipart forms and raw bytes."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from tests.emulator.web import Call, MalformedBody


def native_body(call: Call) -> dict[str, Any]:
    """A Workers AI body whatever form it came in: raw bytes are `audio`.  Raises MalformedBody."""
    kind = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        return {**form_of(call.headers["content-type"], call.body), "multipart": True}
    if kind.startswith("audio/") or kind == "application/octet-stream":
        return {"audio": call.body}
    return call.json_object


def form_of(content_type: str, body: bytes) -> dict[str, Any]:
    """The fields of a multipart form: text as text, files as bytes.  Raises MalformedBody."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise MalformedBody("the form has no parts; is the boundary right?")
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            fields[name] = content if part.get_filename() else content.decode(errors="replace")
    return fields
