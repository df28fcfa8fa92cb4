"""Guardrails: Llama Guard looks at the prompt and at the answer of a guarded gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Ask, Exchange
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer
from tests.emulator.upstreams.guard import hazards_in
from tests.emulator.upstreams.reach import UpstreamFailed, reach
from tests.emulator.upstreams.text import prompt_of

GUARD_MODEL = "@cf/meta/llama-guard-3-8b"
BLOCKED = "blocked due to guardrail violation"


def is_guarded(exchange: Exchange) -> bool:
    return bool(exchange.gateway.settings["guardrails"])


@behaviour("a blocked prompt is 424/2016, on /run 422/2017", "DOC", "set-up-guardrail")
async def scan_prompt(exchange: Exchange, ask: Ask, on_run: bool) -> None:
    if is_guarded(exchange):
        rules = exchange.gateway.settings["guardrails"]["prompt"]
        prompt = prompt_of(ask.body.get("messages", ask.body.get("prompt", ask.body.get("input", ""))))
        if await _is_blocked(exchange, rules, prompt):
            status, code = (422, 2017) if on_run else (424, 2016)
            raise gateway_error(status, code, f"Prompt {BLOCKED}")


@behaviour("a blocked response is 424/2017, on /run 422/2017", "DOC", "set-up-guardrail")
async def scan_response(exchange: Exchange, answer: Answer, on_run: bool) -> None:
    if is_guarded(exchange):
        rules = exchange.gateway.settings["guardrails"]["response"]
        if await _is_blocked(exchange, rules, answer.said):
            raise gateway_error(422 if on_run else 424, 2017, f"Response {BLOCKED}")


@behaviour("a scanner that is down is 503/7013, without credits 402/2021, if a rule blocks", "DOC", "set-up-guardrail")
async def _is_blocked(exchange: Exchange, rules: Mapping[str, Any], text: str) -> bool:
    blocking = {hazard for hazard, action in rules.items() if action == "BLOCK"}
    try:
        await reach(exchange.world, GUARD_MODEL)
    except UpstreamFailed as failed:
        if not blocking:
            return False
        status, code = (402, 2021) if failed.status == 402 else (503, 7013)
        raise gateway_error(status, code, "Guardrails could not scan the request") from failed
    found = hazards_in(text)
    if flagged := [hazard for hazard in found if hazard in rules]:
        exchange.call.trail.setdefault("guardrails", []).extend(flagged)
    return bool(blocking & set(found))
