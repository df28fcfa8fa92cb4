"""What the sync and the async client have in common: the config they live by, and everything that counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from decimal import Decimal

import httpx

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime.answer import ServedBy, Usage
from gateway_config.runtime.call import Call
from gateway_config.runtime.door import Door
from gateway_config.runtime.drift import Drift, DriftWatch
from gateway_config.runtime.pricing import cost_usd
from gateway_config.runtime.retry import RetryBudget
from gateway_config.runtime.settings import Settings
from gateway_config.runtime.views import ConfigView

log = logging.getLogger("gatewright")
FREE = Decimal(0)


class Core:
    """Shared by all calls of a client; safe for use by several threads."""

    def __init__(
        self, config: CompiledConfig, settings: Settings, on_drift: Callable[[Drift], None] | None = None
    ) -> None:
        self.settings = settings
        self.view = ConfigView(config)
        self.door = Door(settings, config.gateway_id)
        self.budget = RetryBudget()
        self.drift = DriftWatch(on_drift)

    def served(self, call: Call, headers: httpx.Headers) -> ServedBy:
        """Who answered a dynamic route; a model that has no place in it is reported as drift."""
        upstream, model = headers.get("cf-aig-provider"), headers.get("cf-aig-model")
        served = call.view.served_by(upstream, model, call.assigned)
        # Without both headers the server is unknown, which is no drift.
        if upstream and model and (served.element is None or served.element != call.assigned):
            self._compare(call, served)
        return served

    def _compare(self, call: Call, served: ServedBy) -> None:
        possible = call.view.possible(call.metadata)
        targets = [call.view.route.targets[id] for id in sorted(possible)]
        if any((target.upstream, target.model) == (served.upstream, served.model) for target in targets):
            return
        meant = tuple(f"{target.upstream}/{target.model}" for target in targets)
        self.drift.note(Drift(call.view.route.name, call.last_trace, meant, f"{served.upstream}/{served.model}"))

    def cost(self, call: Call, served: ServedBy, usage: Usage | None, cache: str | None) -> Decimal | None:
        """US dollars, or None where who served, the price or the tokens are not known; a cache hit is free."""
        if cache == "hit":
            return FREE
        target = call.view.target(served.element) or next(
            (target for target in call.view.route.targets.values() if target.name == served.name), None
        )
        return cost_usd(target.price if target is not None else None, usage)


def cache_status(headers: httpx.Headers) -> str | None:
    """ "hit" or "miss", or None where the gateway does not say."""
    status = headers.get("cf-aig-cache-status")
    return status.lower() if status else None
