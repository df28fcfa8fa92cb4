"""The compiled config as the client looks at it: routes by intent, targets by model, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway_config.compiled import CompiledConfig, CompiledPrice, CompiledRoute, CompiledTarget
from gateway_config.decide import Decision, decide, distribution
from gateway_config.graph import RATE, Graph
from gateway_config.runtime.answer import ServedBy
from gateway_config.runtime.errors import KindMismatchError, UnknownIntentError
from gateway_config.runtime.facts import Scalar, did_you_mean, shown

# How each kind of model is asked.
METHODS: Mapping[str, str] = {
    "chat": "ask(…), without images",
    "vision": "ask(…)",
    "image": "image(…), or `gatewright image`",
    "embed": "embed(…), or `gatewright embed`",
    "rerank": "rerank(…)",
    "transcribe": "transcribe(…), or `gatewright transcribe`",
    "speak": "speak(…), or `gatewright speak`",
    "classify": "classify(…)",
}


class RouteView:
    """One compiled route with what is worked out once: its graph, and its targets by upstream and model."""

    def __init__(self, route: CompiledRoute) -> None:
        self.route = route
        self.graph: Graph = route.graph
        self.by_model: dict[tuple[str, str], list[str]] = {}
        for id, target in route.targets.items():
            self.by_model.setdefault((target.upstream, target.model), []).append(id)
        self._limits = tuple(element.id for element in self.graph.elements.values() if element.type == RATE)

    def assigned(self, metadata: Mapping[str, Scalar]) -> str | None:
        """The model element that this metadata means, or None where only a draw at Cloudflare's can tell."""
        return decide(self.graph, metadata).model

    def chain(self, metadata: Mapping[str, Scalar], exhausted: tuple[str, ...] = ()) -> list[str]:
        """The model elements in the order in which they are tried: the arm, then its fallbacks."""
        chain: list[str] = []
        while (decision := self._next(metadata, chain, exhausted)).model is not None:
            chain.append(decision.model)
        return chain

    def _next(self, metadata: Mapping[str, Scalar], failing: list[str], exhausted: tuple[str, ...]) -> Decision:
        return decide(self.graph, metadata, failing=failing, exhausted=exhausted)

    def possible(self, metadata: Mapping[str, Scalar]) -> set[str]:
        """Every model element that may rightly answer: the arm, its fallbacks, and what a limit leads to."""
        drawn = distribution(self.graph, metadata)
        if None in drawn:
            # The way ends, or stops at a condition that only Cloudflare can evaluate: any of the route may answer.
            return set(self.route.targets)
        known = {id for id in drawn if id is not None}
        return known.union(self.chain(metadata), self.chain(metadata, self._limits))

    def target(self, element: str | None) -> CompiledTarget | None:
        return self.route.targets.get(element) if element is not None else None

    def price(self, served: ServedBy) -> CompiledPrice | None:
        """The price of the model that served, where it is one of this route and has one."""
        targets = self.route.targets
        known = targets.get(served.element or "") or next((t for t in targets.values() if t.name == served.name), None)
        return known.price if known is not None else None

    def served_by(self, upstream: str | None, model: str | None, assigned: str | None) -> ServedBy:
        """Who answered, from the headers; of several elements with one model the assigned one, else none."""
        if not upstream or not model:
            return ServedBy(upstream, model)
        # Both spellings exist: "@cf/…" and, since logs were standardised in September 2026, "workers-ai/@cf/…".
        bare = model.removeprefix(f"{upstream}/")
        ids = self.by_model.get((upstream, bare), [])
        if not ids:
            return ServedBy(upstream, bare)
        element = assigned if assigned in ids else ids[0] if len(ids) == 1 else None
        return self._served(upstream, bare, ids, element)

    def _served(self, upstream: str, bare: str, ids: list[str], element: str | None) -> ServedBy:
        target = self.route.targets[element or ids[0]]
        return ServedBy(upstream, bare, element, target.arm if element else None, target.name)


class ConfigView:
    """A compiled config; replaced as a whole when another is published."""

    def __init__(self, config: CompiledConfig) -> None:
        self.config = config
        self.routes = {name: RouteView(route) for name, route in config.routes.items()}
        self._by_intent = {intent: self.routes[route] for intent, route in config.intents.items()}

    def route_of(self, intent: str, kinds: Sequence[str]) -> RouteView:
        """The route of an intent, if it is of one of these kinds; UnknownIntentError names the nearest intents."""
        view = self._by_intent.get(intent) if isinstance(intent, str) else None
        if view is None:
            near = did_you_mean(intent, self._by_intent)
            raise UnknownIntentError(f"no route serves the intent {shown(intent)}. {near}")
        if view.route.kind not in kinds:
            kind, name = view.route.kind, view.route.name
            raise KindMismatchError(f'"{intent}" is served by the {kind} route "{name}": use client.{METHODS[kind]}.')
        return view
