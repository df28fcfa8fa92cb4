"""Strategies for hypothesis: configs without errors, graphs as Cloudflare would store them, and what requests carry."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import yaml
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from gateway_config.buckets import BUCKETS
from gateway_config.rules import RULES

Data = dict[str, Any]

steady = settings(derandomize=True, deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))

KEYS = ("plan", "country", "user_id", "tier", "intent", "bucket")
WORDS = ("free", "pro", "DE", "edge", "frontier", "chat", "talk", "arm0", "00", "42", "99")
scalars = st.one_of(st.sampled_from(WORDS), st.integers(-2, 2), st.booleans())
metadata = st.dictionaries(
    st.sampled_from(KEYS),
    st.one_of(scalars, st.sampled_from(BUCKETS), st.none(), st.floats(-2, 2), st.text(max_size=3)),
    max_size=5,
)


# --- configs as people write them -------------------------------------------------------------------------------------


def conditions() -> st.SearchStrategy[Data]:
    """What stands under `if`."""
    test = st.one_of(
        scalars,
        st.lists(scalars, min_size=1, max_size=3),
        st.fixed_dictionaries({"not": scalars}),
    )
    leaf = st.dictionaries(st.sampled_from(KEYS), test, min_size=1, max_size=2)
    return st.recursive(
        leaf,
        lambda inner: st.dictionaries(
            st.sampled_from(("any", "all")), st.lists(inner, min_size=1, max_size=3), min_size=1
        ),
        max_leaves=4,
    )


@st.composite
def splits(draw: st.DrawFn, arms: tuple[str, ...]) -> Data:
    """Shares that add to 100, one of them perhaps the rest."""
    borders = sorted(draw(st.lists(st.integers(0, 100), min_size=len(arms) - 1, max_size=len(arms) - 1)))
    values = [high - low for low, high in zip([0, *borders], [*borders, 100], strict=True)]
    split: Data = dict(zip(arms, values, strict=True))
    if draw(st.booleans()):
        split[draw(st.sampled_from(arms))] = "rest"
    return split


@st.composite
def targets(draw: st.DrawFn) -> Data:
    own: Data = {"model": draw(st.sampled_from(("small", "large")))}
    optional = {
        "first_byte_ms": st.integers(1, 600_000),
        "retries": st.integers(0, 5),
        "temperature": st.sampled_from((0, 1, 2)),
        "max_tokens": st.integers(1, 4096),
        "reasoning_effort": st.sampled_from(("low", "high")),
    }
    return own | draw(st.fixed_dictionaries({}, optional=optional))


@st.composite
def limits(draw: st.DrawFn) -> Data:
    counted: st.SearchStrategy[Data] = st.one_of(
        st.fixed_dictionaries({"requests": st.integers(1, 100)}),
        st.fixed_dictionaries({"cost_usd": st.sampled_from(("0.10", "2", "12.345"))}),
    )
    then = draw(st.sampled_from(("stop", "small", "large")))
    return {"per": draw(st.sampled_from(("user_id", "plan"))), "window_s": 60, "then": then, **draw(counted)}


@st.composite
def routes(draw: st.DrawFn, intent: str) -> Data:
    arms = tuple(f"arm{number}" for number in range(draw(st.integers(1, 6))))
    route: Data = {"version": 1, "kind": "chat", "intents": [intent, f"{intent}-too"]}
    route["arms"] = {arm: draw(targets()) for arm in arms}
    if len(arms) > 1 and draw(st.booleans()):
        cut = draw(st.integers(1, len(arms) - 1))
        route["tiers"] = {"edge": draw(splits(arms[:cut])), "frontier": draw(splits(arms[cut:]))}
    elif len(arms) > 1:
        route["split"] = draw(splits(arms))
    when = st.fixed_dictionaries({"if": conditions(), "arm": st.sampled_from(arms)})
    optional: dict[str, st.SearchStrategy[Any]] = {
        "when": st.lists(when, max_size=2),
        "limits": st.lists(limits(), max_size=2),
        "fallback": st.lists(st.one_of(st.sampled_from(("small", "large")), targets()), max_size=3),
        "sticky": st.sampled_from(("user", "tenant", "project", "request")),
        "cache": st.just({"key": "{a}_{b}", "fields": {"a": "text", "b": "text"}, "ttl_s": 60, "shared": ["tenant"]}),
        "records": st.sampled_from((["prompt"], ["prompt", "answer"])),
        "deadline_ms": st.integers(1, 600_000),
    }
    return route | draw(st.fixed_dictionaries({}, optional=optional))


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Data]:
    """A whole config by file: `gateway`, and a route for each other name. It has no errors."""
    names = ("chat", "talk", "think")[: draw(st.integers(1, 3))]
    models = {
        name: {"upstream": "workers-ai", "model": f"@cf/{name}", "kind": "chat", "price": None}
        for name in ("small", "large")
    }
    off = {"severity": "off", "reason": "generated configs are strange"}
    gateway: Data = {"version": 1, "gateway": {"id": "demo"}, "models": models, "metadata": ["plan", "country"]}
    gateway["rules"] = {id: off for id, rule in RULES.items() if rule.tunable}
    gateway["projects"] = {"shop": {"intents": list(names)}}
    door = draw(st.sampled_from((None, "ask", {"name": "ask", "otherwise": names[0]})))
    files = {"gateway": gateway | ({"front_door": door} if door else {})}
    return files | {name: draw(routes(name)) for name in names}


def as_json(files: Mapping[str, Data]) -> dict[str, str]:
    return {name: json.dumps(data) for name, data in files.items()}


def as_permuted_yaml(files: Mapping[str, Data], chance: random.Random) -> dict[str, str]:
    """The same files in another style, with all mappings and the files themselves in another order."""
    texts = {name: yaml.safe_dump(_permuted(data, chance), sort_keys=False) for name, data in files.items()}
    order = chance.sample(sorted(texts), len(texts))
    return {name: texts[name] for name in order}


def _permuted(value: Any, chance: random.Random) -> Any:
    if isinstance(value, dict):
        return {key: _permuted(value[key], chance) for key in chance.sample(list(value), len(value))}
    return [_permuted(item, chance) for item in value] if isinstance(value, list) else value


# --- graphs as Cloudflare would store them ----------------------------------------------------------------------------


def wire_conditions() -> st.SearchStrategy[Data]:
    """What a conditional element asks."""
    test = st.one_of(
        scalars,
        st.fixed_dictionaries({"$eq": scalars}),
        st.fixed_dictionaries({"$ne": scalars}),
        st.fixed_dictionaries({"$in": st.lists(st.one_of(scalars, st.none()), max_size=3)}),
    )
    leaf = st.dictionaries(st.sampled_from([f"metadata.{key}" for key in KEYS]), test, max_size=2)
    return st.recursive(
        leaf,
        lambda inner: st.dictionaries(st.sampled_from(("$and", "$or")), st.lists(inner, max_size=3), min_size=1),
        max_leaves=4,
    )


@st.composite
def elements(draw: st.DrawFn) -> list[Data]:
    """The elements of a graph without a circle, as the API takes them; after some models another is asked."""
    size = draw(st.integers(1, 12))
    ids = [f"e{number}" for number in range(size)]
    made = [{"id": "start", "type": "start", "outputs": {"next": {"elementId": draw(st.sampled_from([*ids, "end"]))}}}]
    for number, id in enumerate(ids):
        below = st.sampled_from([*ids[number + 1 :], "end"])
        made.append({"id": id, **draw(_element(below))})
    return [*made, {"id": "end", "type": "end", "outputs": {}}]


def _edges(below: st.SearchStrategy[str], *labels: str) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries({label: _edge(below) for label in labels})


def _edge(below: st.SearchStrategy[str]) -> st.SearchStrategy[Data]:
    return st.fixed_dictionaries({"elementId": below})


@st.composite
def _percentages(draw: st.DrawFn, below: st.SearchStrategy[str]) -> Data:
    borders = sorted(draw(st.sets(st.integers(1, 99), max_size=4)))
    parts = {high - low for low, high in zip([0, *borders], [*borders, 100], strict=True)}
    if sum(parts) != 100:
        parts = {100}
    return {f"{part}%": draw(_edge(below)) for part in sorted(parts)}


@st.composite
def _element(draw: st.DrawFn, below: st.SearchStrategy[str]) -> Data:
    type = draw(st.sampled_from(("conditional", "conditional", "percentage", "rate", "model")))
    if type == "conditional":
        asked = {"conditions": draw(wire_conditions())}
        return {"type": type, "properties": asked, "outputs": draw(_edges(below, "true", "false"))}
    if type == "percentage":
        return {"type": type, "outputs": draw(_percentages(below))}
    if type == "rate":
        limit = {"limitType": "count", "key": "metadata.user_id", "limit": 5, "window": 60}
        return {"type": type, "properties": limit, "outputs": draw(_edges(below, "success", "fallback"))}
    model = {"provider": "workers-ai", "model": draw(st.sampled_from(("@cf/a", "@cf/b"))), "timeout": 1, "retries": 0}
    ways = {"success": draw(st.one_of(st.just({"elementId": "end"}), _edge(below))), "fallback": draw(_edge(below))}
    return {"type": type, "properties": model, "outputs": ways}
