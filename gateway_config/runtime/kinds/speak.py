"""Speech: a text in, the bytes of a recording out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledPrice, CompiledTarget
from gateway_config.runtime.answer import Outcome
from gateway_config.runtime.bodies.chat import MalformedError, decoded
from gateway_config.runtime.core import Core
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.payload import Payload, from_base64, media_type, native
from gateway_config.runtime.options import SpeakOptions, deadline_of, facts_of, text_of_caller, words_of
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply

LARGEST_SPEECH = 64_000_000
# Says {"prompt", "lang"}; the others say {"text", "speaker"} (facts section 8).
_PROMPTED = "/melotts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech(Outcome):
    """A recording, as the model made it."""

    data: bytes
    media_type: str


def speak(core: Core, intent: str, text: str, options: Mapping[str, Any]) -> Flow[Speech]:
    """The text, spoken."""
    facts, said = facts_of(intent, options, SpeakOptions), text_of_caller("what to say", text)
    voice, language = (words_of(name, options.get(name)) for name in ("voice", "language"))
    call = Call(core.view.route_of(intent, ("speak",)), facts, deadline_of(options))
    call.keep("prompt", said)
    return (yield from core.recorded(call, _speak(core, call, said, voice, language)))


def _speak(core: Core, call: Call, text: str, voice: str | None, language: str | None) -> Flow[Speech]:
    payload = partial(_payload, text, voice, language)
    served, headers, (data, kind) = yield from answered(core, call, payload, _recording, LARGEST_SPEECH)
    cost = _cost(call.view.price(served), text)
    return Speech(**core.outcome(call, headers, served, None, cost), data=data, media_type=kind)


def _payload(text: str, voice: str | None, language: str | None, target: CompiledTarget) -> Payload:
    if target.model.endswith(_PROMPTED):
        return native(target, {"prompt": text, **({"lang": language} if language else {})})
    return native(target, {"text": text, **({"speaker": voice} if voice else {})})


def _recording(reply: Reply) -> tuple[bytes, str]:
    """The bytes and their kind, whether the answer is a recording, or holds one as base64."""
    kind = reply.headers.get("content-type", "").partition(";")[0].strip()
    if kind.startswith("audio/") or kind == "application/octet-stream":
        if not reply.body:
            raise MalformedError("nothing")
        return reply.body, kind if kind.startswith("audio/") else media_type(reply.body)
    data = from_base64(decoded(reply.body).get("audio"))
    return data, media_type(data)


def _cost(price: CompiledPrice | None, text: str) -> Decimal | None:
    """US dollars by the character; unknown for a model that is paid by the minute, since nothing tells those."""
    if price is None or price.usd_per_kchar is None:
        return None
    return price.usd_per_kchar * len(text) / 1000
