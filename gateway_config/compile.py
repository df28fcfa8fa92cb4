"""Config → graphs. The compiler of a route is a tuple of passes, each of which adds one idea, from the end to the start.

Order of a request's way: arm choice (buckets, else percentages) → arm → fallbacks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway_config.compiled import CompiledConfig, CompiledRoute, CompiledTarget
from gateway_config.config import GatewayConfig, Route, Target
from gateway_config.decide import METADATA_PREFIX
from gateway_config.graph import CONDITIONAL, END, MODEL, RATE, START, Element, Graph, digest, graph_digest
from gateway_config.kinds import KINDS
from gateway_config.splits import split_elements
from gateway_config.wire import to_wire

FIRST_BYTE_MS = 30_000
RETRIES = 0
_END = "end"
_PARAMETERS = ("temperature", "max_tokens")


@dataclass(slots=True)
class Draft:
    """A route that is being compiled: `entry` is where the part that is done begins, `beyond` where a failed arm goes."""

    name: str
    route: Route
    config: GatewayConfig
    entry: str = _END
    beyond: str = _END
    elements: list[Element] = field(default_factory=list)
    targets: dict[str, CompiledTarget] = field(default_factory=dict)

    def add_model(self, id: str, target: Target, arm: str | None, beyond: str) -> None:
        """A model element; both of its ways are written, since the API requires both."""
        compiled = _target(self.config, target, arm)
        properties = {
            "provider": compiled.upstream,
            "model": compiled.model,
            "timeout": compiled.first_byte_ms,
            "retries": compiled.retries,
        }
        self.targets[id] = compiled
        self.elements.append(Element(id, MODEL, properties, {"success": _END, "fallback": beyond}))


def _target(config: GatewayConfig, target: Target, arm: str | None) -> CompiledTarget:
    model = config.file.models[target.model]
    return CompiledTarget(
        arm=arm,
        name=target.model,
        upstream=model.upstream,
        model=model.model,
        parameters={key: value for key in _PARAMETERS if (value := getattr(target, key)) is not None},
        price=model.price,
        first_byte_ms=target.first_byte_ms or FIRST_BYTE_MS,
        retries=RETRIES if target.retries is None else target.retries,
    )


# --- passes -------------------------------------------------------------------------------------------------------


def fallbacks(draft: Draft) -> None:
    """One chain that all arms share: `<route>.fallback.<model>` in the order of the YAML, then the end."""
    for target in reversed(draft.route.fallback):
        id = f"{draft.name}.fallback.{target.model}"
        draft.add_model(id, target, None, draft.beyond)
        draft.beyond = id


def arms(draft: Draft) -> None:
    """A model element for each arm: `<route>.<arm>`."""
    for arm in sorted(draft.route.arms):
        draft.add_model(f"{draft.name}.{arm}", draft.route.arms[arm], arm, draft.beyond)


def split(draft: Draft) -> None:
    """Buckets and percentages in front of the arms; nothing where there is one arm only."""
    shares = draft.route.shares()
    ids = {arm: f"{draft.name}.{arm}" for arm in shares}
    if len(shares) == 1:
        draft.entry = next(iter(ids.values()))
        return
    elements = split_elements(draft.name, shares, ids)
    draft.elements.extend(elements)
    draft.entry = elements[0].id


PASSES: tuple[Callable[[Draft], None], ...] = (fallbacks, arms, split)


# --- the whole ----------------------------------------------------------------------------------------------------


def compile_config(config: GatewayConfig) -> CompiledConfig:
    """The compiled config of a stage. The same meaning gives the same bytes, whatever the order in the YAML."""
    routes = {name: compile_route(name, config) for name in sorted(config.routes)}
    whole = digest(sorted(route.config_digest for route in routes.values()))
    return CompiledConfig(stage=config.stage, gateway_id=config.gateway_id, digest=whole, routes=routes)


def compile_route(name: str, config: GatewayConfig) -> CompiledRoute:
    """One route, through all passes."""
    draft = Draft(name, config.routes[name], config)
    for own in PASSES:
        own(draft)
    graph = _closed(draft)
    route, own_digest = draft.route, graph_digest(graph)
    return CompiledRoute(
        name=name,
        kind=route.kind,
        routed=KINDS[route.kind].routed,
        intents=tuple(sorted(route.intents)),
        elements=tuple(to_wire(graph)),
        targets={id: draft.targets[id] for id in sorted(draft.targets)},
        metadata_keys=_keys_read(graph),
        sticky=route.sticky,
        deadline_ms=route.deadline_ms,
        graph_digest=own_digest,
        config_digest=digest({"graph": own_digest, **_known_to_callers(draft)}),
        declared=str(config.route_sources[name].place(("arms",), key=True)),
    )


def _closed(draft: Draft) -> Graph:
    """The graph with its start and its end, in the order in which it is walked."""
    start = Element("start", START, {}, {"next": draft.entry})
    whole = Graph.of(start, *draft.elements, Element(_END, END))
    return Graph({element.id: element for element in whole.walk()})


def _keys_read(graph: Graph) -> tuple[str, ...]:
    """The metadata keys that the graph asks for, sorted."""
    keys = {key for element in graph.elements.values() for key in _keys_of(element)}
    return tuple(sorted(keys))


def _keys_of(element: Element) -> set[str]:
    if element.type == CONDITIONAL:
        return _paths(element.properties["conditions"])
    return {element.properties["key"].removeprefix(METADATA_PREFIX)} if element.type == RATE else set()


def _paths(conditions: Any) -> set[str]:
    if isinstance(conditions, Mapping):
        own = {key.removeprefix(METADATA_PREFIX) for key in conditions if key.startswith(METADATA_PREFIX)}
        return own.union(*(_paths(value) for key, value in conditions.items() if key in ("$and", "$or")))
    return set().union(*(_paths(item) for item in conditions)) if isinstance(conditions, list) else set()


def _known_to_callers(draft: Draft) -> dict[str, Any]:
    """What changes an answer and is not in the graph."""
    return {
        "kind": draft.route.kind,
        "parameters": {
            id: dict(target.parameters) for id, target in draft.targets.items() if target.parameters
        },
        "sticky": draft.route.sticky,
        "deadline_ms": draft.route.deadline_ms,
    }
