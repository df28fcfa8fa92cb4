"""Cache keys from the route's template: the same question, of the same route, arm, prompt and tenant, on the same day.

The gateway's cache is off; only a request that carries a key and a time to live is cached (facts 3.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from gateway_config.compiled import CompiledCache, CompiledDate
from gateway_config.graph import canonical_json
from gateway_config.runtime.bodies.chat import encoded, read_json
from gateway_config.runtime.errors import ClientError, InputError, MissingSettingError
from gateway_config.runtime.facts import did_you_mean, is_text, mapping_of, shown
from gateway_config.runtime.kinds.asking import STREAMED, Asking, chat_body
from gateway_config.runtime.sending.call import Call

_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def cache_headers(
    call: Call, asking: Asking, options: Mapping[str, Any], namespace: str, adapter: str | None
) -> dict[str, str]:
    """The headers that the gateway's cache obeys; none where the route has no cache. `adapter`: who speaks."""
    cache, fields, fresh = call.view.route.cache, options.get("cache"), options.get("fresh")
    if not isinstance(fresh, bool | None):
        raise InputError(f"fresh is true or false; found {shown(fresh)}.")
    if cache is None:
        if fields is not None:
            raise InputError(f'the route "{call.view.route.name}" has no cache. Add `cache` to its file.')
        return {}
    key = cache_key(call, cache, asking, mapping_of("cache", fields), namespace, adapter)
    headers = {"cf-aig-cache-key": key, "cf-aig-cache-ttl": str(cache.ttl_s)}
    return unread(headers) if fresh else headers


def unread(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers for a request that must not be answered from the cache."""
    return {**headers, "cf-aig-skip-cache": "true"} if "cf-aig-cache-key" in headers else dict(headers)


def raise_cold(failed: Mapping[int, ClientError], count: int) -> None:
    """Raises the first error of inputs that could not be warmed, with the numbers of all of them, from 1."""
    for error in failed.values():
        numbers = ", ".join(map(str, failed))
        error.args = (f"{len(failed)} of {count} inputs were not warmed (number {numbers}); the first: {error}",)
        raise error


def pairs_of(inputs: object) -> list[tuple[str, Mapping[str, str]]]:
    """The inputs to warm, each a text with its fields. Raises InputError."""
    if not isinstance(inputs, Iterable) or isinstance(inputs, str | Mapping):
        raise InputError(f"what to warm is a list of pairs of a text and its fields; found {shown(inputs)}.")
    pairs: list[tuple[str, Mapping[str, str]]] = []
    for number, pair in enumerate(inputs, 1):
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise InputError(f"input {number} to warm is a pair of a text and its fields; found {shown(pair)}.")
        pairs.append((pair[0], pair[1]))
    return pairs


def cache_key(
    call: Call,
    cache: CompiledCache,
    asking: Asking,
    fields: Mapping[str, str],
    namespace: str,
    adapter: str | None = None,
) -> str:
    """`<namespace>:<route>:<arm>:<tenant>:<prompt hash>:<template>`; what is shared stands as a hyphen.

    Arms that share their answers do so within a tier: who asks the frontier is not answered from the edge. Tenants
    do so within an adapter. The hash covers what is sent, the arm's own prompt and parameters included. Raises
    InputError for what cannot be sent.
    """
    sent = chat_body(asking, call.view.target(call.assigned))
    asked = {key: value for key, value in sent.items() if key not in STREAMED} | {"summary": asking.summary}
    spoken = f"+{adapter}" if adapter else ""
    around = {
        "arm": (call.assigned_arm or "") + spoken,
        "tenant": call.facts.tenant or "",
        "prompt": hashlib.sha256(canonical_json(read_json(encoded(asked))).encode()).hexdigest()[:16],
    }
    instead = {"arm": f"-{call.tier or ''}{spoken}"}
    parts = [quote(instead.get(name, "-") if name in cache.shared else own, safe="-") for name, own in around.items()]
    return ":".join([quote(namespace, safe=""), call.view.route.name, *parts, rendered(cache, fields)])


def rendered(cache: CompiledCache, fields: Mapping[str, str], at: datetime | None = None) -> str:
    """The template with its fields. Raises InputError for a field that is missing, or not declared."""
    if unknown := fields.keys() - cache.fields.keys():
        raise InputError(f"the cache key has no field {min(unknown)!r}. {did_you_mean(min(unknown), cache.fields)}")
    key = _FIELD.sub(lambda match: _value(match.group(1), cache, fields, at), cache.key)
    if "{" in key or "}" in key:  # values are quoted, so these are the template's own
        raise InputError(
            f'the template "{cache.key}" has braces that hold no field: all its values would share one key.'
        )
    return key


def _value(name: str, cache: CompiledCache, fields: Mapping[str, str], at: datetime | None) -> str:
    """A field as it stands in the key: as it was given, and a day in its declared form; today's, where none was."""
    given, declared = fields.get(name), cache.fields.get(name)
    if name in fields and (not is_text(given) or not given):
        raise InputError(f'the field "{name}" of the cache key is a text that is not empty; found {shown(given)}.')
    if isinstance(declared, CompiledDate):
        return quote(_today(declared, at) if given is None else _day(name, given, declared), safe="")
    if given is None:
        raise InputError(f'the cache key needs the field "{name}". Give it with cache={{"{name}": "…"}}.')
    return quote(given, safe="")


def _today(declared: CompiledDate, at: datetime | None) -> str:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # only keys with a date need it

    try:
        zone = ZoneInfo(declared.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f'this machine knows no time zone "{declared.time_zone}". Install the package tzdata.'
        raise MissingSettingError(message) from None
    return (at or datetime.now(UTC)).astimezone(zone).strftime(declared.form)


def _day(name: str, given: str, declared: CompiledDate) -> str:
    """A day that a caller gives, as the declared form writes it: two ways to write one day would be two answers."""
    if not _can_be_read(declared.form):
        return given
    try:
        return datetime.strptime(given, declared.form).strftime(declared.form)
    except ValueError:
        message = f'the field "{name}" of the cache key is a day written like {_today(declared, None)}; found'
        raise InputError(f"{message} {shown(given)}.") from None


def _can_be_read(form: str) -> bool:
    """Whether Python reads what this form writes; some directives (%-d) are written only."""
    day = datetime(2026, 2, 9)
    try:
        datetime.strptime(day.strftime(form), form)
    except ValueError:
        return False
    return True
