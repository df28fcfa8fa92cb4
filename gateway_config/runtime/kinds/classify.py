"""Safety: a text or conversation in, whether it is safe and which hazards it holds out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import Outcome, Usage
from gateway_config.runtime.bodies.chat import LARGEST_ANSWER, MalformedError, Message, decoded, messages_of, usage_of
from gateway_config.runtime.core import Core
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.payload import Payload, native
from gateway_config.runtime.kinds.pricing import cost_usd
from gateway_config.runtime.options import CallOptions, deadline_of, facts_of
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Outcome):
    """`categories` are the hazards, `S1` to `S14`; none where it is safe."""

    safe: bool
    categories: tuple[str, ...]


def classify(core: Core, intent: str, text: str | Sequence[Message], options: Mapping[str, Any]) -> Flow[Verdict]:
    """What the guard model thinks of a text, or of the last message of a conversation."""
    facts, messages = facts_of(intent, options, CallOptions), messages_of(text)
    call = Call(core.view.route_of(intent, ("classify",)), facts, deadline_of(options))
    call.keep("prompt", text)
    return (yield from core.recorded(call, _classify(core, call, messages)))


def _classify(core: Core, call: Call, messages: Sequence[Message]) -> Flow[Verdict]:
    def payload(target: CompiledTarget) -> Payload:
        return native(target, {"messages": messages})

    served, headers, (safe, categories, usage) = yield from answered(core, call, payload, _verdict, LARGEST_ANSWER)
    cost = cost_usd(call.view.price(served), usage)
    return Verdict(**core.outcome(call, headers, served, usage, cost), safe=safe, categories=categories)


def _verdict(reply: Reply) -> tuple[bool, tuple[str, ...], Usage | None]:
    """The verdict, as an object or as the text of Llama Guard: "safe", or "unsafe" and a line of hazards.

    Whatever has hazards is not safe, though it be called so.
    """
    body = decoded(reply.body)
    said, usage = body.get("response"), usage_of(body.get("usage"))
    if isinstance(said, dict) and isinstance(said.get("safe"), bool):
        found = said.get("categories")
        categories = tuple(str(one) for one in found) if isinstance(found, list) else ()
        return said["safe"] and not categories, categories, usage
    words = said.split(None, 1) if isinstance(said, str) else []
    if not words or words[0].lower() not in ("safe", "unsafe"):
        raise MalformedError("neither safe nor unsafe")
    hazards = words[1].replace("\n", ",").split(",") if len(words) > 1 else []
    categories = tuple(one.strip() for one in hazards if one.strip())
    return words[0].lower() == "safe" and not categories, categories, usage
