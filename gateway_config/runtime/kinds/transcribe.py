"""Transcription: the bytes of a recording in, what is said in it out."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledPrice, CompiledTarget
from gateway_config.runtime.answer import Outcome
from gateway_config.runtime.bodies.chat import LARGEST_ANSWER, MalformedError, decoded, number_of
from gateway_config.runtime.core import Core
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.payload import Payload, file_of, media_type, native
from gateway_config.runtime.options import TranscribeOptions, deadline_of, facts_of, words_of
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply

# Takes JSON with base64; the others take the bytes themselves (facts section 8).
_BASE64 = "/whisper-large-v3-turbo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript(Outcome):
    """What is said. `duration_s`, `language`, `segments` and `vtt` (subtitles) where the model tells them."""

    text: str
    language: str | None
    duration_s: float | None
    segments: tuple[Mapping[str, Any], ...]
    vtt: str | None


def transcribe(core: Core, intent: str, audio: bytes, options: Mapping[str, Any]) -> Flow[Transcript]:
    """The text of a recording."""
    facts, content = facts_of(intent, options, TranscribeOptions), file_of("audio", audio)
    named = {"language": "language", "initial_prompt": "prompt"}
    told = {key: words for key, name in named.items() if (words := words_of(name, options.get(name))) is not None}
    call = Call(core.view.route_of(intent, ("transcribe",)), facts, deadline_of(options))
    return (yield from core.recorded(call, _transcribe(core, call, content, told)))


def _transcribe(core: Core, call: Call, audio: bytes, told: Mapping[str, Any]) -> Flow[Transcript]:
    payload = partial(_payload, audio, told)
    served, headers, said = yield from answered(core, call, payload, _said, LARGEST_ANSWER)
    cost = _cost(call.view.price(served), said["duration_s"])
    return Transcript(**core.outcome(call, headers, served, None, cost), **said)


def _payload(audio: bytes, told: Mapping[str, Any], target: CompiledTarget) -> Payload:
    if target.model.endswith(_BASE64):
        return native(target, {"audio": base64.b64encode(audio).decode(), **told})
    return Payload(f"{target.upstream}/{target.model}", audio, media_type(audio).encode())


def _said(reply: Reply) -> dict[str, Any]:
    body = decoded(reply.body)
    if "results" in body:
        body = _deepgram(body)
    if not isinstance(body.get("text"), str):
        raise MalformedError("no text")
    told, segments, vtt = body.get("transcription_info"), body.get("segments"), body.get("vtt")
    info = told if isinstance(told, dict) else {}
    duration, language = number_of(info.get("duration")), info.get("language")
    return {
        "text": body["text"].strip(),
        "language": language if isinstance(language, str) else None,
        "duration_s": duration if duration is not None and duration >= 0 else None,
        "segments": tuple(item for item in segments if isinstance(item, dict)) if isinstance(segments, list) else (),
        "vtt": vtt if isinstance(vtt, str) else None,
    }


def _deepgram(body: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of nova in the words of whisper."""
    try:
        return {"text": body["results"]["channels"][0]["alternatives"][0]["transcript"]}
    except (KeyError, IndexError, TypeError):
        return {}


def _cost(price: CompiledPrice | None, duration_s: float | None) -> Decimal | None:
    """US dollars by the minute; unknown where the model does not tell how long the recording is."""
    if price is None or price.usd_per_audio_min is None or duration_s is None:
        return None
    return price.usd_per_audio_min * Decimal(str(duration_s)) / 60
