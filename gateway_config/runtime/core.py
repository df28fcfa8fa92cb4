"""What the sync and the async client have in common: the config they live by, and everything that counts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import httpx

from gateway_config.compiled import CompiledConfig, CompiledTarget
from gateway_config.errors import UsageError
from gateway_config.runtime.answer import Outcome, ServedBy, Usage
from gateway_config.runtime.drift import Drift, DriftWatch
from gateway_config.runtime.errors import CallError, DriftError
from gateway_config.runtime.kinds.payload import Payload
from gateway_config.runtime.records.ledger import Ledger
from gateway_config.runtime.records.schema import call_line
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.door import Door
from gateway_config.runtime.sending.flow import Flow
from gateway_config.runtime.sending.retry import RetryBudget
from gateway_config.runtime.settings import Settings
from gateway_config.runtime.views import ConfigView

log = logging.getLogger("gatewright")
FREE = Decimal(0)
OutcomeT = TypeVar("OutcomeT", bound=Outcome)


class Core:
    """Shared by all calls of a client; safe for use by several threads."""

    def __init__(
        self,
        config: CompiledConfig,
        settings: Settings,
        on_drift: Callable[[Drift], None] | None = None,
        records: Path | None = None,
        refuse_drift: bool = False,
    ) -> None:
        self.settings, self._refuse_drift = settings, refuse_drift
        self.view = ConfigView(config)
        self.door = Door(settings, config.gateway_id)
        self.budget = RetryBudget()
        self.drift = DriftWatch(on_drift)
        self.ledger = Ledger(records) if records is not None else None

    def adopt(self, config: CompiledConfig) -> None:
        """Takes another config of the same gateway, for the calls that begin from now on. Raises UsageError."""
        if config.gateway_id != self.door.gateway_id:
            raise UsageError(f'the config is for the gateway "{config.gateway_id}", not for "{self.door.gateway_id}".')
        self.view = ConfigView(config)

    def close(self) -> None:
        """Closes the segment of records."""
        if self.ledger is not None:
            self.ledger.close()

    def adapter(self, call: Call, target: CompiledTarget) -> str | None:
        """The LoRA adapter for a target: the one it names, or that of the call's tenant, if it has one."""
        if target.adapter != "tenant":
            return target.adapter
        adapters = self.view.config.tenants.get(call.facts.tenant or "", {})
        return adapters.get(target.name) or adapters.get(target.model)

    def request(self, call: Call, payload: Payload) -> httpx.Request:
        """The request of the attempt that comes now; each has a trace of its own."""
        call.metadata["trace"] = call.trace
        return self.door.request(payload.path, payload.content, call.metadata, payload.content_type, call.headers)

    # --- what came of a call ------------------------------------------------------------------------------------------

    def recorded(self, call: Call, flow: Flow[OutcomeT]) -> Flow[OutcomeT]:
        """What a flow comes to, with its record written and its line logged, also where it fails."""
        try:
            outcome = yield from flow
        except CallError as error:
            self.note(call, type(error).__name__, _paid(call))
            # Whatever of it others said (a body, a header, a status line): it could repeat our token.
            error.args = (self.door.hidden(str(error)),)
            raise
        except BaseException:
            self.note(call, "cancelled", _paid(call))
            raise
        self.note(call, "ok", outcome)
        return outcome

    def note(self, call: Call, status: str, outcome: Outcome | None) -> None:
        """The record and the line of a call that is over; one that nobody sent leaves none."""
        if not call.attempts:
            return
        if self.ledger is not None:
            self._keep(call, outcome)
            config, timing = self.view.config, outcome.timing if outcome else call.timing()
            self.ledger.write(lambda: call_line(config, call, status, outcome, timing))
        if log.isEnabledFor(logging.INFO):
            log.info("%s", _line(call, status, outcome))

    def _keep(self, call: Call, outcome: Outcome | None) -> None:
        """What the route asks its records to keep, now: the caller may change its messages after the call."""
        if call.view.route.records:
            call.keep("answer", getattr(outcome, "text", None))
            call.prompt, call.answer = (text and self.door.hidden(text) for text in (call.prompt, call.answer))

    def outcome(
        self,
        call: Call,
        headers: httpx.Headers,
        served: ServedBy,
        usage: Usage | None,
        cost: Decimal | None,
    ) -> dict[str, Any]:
        """The fields of an Outcome; a cache hit is free."""
        cache, route = cache_status(headers), call.view.route
        return {
            "intent": call.facts.intent,
            "route": route.name,
            "tier": call.tier,
            "assigned_arm": call.assigned_arm,
            "served_by": served,
            "usage": usage,
            "cost_usd": FREE if cache == "hit" else cost,
            "cache": cache,
            "timing": call.timing(),
            "trace": call.last_trace,
            "log_id": headers.get("cf-aig-log-id"),
            "graph_digest": route.graph_digest,
            "config_digest": route.config_digest,
            "attempts": tuple(call.attempts),
            "metadata": dict(call.metadata),  # the application may write into its own
            "left_out": dict(call.left_out),
        }

    # --- who served, against who was meant ----------------------------------------------------------------------------

    def served(self, call: Call, headers: httpx.Headers) -> ServedBy:
        """Who answered a dynamic route."""
        return call.view.served_by(headers.get("cf-aig-provider"), headers.get("cf-aig-model"), call.assigned)

    def compare(self, call: Call, served: ServedBy) -> None:
        """Reports a model that has no place in the declared route as drift, or refuses it."""
        # Without both headers the server is unknown, which is no drift.
        if served.upstream and served.model and (served.element is None or served.element != call.assigned):
            self._compare(call, served)

    def _compare(self, call: Call, served: ServedBy) -> None:
        possible = call.view.possible(call.metadata)
        targets = [call.view.route.targets[id] for id in sorted(possible)]
        if any((target.upstream, target.model) == (served.upstream, served.model) for target in targets):
            return
        meant = tuple(f"{target.upstream}/{target.model}" for target in targets)
        drift = Drift(call.view.route.name, call.last_trace, meant, f"{served.upstream}/{served.model}")
        self.drift.note(drift)
        if self._refuse_drift:
            message = f'"{drift.served}" answered the route "{drift.route}", which has {", ".join(meant)} there.'
            error = DriftError(f"{message} `gatewright verify` says what is deployed.", trace=drift.trace)
            error.attempts = tuple(call.attempts)
            raise error


def _paid(call: Call) -> Outcome | None:
    """What the answers of a call that failed after them cost."""
    return replace(call.paid, timing=call.timing()) if call.paid is not None else None


def cache_status(headers: httpx.Headers) -> str | None:
    """ "hit" or "miss", or None where the gateway does not say."""
    status = headers.get("cf-aig-cache-status")
    return status.lower() if status else None


def _line(call: Call, status: str, outcome: Outcome | None) -> str:
    """The one line of a call that can be searched for."""
    timing = outcome.timing if outcome else call.timing()
    first = "" if timing.first_token_ms is None else f" first_token_ms={timing.first_token_ms:.1f}"
    return (
        f"call trace={call.last_trace} status={status} route={call.view.route.name} arm={call.assigned_arm}"
        f" served={outcome.served_by.model if outcome else None}"
        f" prepare_ms={timing.prepare_ms:.1f} prompt_ms={timing.prompt_ms:.1f} inference_ms={timing.inference_ms:.1f}"
        f"{first} parse_ms={timing.parse_ms:.1f} total_ms={timing.total_ms:.1f} slowest={timing.slowest}"
    )
