"""From a gateway's log entry to an object: ten fields, encrypted, NDJSON, gzip."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from tests.emulator.control.gateways.models import Gateway
from tests.emulator.control.logpush.filters import passes
from tests.emulator.control.logpush.models import DATE, Job, Jobs
from tests.emulator.control.logs.models import LogEntry
from tests.emulator.evidence import behaviour
from tests.emulator.world import World

ENCRYPTED = ("Metadata", "RequestBody", "ResponseBody")
DEFAULT_INTERVAL_S = 30
MOST_BYTES = 1024 * 1024  # per log; a longer body is left out


@dataclass
class Pending:
    """Records that wait for their upload, of one job."""

    lines: list[bytes] = field(default_factory=list)
    since_s: float = 0


def push(world: World, account: str, gateway: Gateway, entry: LogEntry, rate_limited: bool) -> None:
    """Put a request before all jobs that are on; those whose time has come upload."""
    jobs = [job for job in world.of(account, Jobs).all.values() if job.settings["enabled"]]
    if not jobs:
        return
    try:
        record = encrypted(record_of(gateway, entry, rate_limited), gateway.settings["logpush_public_key"])
    except ValueError as error:
        _blame(world, jobs, f"logpush_public_key of gateway {gateway.id}: {error}")
        return
    for job in jobs:
        if not _is_wanted(job, record):
            continue
        wanted = job.settings["output_options"].get("field_names") or list(record)
        line = json.dumps({name: record[name] for name in wanted if name in record}).encode() + b"\n"
        if (account, job.id) not in world.pending:
            world.pending[account, job.id] = Pending(since_s=world.clock.now())
            world.start(_upload_later(world, account, job))
        pending = world.pending[account, job.id]
        pending.lines.append(line)
        if is_due(world, job, pending):
            world.start(upload(world, account, job))


def _blame(world: World, jobs: list[Job], problem: str) -> None:
    """Let jobs remember why nothing comes of them."""
    for job in jobs:
        job.last_error, job.error_message = world.clock.timestamp(), problem


def _is_wanted(job: Job, record: dict[str, Any]) -> bool:
    """Whether the job's filter lets the record pass; a comparison of unlike things does not."""
    try:
        return not job.settings["filter"] or passes(job.settings["filter"], record)
    except ValueError:
        return False


async def _upload_later(world: World, account: str, job: Job) -> None:
    await asyncio.sleep(job.settings.get("max_upload_interval_seconds") or DEFAULT_INTERVAL_S)
    await upload(world, account, job)


@behaviour("ten fields: no id, no time, no tokens, no cost", "3P", "two consumers that read it")
def record_of(gateway: Gateway, entry: LogEntry, rate_limited: bool) -> dict[str, Any]:
    request, response = entry.request or b"", entry.response or b""
    return {
        "Cached": entry.cached,
        "Endpoint": entry.path,
        "Gateway": gateway.id,
        "Metadata": entry.metadata,
        "Model": entry.model,
        "Provider": entry.provider,
        "RateLimited": rate_limited,
        "RequestBody": as_json_text(request),
        "ResponseBody": as_json_text(response),
        "StatusCode": entry.status_code,
    }


def as_json_text(body: bytes) -> str:
    """A body as JSON text: itself if it is JSON, else a JSON string; too long, an empty one."""
    text = body.decode(errors="replace")
    if len(body) > MOST_BYTES:
        return '""'
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text)
    return text


@behaviour("Metadata and bodies: AES-256-GCM under a key in RSA-OAEP-SHA256, if a key is set", "DOC", "logging/logpush")
def encrypted(record: dict[str, Any], public_key: str | None) -> dict[str, Any]:
    if not public_key:
        return record
    seal = sealer(public_key)
    return {name: seal(value) if name in ENCRYPTED else value for name, value in record.items()}


@lru_cache(maxsize=16)
def sealer(public_key: str) -> Callable[[str], dict[str, str]]:
    """How to encrypt for one key; raises ValueError for what is no RSA public key in PEM.

    cryptography is imported only where somebody wants it.
    """
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is no RSA key")
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)

    def seal(text: str) -> dict[str, str]:
        field_key, iv = AESGCM.generate_key(256), os.urandom(12)
        parts = {
            "key": key.encrypt(field_key, oaep),
            "iv": iv,
            "data": AESGCM(field_key).encrypt(iv, text.encode(), None),
        }
        return {"type": "encrypted", **{name: base64.b64encode(part).decode() for name, part in parts.items()}}

    return seal


def is_due(world: World, job: Job, pending: Pending) -> bool:
    """Whether a job's limits of records, bytes or time are reached; 0 is no limit of that sort."""
    settings, age_s = job.settings, world.clock.now() - pending.since_s
    return (
        0 < (settings.get("max_upload_records") or 0) <= len(pending.lines)
        or 0 < (settings.get("max_upload_bytes") or 0) <= sum(map(len, pending.lines))
        or age_s >= (settings.get("max_upload_interval_seconds") or DEFAULT_INTERVAL_S)
    )


@behaviour("objects are {prefix}/{YYYYMMDD}/{start}_{end}_{hash}.log.gz", "3P", "a consumer that reads them")
async def upload(world: World, account: str, job: Job) -> str | None:
    """Write what waits as one object; its key, or null where nothing waits or it could not be written."""
    pending = world.pending.pop((account, job.id), None)
    if pending is None:
        return None
    now_s = world.clock.now()
    destination = job.destination
    key = object_key(destination.prefix, pending.since_s, now_s, world.chance.hex_id(8))
    problem = destination.refused_because(world)
    try:
        if problem is None:
            await world.objects.put(destination.bucket, key, gzip.compress(b"".join(pending.lines), mtime=0))
    except Exception as error:  # whatever the S3 API says, the job remembers it
        problem = str(error)
    if problem is None:
        job.last_complete = world.clock.timestamp()
        return key
    _blame(world, [job], problem)
    return None


def object_key(prefix: str, start_s: float, end_s: float, name: str) -> str:
    start, end = (datetime.fromtimestamp(moment, UTC) for moment in (start_s, end_s))
    day = start.strftime("%Y%m%d")
    folder = prefix.replace(DATE, day) if DATE in prefix else f"{prefix}/{day}".strip("/")
    return f"{folder}/{start:%Y%m%dT%H%M%SZ}_{end:%Y%m%dT%H%M%SZ}_{name}.log.gz"
