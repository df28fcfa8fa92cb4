"""One model, asked until it answers or may not be asked again: the last rungs before the upstream."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.emulator.control.finetunes.models import check_adapter
from tests.emulator.data.cache import BEFORE_ROUTE, keep, look_up
from tests.emulator.data.credentials import credential_of
from tests.emulator.data.exchange import Ask, Exchange, check_workers_ai
from tests.emulator.data.limits import check_spend, check_unified_billing, record_spend
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams import others
from tests.emulator.upstreams.answers import Answer
from tests.emulator.upstreams.catalogue import ALIASES, WORKERS_AI, CatalogueModel
from tests.emulator.upstreams.chat import CHAT_INPUT, complete
from tests.emulator.upstreams.kinds import MAKERS, bad_input
from tests.emulator.upstreams.reach import UpstreamFailed, reach
from tests.emulator.world import World, store

WORKERS_AI_SLUG = "workers-ai"


@dataclass(frozen=True)
class Patience:
    """How often and how long a model is asked."""

    attempts: int = 1
    delay_ms: float = 0
    backoff: str = "constant"
    timeout_ms: float = 0  # 0 is no limit
    last_waits: bool = False

    def pause_ms(self, failures: int) -> float:
        factor = {"linear": failures, "exponential": 1 << (failures - 1)}.get(self.backoff, 1)
        return self.delay_ms * factor

    def limit_ms(self, attempt: int) -> float:
        return 0 if self.last_waits and attempt == self.attempts else self.timeout_ms


@behaviour(
    "headers say how to retry, else the gateway; the last attempt waits without limit", "DOC", "request handling"
)
def patience_of(exchange: Exchange) -> Patience:
    """How a direct call is retried."""
    settings = exchange.gateway.settings
    attempts = exchange.number("cf-aig-max-attempts") or settings["retry_max_attempts"] or 1
    delay = exchange.number("cf-aig-retry-delay")
    return Patience(
        min(attempts, 5),
        min(delay, 5000) if delay is not None else settings["retry_delay"] or 0,
        exchange.header("cf-aig-backoff") or settings["retry_backoff"] or "constant",
        exchange.number("cf-aig-request-timeout") or 0,
        last_waits=attempts > 1,
    )


async def ask_model(exchange: Exchange, ask: Ask, patience: Patience, in_route: bool = False) -> Answer:
    """The answer of one model, from the cache where it is there; raises UpstreamFailed."""
    _check_credential(exchange, ask.provider)
    caches = not in_route or exchange.world.assumes(BEFORE_ROUTE) == "after"
    exchange.served_by = (ask.provider, ask.model)
    if caches and (cached := look_up(exchange, ask)):
        return cached
    check_spend(exchange, ask.provider, ask.model)
    answer = await _with_retries(exchange, ask, patience)
    if answer.cost_usd is not None:
        record_spend(exchange, ask.provider, ask.model, float(answer.cost_usd))
    if caches:
        keep(exchange, ask, answer)
    return answer


def _check_credential(exchange: Exchange, provider: str) -> None:
    if provider == WORKERS_AI_SLUG:
        check_workers_ai(exchange)
    elif provider in others.UPSTREAMS and credential_of(exchange, provider) == "unified":
        check_unified_billing(exchange)


async def _with_retries(exchange: Exchange, ask: Ask, patience: Patience) -> Answer:
    attempt = 1
    while True:
        try:
            return await invoke(exchange.world, exchange.account, ask, patience.limit_ms(attempt))
        except UpstreamFailed as failed:
            transient = failed.status >= 500 or failed.status in (408, 429)
            if attempt >= patience.attempts or not transient:
                raise
            await asyncio.sleep(patience.pause_ms(attempt) / 1000)
        attempt += 1


async def invoke(world: World, account: str, ask: Ask, timeout_ms: float = 0) -> Answer:
    """One attempt at one model; raises UpstreamFailed."""
    if ask.provider != WORKERS_AI_SLUG:
        model = others.model_of(ask.provider, ask.model)
    else:
        model = known_model(world, ask.model)
        if adapter := ask.body.get("lora"):
            check_adapter(world, account, model, str(adapter))
        check_reasoning_body(model, ask.body)
        check_licence(world, account, model, ask.body)
    if model.kind in ("chat", "guard"):
        check_chat_body(ask.body)
    programme = await reach(world, model.id, timeout_ms)
    if model.kind != "chat":
        return MAKERS[model.kind](model, ask.body)
    return complete(model, chat_body(ask.body), programme)


def check_chat_body(body: dict[str, Any]) -> None:
    """Refuse what a text model cannot read; raises UpstreamFailed (5004)."""
    for path, message in CHAT_INPUT(chat_body(body), ()):
        raise bad_input(f"{'/'.join(map(str, path))}: {message}")
    if all(body.get(name) is None for name in ("messages", "prompt", "input")):
        raise bad_input("messages or prompt is required")


def known_model(world: World, model_id: str) -> CatalogueModel:
    """The model behind an id of Workers AI, aliases resolved; raises UpstreamFailed (5007)."""
    model_id = ALIASES.get(model_id, model_id)
    model = WORKERS_AI.get(model_id)
    if model is None and model_id in world.programmes.models():
        model = CatalogueModel(model_id, "chat")
    if model is None or "deprecated" in model.traits:
        raise UpstreamFailed(400, 5007, f"No such model {model_id} or task")
    return model


@store
class Licences:
    """The models an account has agreed to."""

    agreed: set[str] = field(default_factory=set)


@behaviour("llama-3.2-11b-vision wants its licence agreed to, by the prompt agree: 5016/403", "DOC", "errors")
def check_licence(world: World, account: str, model: CatalogueModel, body: dict[str, Any]) -> None:
    """Refuse a model whose licence was not agreed to; raises UpstreamFailed."""
    if "licence" not in model.traits:
        return
    licences = world.of(account, Licences)
    if body.get("prompt") == "agree":
        licences.agreed.add(model.id)
    if model.id not in licences.agreed:
        raise UpstreamFailed(403, 5016, "Model Agreement: submit the prompt 'agree' before using this model")


@behaviour("gpt-oss takes a Responses body or a chat body, not both", "OAS", "workerd types 2026-08")
def check_reasoning_body(model: CatalogueModel, body: dict[str, Any]) -> None:
    if "input" in body and "messages" in body and "reasoning" in model.traits:
        raise bad_input("oneOf: give input or messages, not both")


def chat_body(body: dict[str, Any]) -> dict[str, Any]:
    """A Responses body as a chat body; a chat body as it is."""
    if "input" not in body:
        return body
    given = body["input"]
    messages = list(given) if isinstance(given, list) else [{"role": "user", "content": str(given)}]
    if instructions := body.get("instructions"):
        messages.insert(0, {"role": "system", "content": instructions})
    return {**body, "messages": messages}
