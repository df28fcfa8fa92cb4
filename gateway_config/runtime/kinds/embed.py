"""Embeddings: many texts in, as many vectors out, in their order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import Outcome, Usage
from gateway_config.runtime.bodies.chat import MalformedError, decoded, usage_of
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import is_text, no_text, shown
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.payload import Payload, native
from gateway_config.runtime.kinds.pricing import input_cost_usd
from gateway_config.runtime.options import EmbedOptions, deadline_of, facts_of, one_of
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply

MOST_TEXTS = 100
# 8,192 numbers of 24 digits each, and what stands around them.
LARGEST_VECTOR = 250_000
Vector = list[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embeddings(Outcome):
    """One vector for each text, in the order of the texts, each with `dimensions` numbers."""

    vectors: list[Vector]
    dimensions: int
    pooling: str | None


def embed(core: Core, intent: str, texts: str | Sequence[str], options: Mapping[str, Any]) -> Flow[Embeddings]:
    """The vectors of at most 100 texts, all from one model."""
    facts, several = facts_of(intent, options, EmbedOptions), texts_of("texts", texts)
    pooling = one_of("pooling", options.get("pooling"), ("mean", "cls"))
    call = Call(core.view.route_of(intent, ("embed",)), facts, deadline_of(options))
    call.keep("prompt", texts)
    return (yield from core.recorded(call, _embed(core, call, several, pooling)))


def texts_of(what: str, texts: str | Sequence[str]) -> list[str]:
    """One text or several, as a list. Raises InputError for what is none, or too many."""
    several = [texts] if isinstance(texts, str) else list(texts) if isinstance(texts, Sequence) else []
    if not several:
        raise InputError(f"{what} are one text or several; found {shown(texts)}.")
    for number, text in enumerate(several, 1):
        if not is_text(text) or not text:
            raise no_text(f"number {number} of the {what}", text)
    if len(several) > MOST_TEXTS:
        raise InputError(f"{what} are at most {MOST_TEXTS} at once; found {len(several):,}. Ask in parts.")
    return several


def _embed(core: Core, call: Call, texts: list[str], pooling: str | None) -> Flow[Embeddings]:
    payload, read = partial(_payload, texts, pooling), partial(_vectors, len(texts))
    served, headers, (vectors, found, usage) = yield from answered(
        core, call, payload, read, len(texts) * LARGEST_VECTOR
    )
    cost = input_cost_usd(call.view.price(served), usage)
    outcome = core.outcome(call, headers, served, usage, cost)
    return Embeddings(**outcome, vectors=vectors, dimensions=len(vectors[0]), pooling=found)


def _payload(texts: list[str], pooling: str | None, target: CompiledTarget) -> Payload:
    return native(target, {"text": texts, **({"pooling": pooling} if pooling else {})})


def _vectors(count: int, reply: Reply) -> tuple[list[Vector], str | None, Usage | None]:
    body = decoded(reply.body)
    vectors, pooling = body.get("data"), body.get("pooling")
    if not isinstance(vectors, list) or len(vectors) != count or not all(map(_is_vector, vectors)):
        raise MalformedError(f"no list of {count} vectors of numbers")
    if not vectors[0] or len({len(vector) for vector in vectors}) != 1:
        raise MalformedError("vectors of different lengths")
    return vectors, pooling if isinstance(pooling, str) else None, usage_of(body.get("usage"))


def _is_vector(found: Any) -> bool:
    if not isinstance(found, list) or not {*map(type, found)} <= {int, float}:
        return False
    try:
        return all(map(math.isfinite, found))
    except OverflowError:
        return False
