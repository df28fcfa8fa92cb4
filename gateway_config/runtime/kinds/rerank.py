"""Reranking: a query and documents in; the documents by how well they fit, the best first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.answer import Outcome, Usage
from gateway_config.runtime.bodies.chat import LARGEST_ANSWER, MalformedError, decoded, number_of, usage_of
from gateway_config.runtime.core import Core
from gateway_config.runtime.kinds.direct import answered
from gateway_config.runtime.kinds.embed import texts_of
from gateway_config.runtime.kinds.payload import Payload, native
from gateway_config.runtime.kinds.pricing import input_cost_usd
from gateway_config.runtime.options import RerankOptions, deadline_of, facts_of, text_of_caller, whole_number
from gateway_config.runtime.sending.call import Call
from gateway_config.runtime.sending.flow import Flow, Reply


@dataclass(frozen=True, slots=True)
class Ranked:
    """A document by its place in the list that was given, counted from 0, and how well it fits: 0 to 1."""

    index: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking(Outcome):
    """The documents, the best first."""

    ranked: tuple[Ranked, ...]


def rerank(core: Core, intent: str, query: str, documents: Sequence[str], options: Mapping[str, Any]) -> Flow[Ranking]:
    """The documents in the order in which they answer the query."""
    facts, several = facts_of(intent, options, RerankOptions), texts_of("documents", documents)
    body: dict[str, Any] = {
        "query": text_of_caller("the query", query),
        "contexts": [{"text": document} for document in several],
    }
    if options.get("top") is not None:
        body["top_k"] = whole_number("top", options["top"], 1, len(several))
    call = Call(core.view.route_of(intent, ("rerank",)), facts, deadline_of(options))
    call.keep("prompt", {"query": query, "documents": several})
    return (yield from core.recorded(call, _rerank(core, call, body, len(several))))


def _rerank(core: Core, call: Call, body: Mapping[str, Any], count: int) -> Flow[Ranking]:
    def payload(target: CompiledTarget) -> Payload:
        return native(target, body)

    served, headers, (ranked, usage) = yield from answered(core, call, payload, partial(_ranked, count), LARGEST_ANSWER)
    cost = input_cost_usd(call.view.price(served), usage)
    return Ranking(**core.outcome(call, headers, served, usage, cost), ranked=ranked)


def _ranked(count: int, reply: Reply) -> tuple[tuple[Ranked, ...], Usage | None]:
    body = decoded(reply.body)
    found = body.get("response")
    if not isinstance(found, list) or not found:
        raise MalformedError("no list of ids with scores")
    ranked = [_ranked_one(count, item) for item in found]
    if len({item.index for item in ranked}) != len(ranked):
        raise MalformedError("the same document twice")
    ranked.sort(key=lambda item: (-item.score, item.index))
    return tuple(ranked), usage_of(body.get("usage"))


def _ranked_one(count: int, item: Any) -> Ranked:
    index, score = (item.get("id"), number_of(item.get("score"))) if isinstance(item, dict) else (None, None)
    if type(index) is not int or not 0 <= index < count or score is None:
        raise MalformedError("no list of the documents that were sent, each with its score")
    return Ranked(index, score)
