"""What is known of a request before it is sent, and what of it the gateway is told: five metadata keys."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway_config.buckets import bucket_of
from gateway_config.compiled import MOST_KEYS, CompiledRoute
from gateway_config.runtime.errors import InputError

_HALF = re.compile("[\ud800-\udfff]")
Scalar = str | int | float | bool
LARGEST_METADATA = 4096
LONGEST_ID = 256  # they travel in a header
_TOLD_LAST = ("tenant_id", "project", "intent")


@dataclass(frozen=True, slots=True)
class Facts:
    """Who asks for what. `arm` pins an arm by its name; `metadata` are keys of the caller's own."""

    intent: str
    user: str | None = None
    tenant: str | None = None
    project: str | None = None
    arm: str | None = None
    tier: str | None = None
    metadata: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("user", "tenant", "project"):
            value = getattr(self, name)
            if value is not None and (not is_text(value) or not 0 < len(value) <= LONGEST_ID):
                raise InputError(f"{name} is a text of 1 to {LONGEST_ID} characters; found {shown(value)}.")
        if self.metadata:
            _check_metadata(self.metadata)


def shown(value: object) -> str:
    """A value as a message may show it; some cannot be written at all, or only at great length."""
    try:
        return f"{value!r:.60}"
    except Exception:  # a number of too many digits; a class whose own repr fails
        return f"one of the type {type(value).__name__}"


def is_text(value: object) -> bool:
    """Whether this is a text that can be sent: half a character is none."""
    return isinstance(value, str) and (value.isascii() or not _HALF.search(value))


def no_text(what: str, value: object) -> InputError:
    """The error for a value that is no text, an empty one, or none that can be sent."""
    if isinstance(value, str) and not is_text(value):
        return InputError(f"{what} holds half a character (a lone surrogate), which nobody can read.")
    return InputError(f"{what} is a text that is not empty; found {shown(value)}.")


def mapping_of(name: str, value: object) -> Mapping[str, Any]:
    """The mapping that an option is; an empty one where it is left out. Raises InputError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(is_text(key) for key in value):
        raise InputError(f"{name} is a mapping whose keys are texts; found {shown(value)}.")
    return value


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    for key, value in metadata.items():
        if not isinstance(key, str) or not key or key.startswith("cf."):
            raise InputError(
                f"a metadata key is a text, and does not begin with cf. (Cloudflare's own); found {shown(key)}."
            )
        if not _is_scalar(value):
            raise InputError(f'the metadata "{key}" is a text, a number, true or false; found {shown(value)}.')
        if key in ("trace", "bucket"):
            raise InputError(f'the metadata "{key}" is set by the client. To choose an arm, use arm=.')
    if len(json.dumps(dict(metadata))) > LARGEST_METADATA:
        raise InputError(f"metadata takes at most {LARGEST_METADATA} bytes as JSON. Send less.")


def _is_scalar(value: object) -> bool:
    if isinstance(value, bool | str):
        return isinstance(value, bool) or is_text(value)
    # A longer integer is written by nobody; of floats, JSON has only the finite ones.
    return isinstance(value, int | float) and abs(value) < 1e300


def subject_of(route: CompiledRoute, facts: Facts, request_id: str) -> str:
    """Who is hashed to a bucket: what the route sticks to; where that is not known, the request itself."""
    subject = None if route.sticky == "request" else getattr(facts, route.sticky)
    return subject or request_id


def metadata_of(
    route: CompiledRoute, facts: Facts, request_id: str, trace: str
) -> tuple[dict[str, Scalar], dict[str, Scalar]]:
    """The metadata to send, in order, and what found no room.

    First the trace, then the keys that the route's graph reads, then tenant, project and intent, then the caller's own.
    """
    read = route.metadata_keys
    own = {"tenant_id": facts.tenant, "project": facts.project, "intent": facts.intent, "trace": trace}
    if "tier" in read:
        own["tier"] = facts.tier or route.tier
    if "user_id" in read:
        own["user_id"] = facts.user
    if "bucket" in read:
        own["bucket"] = facts.arm or bucket_of(route.name, subject_of(route, facts, request_id))
    known = {**facts.metadata, **{key: value for key, value in own.items() if value is not None}}
    told: dict[str, Scalar] = {}
    for key in ("trace", *read, *_TOLD_LAST, *facts.metadata):
        if key in known:
            told[key] = known[key]
    if len(told) <= MOST_KEYS:
        return told, {}
    items = list(told.items())
    return dict(items[:MOST_KEYS]), dict(items[MOST_KEYS:])


def check_arm(route: CompiledRoute, arm: str) -> None:
    """Raises InputError for an arm that the route has not."""
    if not isinstance(arm, str) or arm not in route.arms:
        raise InputError(f'the route "{route.name}" has no arm {shown(arm)}. {did_you_mean(arm, route.arms)}')


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The nearest known name as a question, else all that are known."""
    known = sorted(known)
    near = difflib.get_close_matches(name[:100], known, 1) if isinstance(name, str) else []
    return f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known) or 'none'}."
