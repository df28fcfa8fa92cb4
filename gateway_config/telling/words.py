"""Elements and their conditions in words, as `show`, `explain` and `diff` say them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gateway_config.buckets import BUCKETS
from gateway_config.conditions import METADATA
from gateway_config.graph import CONDITIONAL, MODEL, PERCENTAGE, RATE, Element, canonical_json

_GROUPS: Mapping[str, str] = {"$and": " and ", "$or": " or "}


def ranges(values: Iterable[Any]) -> str:
    """Values as a list, neighbouring buckets as ranges: `00–09, challenger`."""
    runs: list[list[Any]] = []
    for value in values:
        if runs and _follows(runs[-1][-1], value):
            runs[-1].append(value)
        else:
            runs.append([value])
    return ", ".join(value_words(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _follows(before: Any, value: Any) -> bool:
    return before in BUCKETS and value in BUCKETS and int(value) == int(before) + 1


def value_words(value: Any) -> str:
    """A metadata value as people write it: a text bare, `true` and `3` as in JSON."""
    return value if isinstance(value, str) else canonical_json(value)


def condition_words(conditions: Any) -> str:
    """A conditional's `conditions`: `tier is edge and plan is one of free, trial`."""
    if not isinstance(conditions, Mapping):
        return canonical_json(conditions)
    return " and ".join(_clause(key, wanted) for key, wanted in conditions.items())


def _clause(key: str, wanted: Any) -> str:
    if key in _GROUPS and isinstance(wanted, list):
        inner = [condition_words(item) for item in wanted]
        return inner[0] if len(inner) == 1 else f"({_GROUPS[key].join(inner)})"
    name = key.removeprefix(METADATA)
    tests = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    return " and ".join(f"{name} {_test(operator, value)}" for operator, value in tests.items())


def _test(operator: str, value: Any) -> str:
    if operator == "$in" and isinstance(value, list):
        return f"is {'' if len(value) == 1 else 'one of '}{ranges(value)}"
    return f"{ {'$eq': 'is', '$ne': 'is not'}.get(operator, operator) } {value_words(value)}"


def limit_words(properties: Mapping[str, Any]) -> str:
    """A rate element's limit: `at most 10 requests in 60 s for each tenant_id`."""
    unit = "requests" if properties.get("limitType") == "count" else "dollars"
    key = str(properties.get("key", "?")).removeprefix(METADATA)
    limit, window = value_words(properties.get("limit")), value_words(properties.get("window"))
    return f"at most {limit} {unit} in {window} s for each {key}"


def milliseconds(time_ms: Any) -> str:
    """A time in seconds: `8 s`, `2.5 s`."""
    return f"{time_ms / 1000:g} s" if isinstance(time_ms, int | float) else value_words(time_ms)


def patience(properties: Mapping[str, Any]) -> str:
    """How long a model element waits, and how often: `first byte within 8 s, 1 retry`."""
    retries = properties.get("retries")
    again = f", {retries} {'retry' if retries == 1 else 'retries'}" if retries else ""
    return f"first byte within {milliseconds(properties.get('timeout'))}{again}"


def element_words(element: Element) -> str:
    """What an element is, in a few words."""
    properties = element.properties
    if element.type == MODEL:
        return f"model {properties.get('model')} of {properties.get('provider')}"
    if element.type == CONDITIONAL:
        return f"asks whether {condition_words(properties.get('conditions'))}"
    if element.type == PERCENTAGE:
        return f"draws {listed(element.outputs)}"
    return limit_words(properties) if element.type == RATE else element.type


def counted(count: int, noun: str) -> str:
    """`1 route`, `2 routes`, `no routes`."""
    return f"{count or 'no'} {noun}{'' if count == 1 else 's'}"


def with_article(noun: str) -> str:
    """`a chat`, `an image`."""
    return f"{'an' if noun[:1] in 'aeiou' else 'a'} {noun}"


def listed(names: Iterable[str], joined: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    known: Sequence[str] = list(names)
    return f" {joined} ".join(filter(None, (", ".join(known[:-1]), *known[-1:])))
