"""Rules about what a request carries: metadata keys, limits that count by them, cache keys made of fields."""

from __future__ import annotations

import string
import zoneinfo
from collections.abc import Iterator
from typing import Any

from gateway_config.compile import is_routed, keys_read
from gateway_config.compiled import MOST_KEYS, OPTIONAL_KEYS, wanted_keys
from gateway_config.conditions import comparisons, keys_of
from gateway_config.config import Cache, DateField, Route
from gateway_config.errors import GraphError
from gateway_config.problems import Severity
from gateway_config.rules.registry import Checked, Complaint, did_you_mean, rule
from gateway_config.telling.words import listed, value_words
from gateway_config.wire import from_wire

# What our client sends without being told; anything else is declared under `metadata` in gateway.yaml.
CARRIED = ("bucket", "intent", "project", "tenant_id", "tier", "trace", "user_id")
# How many routes a message names.
MOST_SHOWN = 3
SHORTEST_TTL_S, LONGEST_TTL_S = 60, 30 * 24 * 3600


@rule()
def unknown_metadata(checked: Checked) -> Iterator[Complaint]:
    """`when` and limits ask for metadata that requests carry, and that several of them can have in common."""
    known = {*CARRIED, *checked.config.file.metadata}
    for number, spend in enumerate(checked.config.file.gateway.spend_limits):
        if spend.per is not None and not _is_asked(spend.per, known):
            yield checked.in_gateway(("gateway", "spend_limits", number, "per"), _not_asked(spend.per, known))
    for view in checked.routes():
        for number, limit in enumerate(view.route.limits):
            if not _is_asked(limit.per, known):
                yield view.complaint(("limits", number, "per"), _not_asked(limit.per, known))
        for number, when in enumerate(view.route.when):
            for key in sorted(keys_of(when.if_)):
                if not _is_asked(key, known):
                    yield view.complaint(("when", number, "if"), _not_asked(key, known))


def _is_asked(key: str, known: set[str]) -> bool:
    return key in known and key != "trace"


def _not_asked(key: str, known: set[str]) -> str:
    if key == "trace":
        return 'every request has a "trace" of its own, so nothing can be asked or counted by it. Name another key.'
    hint = did_you_mean(key, known - {"trace"})
    return f'no request carries the metadata key "{key}". {hint} Others go under `metadata` in gateway.yaml.'


@rule(Severity.WARNING)
def metadata_type(checked: Checked) -> Iterator[Complaint]:
    """What our client sends of itself are texts, so a `when` compares these keys with texts."""
    for view in checked.routes():
        for number, when in enumerate(view.route.when):
            for key, value in comparisons(when.if_):
                if key in CARRIED and not isinstance(value, str):
                    words = value_words(value)
                    message = (
                        f'"{key}" is sent as a text, and is never the same as {words}. Write "{words}", in quotes.'
                    )
                    yield view.complaint(("when", number, "if", key), message)


@rule(Severity.WARNING)
def spend_limit_key(checked: Checked) -> Iterator[Complaint]:
    """A spend limit counts by a key that the requests of every route carry; those without it are not counted by it."""
    known = {*CARRIED, *checked.config.file.metadata}
    for number, spend in enumerate(checked.config.file.gateway.spend_limits):
        if spend.per is None or not _is_asked(spend.per, known):
            continue
        without = [
            f'"{view.name}"'
            for view in checked.routes()
            if spend.per not in wanted_keys(_needed(view.route))[:MOST_KEYS]
        ]
        if without:
            more = [f"{len(without) - MOST_SHOWN} more"] if len(without) > MOST_SHOWN else []
            routes = listed([*without[:MOST_SHOWN], *more])
            message = (
                f'the requests of {routes} do not carry "{spend.per}", so this limit does not count them. Use '
                f"{listed(OPTIONAL_KEYS, 'or')}, which are sent where there is room, or a limit without `per`."
            )
            yield checked.in_gateway(("gateway", "spend_limits", number, "per"), message)


@rule()
def metadata_budget(checked: Checked) -> Iterator[Complaint]:
    """A route needs at most five metadata keys, the trace among them; Cloudflare drops what comes after."""
    for view in checked.routes():
        asking = [key for key in ("when", "limits", "elements") if getattr(view.route, key)]
        needed = ["trace", *sorted(_needed(view.route))] if asking else []
        if is_routed(view.route) and len(needed) > MOST_KEYS:
            keys = f"{len(needed)} metadata keys ({', '.join(needed)})"
            way_on = f"Ask for fewer in {listed(f'`{key}`' for key in asking)}."
            yield view.complaint(
                tuple(asking[:1]), f'"{view.name}" needs {keys}; Cloudflare keeps {MOST_KEYS}. {way_on}'
            )


