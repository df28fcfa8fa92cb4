"""Cache keys from the route's template: the same question, of the same route, arm, prompt and tenant, on the same day.

The gateway's cache is off; only a request that carries a key and a time to live is cached (facts 3.2).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from gateway_config.compiled import CompiledCache, CompiledDate
from gateway_config.graph import canonical_json
from gateway_config.runtime.asking import Asking
from gateway_config.runtime.call import Call
from gateway_config.runtime.errors import ClientError, InputError
from gateway_config.runtime.facts import did_you_mean, is_text, mapping_of

_FIELD = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def cache_headers(call: Call, asking: Asking, options: Mapping[str, Any], namespace: str) -> dict[str, str]:
    """The headers that the gateway's cache obeys; none where the route has no cache."""
    cache, fields = call.view.route.cache, options.get("cache")
    if cache is None:
        if fields is not None:
            raise InputError(f'the route "{call.view.route.name}" has no cache. Add `cache` to its file.')
        return {}
    key = cache_key(call, cache, asking, mapping_of("cache", fields), namespace)
    headers = {"cf-aig-cache-key": key, "cf-aig-cache-ttl": str(cache.ttl_s)}
    return unread(headers) if options.get("fresh") else headers


def unread(headers: Mapping[str, str]) -> dict[str, str]:
    """The same headers for a request that must not be answered from the cache."""
    return {**headers, "cf-aig-skip-cache": "true"} if "cf-aig-cache-key" in headers else dict(headers)


def raise_cold(failed: Mapping[int, ClientError], count: int) -> None:
    """Raises the first error of inputs that could not be warmed, with the numbers of all of them, from 1."""
    for error in failed.values():
        numbers = ", ".join(map(str, failed))
        error.args = (f"{len(failed)} of {count} inputs were not warmed (number {numbers}); the first: {error}",)
        raise error


def cache_key(call: Call, cache: CompiledCache, asking: Asking, fields: Mapping[str, str], namespace: str) -> str:
    """`<namespace>:<route>:<arm>:<tenant>:<prompt hash>:<template>`; what is shared stands as a hyphen.

    Arms that share their answers do so within a tier: who asks the frontier is not answered from the edge.
    """
    said = canonical_json({"messages": list(asking.messages), "parameters": dict(asking.parameters)})
    around = {
        "arm": call.assigned_arm or "",
        "tenant": call.facts.tenant or "",
        "prompt": hashlib.sha256(said.encode()).hexdigest()[:16],
    }
    instead = {"arm": f"-{call.tier or ''}"}
    parts = [instead.get(name, "-") if name in cache.shared else quote(own, safe="") for name, own in around.items()]
    return ":".join([quote(namespace, safe=""), call.view.route.name, *parts, rendered(cache, fields)])


def rendered(cache: CompiledCache, fields: Mapping[str, str], at: datetime | None = None) -> str:
    """The template with its fields. Raises InputError for a field that is missing, or not declared."""
    if unknown := fields.keys() - cache.fields.keys():
        raise InputError(f"the cache key has no field {min(unknown)!r}. {did_you_mean(min(unknown), cache.fields)}")

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in fields:
            if not is_text(fields[name]):
                raise InputError(f'the field "{name}" of the cache key is a text.')
            return quote(str(fields[name]), safe="")
        declared = cache.fields.get(name)
        if isinstance(declared, CompiledDate):
            from zoneinfo import ZoneInfo  # only keys with a date need it

            return (at or datetime.now(UTC)).astimezone(ZoneInfo(declared.time_zone)).strftime(declared.form)
        raise InputError(f'the cache key needs the field "{name}". Give it with cache={{"{name}": "…"}}.')

    return _FIELD.sub(value, cache.key)
