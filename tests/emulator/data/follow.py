"""Serving a dynamic route: its deployed version is walked, its models are tried."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.routes.models import Route, Routes
from tests.emulator.data.attempt import attempt
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Exchange
from tests.emulator.data.walk import Draw, Model, Question, Rate, Walk, Walker, walk
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.catalogue import WORKERS_AI
from tests.emulator.upstreams.chat import Completion
from tests.emulator.upstreams.reach import UpstreamFailed

RATE_WINDOWS = assumption("rate-windows", "Does a rate element count in fixed or sliding windows?", "fixed", "sliding")
RATE_SCOPE = assumption(
    "rate-across-versions",
    "Do counters of a rate element go on when another version is deployed?",
    "kept",
    "reset",
)
RATE_WITHOUT_KEY = assumption(
    "rate-without-key",
    "What does a rate element do with a request that lacks its key?",
    "shared",
    "unlimited",
)
CLIENT_ERRORS = assumption(
    "fallback-on-4xx",
    "Does a model element fall back when its model answers 4xx?",
    "falls-back",
    "returns-error",
)
MODEL_HEADER = assumption(
    "model-header", "Is cf-aig-model the model's id alone, or provider/model?", "model", "provider/model"
)


class Follower:
    """Answers the questions of one walk; keeps the last completion and its price."""

    def __init__(self, exchange: Exchange, route: Route, body: dict[str, Any]) -> None:
        self.exchange, self.route, self.body = exchange, route, body
        self.completion: Completion | None = None
        self.draws: list[int] = []
        self._counted: list[tuple[str, dict[str, Any]]] = []

    async def follow(self) -> Walk:
        elements = {element["id"]: element for element in self.route.deployed.elements}
        facts = {
            "metadata": self.exchange.metadata,
            "body": self.body,
            "headers": self.exchange.call.headers,
        }
        done = await self._drive(walk(elements, facts, self.exchange.world.assumes))
        trail = {"route": self.route.name, "elements": done.path, "draws": self.draws}
        self.exchange.call.trail.update(trail, models=[model.model for model in done.tried])
        self._settle()
        return done

    async def _drive(self, walker: Walker) -> Walk:
        try:
            question = next(walker)
            while True:
                question = walker.send(await self._answer(question))
        except StopIteration as end:
            done: Walk = end.value
            return done

    async def _answer(self, question: Question) -> int | bool:
        match question:
            case Draw():
                self.draws.append(self.exchange.world.chance.draw())
                return self.draws[-1]
            case Rate():
                return self._has_room(question)
            case Model():
                return await self._serves(question)

    async def _serves(self, model: Model) -> bool:
        world = self.exchange.world
        for _ in range(model.retries + 1):
            try:
                self.completion = await attempt(world, model.provider, model.model, self.body, model.timeout_ms)
                return True
            except UpstreamFailed as failed:
                if failed.status < 500 and world.assumes(CLIENT_ERRORS) == "returns-error":
                    raise gateway_error(failed.status, failed.code, failed.message) from failed
        return False

    def _window_key(self, element: str, properties: Any) -> tuple[str, ...] | None:
        """What a rate element counts by; null where it does not limit this request."""
        world = self.exchange.world
        value = self.exchange.metadata.get(str(properties["key"]).removeprefix("metadata."))
        if value is None and world.assumes(RATE_WITHOUT_KEY) == "unlimited":
            return None
        version = self.route.deployed.version_id if world.assumes(RATE_SCOPE) == "reset" else ""
        return ("element", self.exchange.account, self.route.id, version, element, str(value))

    def _has_room(self, rate: Rate) -> bool:
        key = self._window_key(rate.element, rate.properties)
        if key is None:
            return True
        world, now = self.exchange.world, self.exchange.world.clock.now()
        sliding = world.assumes(RATE_WINDOWS) == "sliding"
        window = world.windows.at(key, float(rate.properties["window"]), sliding)
        room = window.used(now) < float(rate.properties["limit"])
        if room and rate.properties["limitType"] == "count":
            window.add(now, 1)
        elif room:
            self._counted.append((rate.element, dict(rate.properties)))
        return room

    @behaviour("costs count after the answer, so a burst overshoots a budget", "DOC", "spend limits; facts 9.27")
    def _settle(self) -> None:
        cost = cost_usd(self.completion) if self.completion else None
        now = self.exchange.world.clock.now()
        for element, properties in self._counted if cost is not None else ():
            key = self._window_key(element, properties)
            if key is not None and cost is not None:
                self.exchange.world.windows.all[key].add(now, cost)


def cost_usd(completion: Completion) -> float | None:
    """The price of a completion; null where the model has none."""
    model = WORKERS_AI.get(completion.model)
    cost = model.cost_usd(completion.tokens_in, completion.tokens_out) if model else None
    return None if cost is None else float(cost)


def route_named(exchange: Exchange, name: str) -> Route:
    """The route of this gateway; refused with 404 where there is none."""
    route = exchange.world.of(exchange.account, Routes).named(exchange.gateway.id, name)
    if route is None:
        raise gateway_error(404, 7005, f"Route {name} not found")
    return route


@behaviour("a route none of whose models answered is 400/2005", "LIVE", "cloudflare/ai#611, docs#29840")
async def follow_route(exchange: Exchange, name: str, body: dict[str, Any]) -> Completion:
    """The answer of a dynamic route; cf-aig-model and cf-aig-provider say who gave it."""
    follower = Follower(exchange, route_named(exchange, name), body)
    done = await follower.follow()
    if done.served is None or follower.completion is None:
        raise gateway_error(400, 2005, "Failed to get response from provider")
    served = done.served
    prefix = f"{served.provider}/" if exchange.world.assumes(MODEL_HEADER) == "provider/model" else ""
    exchange.headers |= {"cf-aig-model": prefix + served.model, "cf-aig-provider": served.provider}
    return follower.completion
