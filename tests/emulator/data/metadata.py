"""The `cf-aig-metadata` header."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.data.errors import gateway_error
from tests.emulator.evidence import behaviour
from tests.emulator.web import Call
from tests.emulator.world import World

MOST_KEYS = 5
NESTED = assumption(
    "nested-metadata", "What happens to a metadata value that is an object or a list?", "dropped", "kept"
)
MALFORMED = assumption(
    "malformed-metadata", "What happens to a cf-aig-metadata that is no JSON object?", "ignored", "refused"
)


@behaviour("five metadata keys are kept, the rest and keys of cf.* are dropped silently", "DOC", "custom metadata")
def metadata_of(world: World, call: Call) -> dict[str, Any]:
    """The metadata of a request as the gateway sees it."""
    text = call.headers.get("cf-aig-metadata")
    if not text:
        return {}
    try:
        sent = json.loads(text)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        if world.assumes(MALFORMED) == "refused":
            raise gateway_error(400, 2004, "Invalid metadata")
        call.drop("cf-aig-metadata is no JSON object and is ignored")
        return {}
    return _kept(world, call, sent)


def _kept(world: World, call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in sent.items():
        nested = isinstance(value, dict | list) and world.assumes(NESTED) == "dropped"
        if key.startswith("cf.") or nested or len(kept) == MOST_KEYS:
            call.drop(f"metadata key {key!r} is dropped")
        else:
            kept[key] = value
    return kept