def _needed(route: Route) -> set[str]:
    if route.elements is not None:
        return _asked_verbatim(route.elements)
    keys = {limit.per for limit in route.limits} | {key for when in route.when for key in keys_of(when.if_)}
    split = any(len(split) > 1 for split in route.splits().values())
    return keys | ({"bucket"} if split else set()) | ({"tier"} if route.tiers and len(route.tiers) > 1 else set())


def _asked_verbatim(elements: list[dict[str, Any]]) -> set[str]:
    try:
        return {*keys_read(from_wire(elements))} - {"trace"}
    except GraphError:
        return set()


@rule(tunable=False)
def metadata_reserved(checked: Checked) -> Iterator[Complaint]:
    """Declared metadata keys are not those that our client sends by itself."""
    for number, key in enumerate(checked.config.file.metadata):
        if key in CARRIED or key in ("any", "all"):
            message = f'"{key}" has a meaning already. Choose another key, or leave it out here.'
            yield checked.in_gateway(("metadata", number), message)


@rule()
def limit_two_doors(checked: Checked) -> Iterator[Complaint]:
    """A route with limits has one door: in the front door its copy would count for itself."""
    door = checked.config.file.front_door
    for view in checked.routes():
        if door is not None and view.route.limits and is_routed(view.route) and view.route.intents:
            message = (
                f'"{view.name}" can be called by its own name and through the front door "{door.name}", '
                "and each would count for itself. Allow it here with a reason, or use the gateway's `rate_limit`."
            )
            yield view.complaint(("limits",), message)


@rule()
def cache_ttl(checked: Checked) -> Iterator[Complaint]:
    """A cached answer lives for a minute at least and a month at most; Cloudflare takes nothing else."""
    for view in checked.routes():
        cache = view.route.cache
        if cache is not None and not SHORTEST_TTL_S <= cache.ttl_s <= LONGEST_TTL_S:
            message = f"a cached answer lives {SHORTEST_TTL_S} to {LONGEST_TTL_S:,} seconds; found {cache.ttl_s:,}."
            yield view.complaint(("cache", "ttl_s"), message)


@rule()
def cache_fields(checked: Checked) -> Iterator[Complaint]:
    """A cache key names fields that are declared, all of them, and with a time zone that exists."""
    for view in checked.routes():
        for path, message in _cache_complaints(view.route.cache) if view.route.cache else ():
            yield view.complaint(("cache", *path), message)


def _cache_complaints(cache: Cache) -> Iterator[tuple[tuple[str, ...], str]]:
    try:
        found = [(name, form, way) for _, name, form, way in string.Formatter().parse(cache.key) if name is not None]
    except ValueError as error:
        yield ("key",), f"the key is a text with fields in braces, such as daily_{{date}}: {error}."
        return
    if "{{" in cache.key or "}}" in cache.key or any(form or way for _, form, way in found):
        yield ("key",), "a field stands in braces by itself, such as {date}: no form behind it, and no doubled braces."
        return
    named = {name for name, _, _ in found}
    for name in sorted(named - set(cache.fields)):
        yield ("key",), f'the field "{name}" is not declared under `fields`. {did_you_mean(name, cache.fields)}'
    for name in sorted(set(cache.fields) - named):
        yield ("fields", name), f'the key does not name the field "{name}", so all its values would share one answer.'
    for name, field in cache.fields.items():
        if isinstance(field, DateField) and not _is_zone(field.time_zone):
            yield ("fields", name, "time_zone"), f'"{field.time_zone}" is no time zone. Write one as Europe/Berlin.'


def _is_zone(name: str) -> bool:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        return False
    return True


@rule(Severity.WARNING)
def cache_shared(checked: Checked) -> Iterator[Complaint]:
    """Sharing answers between arms spoils the comparison, and between prompts it answers another question."""
    for view in checked.routes():
        cache = view.route.cache
        if cache is None:
            continue
        if "prompt" in cache.shared and not cache.fields:
            message = "prompts share their answers, and the key names no field: every request gets the first answer."
            yield view.complaint(("cache", "shared"), message)
        if "arm" in cache.shared and len(view.route.arms) > 1:
            message = f'the arms of "{view.name}" share their answers, so they cannot be compared.'
            yield view.complaint(("cache", "shared"), message)
