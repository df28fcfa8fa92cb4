"""Batches: many questions queued at Workers AI at once, polled, and joined to their inputs.

The batch endpoint is Cloudflare's REST API; through a gateway it is not documented (facts 3.5), so it needs an API
token, and its calls leave no gateway log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from gateway_config.control_plane import ControlPlane
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.ask import answer_of, opened_call
from gateway_config.runtime.asking import Asking, asking_of, chat_body
from gateway_config.runtime.call import Call, now
from gateway_config.runtime.chat import MalformedError, Message, chat_in
from gateway_config.runtime.core import Core
from gateway_config.runtime.direct import served_by
from gateway_config.runtime.errors import DeadlineError, InputError

DEADLINE_MS = 3_600_000
MOST_INPUTS = 1000


@dataclass(frozen=True, slots=True)
class Job:
    """One input of a batch and what became of it: an answer, or the sentence of an error."""

    index: int
    answer: Answer | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """One input on its way."""

    index: int
    call: Call
    asking: Asking
    element: str


def batch(
    core: Core, intent: str, inputs: Sequence[str | Sequence[Message]], options: Mapping[str, Any], poll_s: float
) -> list[Job]:
    """Queues all inputs, each to the arm that its bucket means; gives the jobs back in the order of the inputs."""
    if isinstance(inputs, str) or not inputs or len(inputs) > MOST_INPUTS:
        raise InputError(f"a batch is a list of 1 to {MOST_INPUTS:,} texts.")
    items = [_item(core, intent, number, text, options) for number, text in enumerate(inputs)]
    groups = {element: [item for item in items if item.element == element] for element in {i.element for i in items}}
    with ControlPlane.from_environment() as api:
        queued = [(group, _queued(core, api, group)) for group in groups.values()]
        jobs = [job for group, request_id in queued for job in _done(core, api, group, request_id, poll_s)]
    return sorted(jobs, key=lambda job: job.index)


def _item(core: Core, intent: str, number: int, text: Any, options: Mapping[str, Any]) -> Item:
    call, asking = opened_call(core, intent, asking_of(text, options), {"deadline_ms": DEADLINE_MS, **options})
    call.question = (intent, text, options)
    target = call.view.target(call.assigned)
    if target is None or target.upstream != "workers-ai":
        raise InputError(f'only Workers AI queues batches, and "{call.view.route.name}" would ask another upstream.')
    if asking.shape or asking.summary:
        raise InputError("a schema and a summary need a call of their own: use ask.")
    call.prepared = call.prompted = now()
    return Item(number, call, asking, call.assigned or "")


def _path(core: Core, group: Sequence[Item]) -> str:
    target = group[0].call.view.route.targets[group[0].element]
    return f"/accounts/{core.settings.account_id}/ai/run/{target.model}?queueRequest=true"


def _queued(core: Core, api: ControlPlane, group: Sequence[Item]) -> str:
    requests = [
        {**chat_body(item.asking, item.call.view.target(item.element)), "external_reference": item.call.request_id}
        for item in group
    ]
    answer = api.post(_path(core, group), {"requests": requests})
    return str(answer["request_id"])


def _done(core: Core, api: ControlPlane, group: Sequence[Item], request_id: str, poll_s: float) -> Iterator[Job]:
    """The jobs of a group, once it is done."""
    while True:
        answer = api.post(_path(core, group), {"request_id": request_id})
        if isinstance(answer.get("responses"), list):
            break
        if now() + poll_s > group[0].call.deadline:
            trace = group[0].call.trace
            raise DeadlineError(f"the batch {request_id} is still {answer.get('status')}. Wait longer.", trace=trace)
        time.sleep(poll_s)
    found = {response.get("id"): response for response in answer["responses"]}
    for place, item in enumerate(group):
        yield _job(core, item, found.get(place))


def _job(core: Core, item: Item, response: Mapping[str, Any] | None) -> Job:
    call = item.call
    call.inferred = now()
    try:
        if response is None or not response.get("success", True):
            raise MalformedError(str((response or {}).get("error") or "the batch has no answer for it"))
        spoken = chat_in(response.get("result") or {})
    except MalformedError as error:
        call.ended(call.prompted, "BrokenAnswerError", element=item.element)
        core.note(call, "BrokenAnswerError", None)
        return Job(item.index, None, str(error))
    call.ended(call.prompted, "ok", element=item.element)
    answer = answer_of(core, call, httpx.Headers(), served_by(call, item.element), spoken)
    core.note(call, "ok", answer)
    return Job(item.index, answer, None)
