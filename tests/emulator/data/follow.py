"""Serving a dynamic route: its deployed version is walked, its models are asked."""

from __future__ import annotations

from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.routes.models import Route, Routes
from tests.emulator.data.cache import BEFORE_ROUTE, keep, look_up
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.data.invoke import Patience, ask_model
from tests.emulator.data.walk import Draw, Model, Question, Rate, Walk, Walker, walk
from tests.emulator.data.windows import Window
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer
from tests.emulator.upstreams.reach import UpstreamFailed
from tests.emulator.web import Refusal

RATE_WINDOWS = assumption("rate-windows", "Does a rate element count in fixed or sliding windows?", "fixed", "sliding")
COST_UNIT = assumption("rate-cost-unit", "What does a cost limit of a rate element count?", "dollars", "cents")
RATE_SCOPE = assumption(
    "rate-across-versions", "Do counters of a rate element go on when another version is deployed?", "kept", "reset"
)
RATE_WITHOUT_KEY = assumption(
    "rate-without-key", "What does a rate element do with a request that lacks its key?", "shared", "unlimited"
)
CLIENT_ERRORS = assumption(
    "fallback-on-4xx", "Does a model element fall back when its model answers 4xx?", "falls-back", "returns-error"
)
MODEL_HEADER = assumption(
    "model-header", "Is cf-aig-model the model's id alone, or provider/model?", "model", "provider/model"
)
RECREATED = assumption("recreated-route", "Does a route serve that was recreated under its name?", "serves", "fails")
EXTRAS = assumption(
    "route-extras", "Do lora, image parts and reasoning_effort pass through a route to its model?", "passed", "dropped"
)


class Follower:
    """Answers the questions of one walk; keeps the last answer."""

    def __init__(self, exchange: Exchange, route: Route, body: dict[str, Any]) -> None:
        self.exchange, self.route = exchange, route
        self.body = body if exchange.world.assumes(EXTRAS) == "passed" else without_extras(body)
        self.answer: Answer | None = None
        self.draws: list[int] = []
        self._budgets: list[Window] = []

    async def follow(self) -> Walk:
        exchange = self.exchange
        facts = {"metadata": exchange.metadata, "body": self.body, "headers": exchange.call.headers}
        done = await self._drive(walk(self.route.deployed.by_id, facts, exchange.world.assumes))
        trail = {"route": self.route.name, "elements": done.path, "draws": self.draws}
        exchange.call.trail.update(trail, models=[model.model for model in done.tried])
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
        ask = Ask(model.provider, model.model, self.body, "chat/completions")
        patience = Patience(model.retries + 1, timeout_ms=model.timeout_ms)
        try:
            self.answer = await ask_model(self.exchange, ask, patience, in_route=True)
        except UpstreamFailed as failed:
            if failed.status < 500 and self.exchange.world.assumes(CLIENT_ERRORS) == "returns-error":
                raise gateway_error(failed.status, failed.code, failed.message) from failed
            return False
        except Refusal:  # no credential for this upstream
            return False
        return True

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
            self._budgets.append(window)
        return room

    def _window_key(self, element: str, properties: Any) -> tuple[str, ...] | None:
        """What a rate element counts by; null where it does not limit this request."""
        world = self.exchange.world
        value = self.exchange.metadata.get(str(properties["key"]).removeprefix("metadata."))
        if value is None and world.assumes(RATE_WITHOUT_KEY) == "unlimited":
            return None
        version = self.route.deployed.version_id if world.assumes(RATE_SCOPE) == "reset" else ""
        return ("element", self.exchange.account, self.route.id, version, element, str(value))

    def _settle(self) -> None:
        """Costs count after the answer, so a burst overshoots a budget."""
        cost = self.answer.cost_usd if self.answer else None
        unit = 100 if self.exchange.world.assumes(COST_UNIT) == "cents" else 1
        for budget in self._budgets if cost is not None else ():
            budget.add(self.exchange.world.clock.now(), float(cost or 0) * unit)


def without_extras(body: dict[str, Any]) -> dict[str, Any]:
    """What the documented chat-completions shape of a route has, and no more."""
    kept = {name: value for name, value in body.items() if name not in ("lora", "raw", "reasoning_effort")}
    return {**kept, "messages": [_text_only(message) for message in body["messages"]]}


def _text_only(message: Any) -> Any:
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        return message
    parts = [part for part in message["content"] if isinstance(part, dict) and part.get("type") == "text"]
    return {**message, "content": parts}


@behaviour("a route none of whose models answered is 400/2005", "LIVE", "cloudflare/ai#611, docs#29840")
async def follow_route(exchange: Exchange, name: str, body: dict[str, Any]) -> Answer:
    """The answer of a dynamic route; cf-aig-model and cf-aig-provider say who gave it."""
    route = exchange.world.of(exchange.account, Routes).named(exchange.gateway.id, name)
    if route is None:
        raise gateway_error(404, 7005, f"Route {name} not found")
    _check_name(exchange, name)
    whole = Ask("dynamic", name, body, "chat/completions")
    caches = exchange.world.assumes(BEFORE_ROUTE) == "before"
    if caches and (cached := look_up(exchange, whole)):
        exchange.call.trail["route"] = name
        return cached
    answer = await _walked(exchange, Follower(exchange, route, body))
    if caches:
        keep(exchange, whole, answer)
    return answer


@behaviour("a route recreated under its old name was once seen to answer 400/2005 only", "LIVE", "cloudflare/ai#611")
def _check_name(exchange: Exchange, name: str) -> None:
    used = exchange.world.of(exchange.account, Routes).names_once_used.get(exchange.gateway.id, ())
    if name in used and exchange.world.assumes(RECREATED) == "fails":
        raise gateway_error(400, 2005, "Failed to get response from provider")


async def _walked(exchange: Exchange, follower: Follower) -> Answer:
    done = await follower.follow()
    if done.served is None or follower.answer is None:
        raise gateway_error(400, 2005, "Failed to get response from provider")
    served = done.served
    prefix = f"{served.provider}/" if exchange.world.assumes(MODEL_HEADER) == "provider/model" else ""
    exchange.headers |= {"cf-aig-model": prefix + served.model, "cf-aig-provider": served.provider}
    exchange.served_by = (served.provider, served.model)
    return follower.answer
