"""Config → graphs. The compiler of a route is a tuple of passes; each adds one idea in front of what is there already.

A request meets them the other way round: when → limits → tier → split → arm → fallback.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gateway_config.collection import without_collection
from gateway_config.compiled import (
    KEPT,
    TIERS,
    CompiledCache,
    CompiledConfig,
    CompiledDate,
    CompiledPrice,
    CompiledRoute,
    CompiledTarget,
    Tier,
)
from gateway_config.conditions import METADATA, keys_asked, to_cloudflare
from gateway_config.config import Cache, GatewayConfig, Limit, Model, Route, Split, Target, shares
from gateway_config.graph import (
    CONDITIONAL,
    END,
    MODEL,
    RATE,
    START,
    Element,
    Graph,
    canonical_json,
    digest,
    graph_digest,
)
from gateway_config.kinds import KINDS
from gateway_config.splits import split_elements
from gateway_config.wire import from_wire, to_wire

STOP = "stop"
_END = "end"
PARAMETERS = ("temperature", "top_p", "max_tokens", "reasoning_effort", "reasoning_summary")
# The order in which keys that a graph reads are sent; others follow by name.
_FIRST_KEYS = ("bucket", "tier", "intent")


@dataclass(slots=True)
class Draft:
    """A route while it is compiled: `entry` is where the part that is done begins, `beyond` where a failed arm goes."""

    name: str
    route: Route
    config: GatewayConfig
    prices: Mapping[str, CompiledPrice | None]
    entry: str = _END
    beyond: str = _END
    elements: list[Element] = field(default_factory=list)
    targets: dict[str, CompiledTarget] = field(default_factory=dict)

    def put_in_front(self, element: Element) -> None:
        self.elements.append(element)
        self.entry = element.id

    def add_model(self, id: str, target: Target, beyond: str, arm: str | None = None) -> None:
        """A model element, once; both of its ways are written, since the API requires both."""
        if id in self.targets:
            return
        compiled = self.targets[id] = _target(self, target, arm)
        properties = {
            "provider": compiled.upstream,
            "model": compiled.model,
            "timeout": compiled.first_byte_ms,
            "retries": compiled.retries,
        }
        self.elements.append(Element(id, MODEL, properties, {"success": _END, "fallback": beyond}))


def _target(draft: Draft, target: Target, arm: str | None) -> CompiledTarget:
    file = draft.config.file
    model = file.models[target.model]
    return CompiledTarget(
        arm=arm,
        tier=_tier_of(draft.route, arm),
        name=target.model,
        upstream=model.upstream,
        model=model.model,
        parameters={key: value for key in PARAMETERS if (value := getattr(target, key)) is not None},
        prompt=file.prompts[target.prompt].system if target.prompt else None,
        adapter=target.adapter,
        price=draft.prices[target.model],
        first_byte_ms=target.first_byte_ms or file.defaults.first_byte_ms,
        retries=file.defaults.retries if target.retries is None else target.retries,
    )


def _price(model: Model) -> CompiledPrice | None:
    return CompiledPrice(**dict(model.price)) if model.price is not None else None


def _tier_of(route: Route, arm: str | None) -> Tier | None:
    if arm is None or route.tiers is None:
        return None
    return next((tier for tier in TIERS if arm in route.tiers.get(tier, {})), None)


# --- passes -----------------------------------------------------------------------------------------------------------


def verbatim(draft: Draft) -> None:
    """A graph that was made elsewhere, under ids of its own, so that a front door can hold several."""
    if draft.route.elements is None:
        return
    graph = _read_verbatim(draft.route)
    names = {id: _END if element.type == END else f"{draft.name}.{id}" for id, element in graph.elements.items()}
    draft.entry = names[graph.start.id] = names[graph.start.outputs["next"]]
    for element in graph.elements.values():
        outputs = {label: names[target] for label, target in element.outputs.items()}
        if element.type not in (START, END):
            draft.elements.append(replace(element, id=names[element.id], outputs=outputs))
        if element.type == MODEL:
            draft.targets[names[element.id]] = _verbatim_target(draft, element)


def _read_verbatim(route: Route) -> Graph:
    """The graph of verbatim elements, in the order in which they are written, their keys in one order."""
    return from_wire(json.loads(canonical_json(route.elements)))


def _verbatim_target(draft: Draft, element: Element) -> CompiledTarget:
    """What is known of a model element made elsewhere: the model of gateway.yaml with its id, if there is one."""
    properties = element.properties
    upstream, model = str(properties.get("provider", "")), str(properties.get("model", ""))
    models = draft.config.file.models
    same = [name for name, own in models.items() if (own.upstream, own.model) == (upstream, model)]
    return CompiledTarget(
        name=same[0] if same else model,
        upstream=upstream,
        model=model,
        price=draft.prices[same[0]] if same else None,
        first_byte_ms=properties.get("timeout", 0),
        retries=properties.get("retries", 0),
    )


def fallbacks(draft: Draft) -> None:
    """One chain that all arms share: `<route>.fallback.<model>` in the order of the YAML, then the end."""
    chain = draft.route.fallback
    for number, target in reversed(list(enumerate(chain))):
        earlier = sum(other.model == target.model for other in chain[:number])
        id = f"{draft.name}.fallback.{target.model}" + (f".{earlier + 1}" if earlier else "")
        draft.add_model(id, target, draft.beyond)
        draft.beyond = id


def arms(draft: Draft) -> None:
    """A model element for each arm: `<route>.<arm>`."""
    for arm in sorted(draft.route.arms):
        draft.add_model(f"{draft.name}.{arm}", draft.route.arms[arm], draft.beyond, arm)


def splits_and_tiers(draft: Draft) -> None:
    """Buckets and percentages in front of the arms, for each tier that the route has, and the choice of the tier."""
    route = draft.route
    if route.tiers is None:
        if route.arms:
            draft.entry = _split(draft, draft.name, route.split or dict.fromkeys(route.arms, 100))
        return
    default = default_tier(draft.config, route)
    entries = {tier: _split(draft, f"{draft.name}.{tier}", route.tiers[tier]) for tier in TIERS if tier in route.tiers}
    draft.entry = entries.pop(default)
    for tier, entry in entries.items():
        asked = {"conditions": {METADATA + "tier": {"$eq": tier}}}
        ways = {"true": entry, "false": draft.entry}
        draft.put_in_front(Element(f"{draft.name}.tier.{tier}", CONDITIONAL, asked, ways))


def _split(draft: Draft, prefix: str, split: Split) -> str:
    """The entry of one split; the arm itself where there is only one."""
    ids = {arm: f"{draft.name}.{arm}" for arm in split}
    if len(split) == 1:
        return next(iter(ids.values()))
    elements = split_elements(prefix, shares(split), ids)
    draft.elements.extend(elements)
    return elements[0].id


def limits(draft: Draft) -> None:
    """Rate elements, the first one in front. Beyond a limit: a model, `<route>.beyond.<model>`, or the end."""
    for number, limit in reversed(list(enumerate(draft.route.limits, 1))):
        beyond = _beyond(draft, limit)
        ways = {"success": draft.entry, "fallback": beyond}
        draft.put_in_front(Element(f"{draft.name}.limit.{number}", RATE, _rate(limit), ways))


def _beyond(draft: Draft, limit: Limit) -> str:
    if limit.then == STOP:
        return _END
    id = f"{draft.name}.beyond.{limit.then}"
    draft.add_model(id, Target(model=limit.then), _END)
    return id


def _rate(limit: Limit) -> dict[str, Any]:
    # The unit of a cost limit is not documented; spend limits are in dollars, so dollars are sent.
    counted = ("count", limit.requests) if limit.cost_usd is None else ("cost", float(limit.cost_usd))
    key = METADATA + limit.per
    return {"limitType": counted[0], "key": key, "limit": counted[1], "window": limit.window_s}


def conditions(draft: Draft) -> None:
    """A conditional for each `when`, the first one in front, straight to its arm."""
    for number, when in reversed(list(enumerate(draft.route.when, 1))):
        asked = {"conditions": to_cloudflare(when.if_)}
        ways = {"true": f"{draft.name}.{when.arm}", "false": draft.entry}
        draft.put_in_front(Element(f"{draft.name}.when.{number}", CONDITIONAL, asked, ways))


PASSES: tuple[Callable[[Draft], None], ...] = (verbatim, fallbacks, arms, splits_and_tiers, limits, conditions)


# --- the whole --------------------------------------------------------------------------------------------------------


@without_collection()
def compile_config(config: GatewayConfig) -> CompiledConfig:
    """The compiled config of a stage. The same meaning gives the same bytes, whatever the order in the YAML."""
    file = config.file
    prices = {name: _price(model) for name, model in file.models.items()}
    routes: dict[str, CompiledRoute] = {}
    drafts: dict[str, Draft] = {}
    for name in sorted(config.routes):
        draft = _drafted(name, config, prices)
        routes[name] = _compiled(draft)
        if file.front_door is not None:
            drafts[name] = draft
    if file.front_door is not None:
        routes[file.front_door.name] = _front_door(config, drafts)
    return CompiledConfig(
        stage=config.stage,
        gateway_id=config.gateway_id,
        digest=digest(sorted(route.config_digest for route in routes.values())),
        routes=dict(sorted(routes.items())),
        front_door=file.front_door.name if file.front_door else None,
        projects={name: tuple(sorted(set(project.intents))) for name, project in sorted(file.projects.items())},
        tenants={
            name: {file.adapters[adapter].model: adapter for adapter in sorted(tenant.adapters)}
            for name, tenant in sorted(file.tenants.items())
        },
    )


def _drafted(name: str, config: GatewayConfig, prices: Mapping[str, CompiledPrice | None]) -> Draft:
    draft = Draft(name, config.routes[name], config, prices)
    for own in PASSES:
        own(draft)
    return draft


def _compiled(draft: Draft) -> CompiledRoute:
    route, file = draft.route, draft.config.file
    graph = _closed(draft.entry, draft.elements) if route.elements is None else _read_verbatim(route)
    prefix = "" if route.elements is None else f"{draft.name}."
    return _with_digests(
        graph,
        name=draft.name,
        kind=route.kind,
        routed=is_routed(route),
        intents=tuple(sorted(set(route.intents))),
        targets={id.removeprefix(prefix): draft.targets[id] for id in sorted(draft.targets)},
        sticky=route.sticky or file.defaults.sticky,
        deadline_ms=route.deadline_ms or file.defaults.deadline_ms,
        tier=default_tier(draft.config, route) if route.tiers else None,
        cache=_cache(route.cache) if route.cache else None,
        records=tuple(part for part in KEPT if part in route.records),
        declared=str(draft.config.route_sources[draft.name].place(("arms",), key=True)),
    )


def _cache(cache: Cache) -> CompiledCache:
    fields = {name: CompiledDate(**dict(own)) if own != "text" else own for name, own in sorted(cache.fields.items())}
    return CompiledCache(key=cache.key, fields=fields, ttl_s=cache.ttl_s, shared=tuple(sorted(cache.shared)))


def is_routed(route: Route) -> bool:
    """Whether Cloudflare serves the route as a dynamic route; otherwise the runtime decides."""
    return KINDS[route.kind].routed and not route.direct


def default_tier(config: GatewayConfig, route: Route) -> Tier:
    """The tier of a request that names none."""
    return route.tier or config.file.tier


def _front_door(config: GatewayConfig, drafts: Mapping[str, Draft]) -> CompiledRoute:
    """The route that asks for the intent and goes on inside the graph of the route that claims it."""
    door = config.file.front_door
    assert door is not None
    inner = [draft for draft in drafts.values() if is_routed(draft.route) and _is_behind(door.otherwise, draft)]
    entry = drafts[door.otherwise].entry if door.otherwise else _END
    elements = [element for draft in inner for element in draft.elements]
    for draft in reversed([draft for draft in inner if draft.route.intents]):
        asked = {"conditions": {METADATA + "intent": {"$in": sorted(set(draft.route.intents))}}}
        ways = {"true": draft.entry, "false": entry}
        entry = f"{door.name}.to.{draft.name}"
        elements.append(Element(entry, CONDITIONAL, asked, ways))
    return _with_digests(
        _closed(entry, elements),
        name=door.name,
        kind="chat",
        routed=True,
        intents=(),
        targets={id: target for draft in inner for id, target in sorted(draft.targets.items())},
        sticky=config.file.defaults.sticky,
        deadline_ms=max([config.file.defaults.deadline_ms, *(d.route.deadline_ms or 0 for d in inner)]),
        declared=str(config.gateway_source.place(("front_door",), key=True)),
    )


def _is_behind(otherwise: str | None, draft: Draft) -> bool:
    return bool(draft.route.intents) or draft.name == otherwise


def _closed(entry: str, elements: Iterable[Element]) -> Graph:
    """The graph with its start and its end, in the order in which it is walked."""
    return Graph.of(Element("start", START, {}, {"next": entry}), *elements, Element(_END, END)).ordered()


def _with_digests(graph: Graph, **fields: Any) -> CompiledRoute:
    own = graph_digest(graph)
    return CompiledRoute(
        elements=tuple(to_wire(graph)),
        metadata_keys=keys_read(graph),
        graph_digest=own,
        config_digest=digest({"graph": own, **_known_to_callers(fields)}),
        **fields,
    )


def _known_to_callers(fields: Mapping[str, Any]) -> dict[str, Any]:
    """What changes an answer and is not in the graph. Prices, owners, dates and what records keep do not."""
    cache = fields.get("cache")
    sent = {id: _sent_along(target) for id, target in fields["targets"].items()}
    return {
        "kind": fields["kind"],
        "routed": fields["routed"],
        "targets": {id: own for id, own in sent.items() if own},
        "sticky": fields["sticky"],
        "deadline_ms": fields["deadline_ms"],
        "tier": fields.get("tier"),
        "cache": asdict(cache) if cache else None,
    }


def _sent_along(target: CompiledTarget) -> dict[str, Any]:
    own = {"parameters": dict(target.parameters), "prompt": target.prompt, "adapter": target.adapter}
    return {key: value for key, value in own.items() if value}


def keys_read(graph: Graph) -> tuple[str, ...]:
    """The metadata keys that a graph asks for, in the order in which they are sent."""
    asking = [element for element in graph.elements.values() if element.type in (CONDITIONAL, RATE)]
    keys = set[str]().union(*map(_keys_of, asking))
    return (*[key for key in _FIRST_KEYS if key in keys], *sorted(keys.difference(_FIRST_KEYS)))


def _keys_of(element: Element) -> set[str]:
    if element.type == CONDITIONAL:
        return keys_asked(element.properties.get("conditions"))
    key = element.properties.get("key", "")
    return {key.removeprefix(METADATA)} if isinstance(key, str) and key.startswith(METADATA) else set()
