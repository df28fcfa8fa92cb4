"""Batches: many questions queued at Workers AI at once, polled, and joined to their inputs.

The batch endpoint is Cloudflare's REST API; through a gateway it is not documented (facts 3.5), so it needs an API
token, and its calls leave no gateway log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from threading import Event
from typing import Any, Self

import httpx

from gateway_config.cloudflare.errors import CloudflareError, NotAllowedError
from gateway_config.errors import UnreachableError, UsageError
from gateway_config.runtime.answer import Answer
from gateway_config.runtime.api import api_until, without_tokens
from gateway_config.runtime.bodies.chat import MalformedError, Message, chat_in, encoded
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import (
    AnsweredNoError,
    BrokenAnswerError,
    CallError,
    ConnectionFailedError,
    DeadlineError,
    InputError,
    MissingSettingError,
    UnauthorizedError,
)
from gateway_config.runtime.kinds.ask import answer_of, opened_call
from gateway_config.runtime.kinds.asking import Asking, asking_of, own_body
from gateway_config.runtime.kinds.direct import served_by
from gateway_config.runtime.options import number_between
from gateway_config.runtime.sending.call import Call, now

log = logging.getLogger("gatewright")
DEADLINE_MS = 3_600_000
MOST_INPUTS = 1000
LONGEST_WAIT_S = 30.0
LONGEST_POLL_S = 600


@dataclass(frozen=True, slots=True)
class Job:
    """One input of a batch and what became of it: an answer, or the sentence of an error."""

    index: int
    answer: Answer | None
    error: str | None


@dataclass(slots=True)
class Item:
    """One input on its way; `sent` once it may have been queued, and may be billed."""

    index: int
    call: Call
    asking: Asking
    element: str
    sent: bool = False


def batch(
    core: Core,
    intent: str,
    inputs: Sequence[str | Sequence[Message]],
    options: Mapping[str, Any],
    poll_s: float,
    left: Event | None = None,
) -> list[Job]:
    """Queues all inputs, each to the arm that its bucket means; gives the jobs back in the order of the inputs.

    Whoever sets `left` waits no longer: the batch ends at its next pause.
    """
    if isinstance(inputs, str) or not isinstance(inputs, Sequence) or not 0 < len(inputs) <= MOST_INPUTS:
        raise InputError(f"a batch is a list of 1 to {MOST_INPUTS:,} texts.")
    number_between("poll_s", poll_s, 0.001, LONGEST_POLL_S)
    items = [_item(core, intent, number, text, options) for number, text in enumerate(inputs)]
    groups = {element: [item for item in items if item.element == element] for element in {i.element for i in items}}
    jobs: dict[int, Job] = {}
    with Queue(core, items[0].call, left or Event()) as queue:
        try:
            queued = [(group, _queued(core, queue, group)) for group in groups.values()]
            for group, request_id in queued:
                jobs |= {job.index: job for job in _done(core, queue, group, request_id, poll_s)}
        except BaseException as error:
            _note_lost(core, [item for item in items if item.index not in jobs], error)
            raise
    return [jobs[index] for index in sorted(jobs)]


def _note_lost(core: Core, items: Sequence[Item], error: BaseException) -> None:
    """Records what was queued, and may be billed, though nobody gets its answer."""
    status = type(error).__name__ if isinstance(error, CallError) else "cancelled"
    for item in items:
        if item.sent:
            item.call.ended(item.call.prompted, status, element=item.element)
            core.note(item.call, status, None)


def _item(core: Core, intent: str, number: int, text: Any, options: Mapping[str, Any]) -> Item:
    call, asking = opened_call(core, intent, asking_of(text, options), {"deadline_ms": DEADLINE_MS, **options})
    call.asked(intent, text, options)
    target = call.view.target(call.assigned)
    if target is None or target.upstream != "workers-ai":
        raise InputError(f'only Workers AI queues batches, and "{call.view.route.name}" would ask another upstream.')
    if asking.shape or asking.summary:
        raise InputError("a schema and a summary need a call of their own: use ask.")
    item = Item(number, call, asking, call.assigned or "")
    encoded(_request(core, item))  # what cannot be written is refused before any other is queued, and paid
    call.prepared = call.prompted = now()
    return item


def _queued(core: Core, queue: Queue, group: Sequence[Item]) -> str:
    requests = [_request(core, item) for item in group]
    for item in group:
        item.call.prompted = now()
    answer = queue.post(group, {"requests": requests})
    if not isinstance(answer.get("request_id"), str):
        raise BrokenAnswerError("the batch was queued without an id. Ask again.", trace=group[0].call.trace)
    return str(answer["request_id"])


def _request(core: Core, item: Item) -> dict[str, Any]:
    target = item.call.view.route.targets[item.element]
    body = own_body(item.asking, target, core.adapter(item.call, target))
    return {**body, "external_reference": item.call.request_id}


class Queue:
    """Cloudflare's queue for one batch: kept connections, no wait beyond its deadline, and errors that are ours."""

    def __init__(self, core: Core, first: Call, left: Event) -> None:
        self._core, self._first, self._left = core, first, left
        self._failed = ""  # what the last poll failed of
        self._api = api_until(first.deadline, LONGEST_WAIT_S, self.pause)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()

    def post(self, group: Sequence[Item], body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Cloudflare's answer, before the deadline; whatever goes wrong is one of our errors."""
        call = group[0].call
        for item in group:
            item.sent = True
        try:
            answer = self._api.post(self._path(group[0]), body)
        except UsageError as error:
            raise MissingSettingError(str(error)) from None
        except CloudflareError as error:
            kind = UnauthorizedError if isinstance(error, NotAllowedError) else AnsweredNoError
            raise kind(self.hidden(str(error)), trace=call.trace, status=error.status, code=error.code) from None
        except UnreachableError as error:
            if isinstance(error, DeadlineError):
                raise
            if call.over:
                raise self._late() from None
            raise ConnectionFailedError(self.hidden(str(error)), trace=call.trace) from None
        if not isinstance(answer, Mapping):
            raise BrokenAnswerError(f"the batch was answered {type(answer).__name__}, no object.", trace=call.trace)
        return answer

    def poll(self, group: Sequence[Item], request_id: str) -> list[Any] | None:
        """The answers of a group, once it is done. A poll that breaks off changes nothing, and is none."""
        try:
            responses = self.post(group, {"request_id": request_id}).get("responses")
        except (ConnectionFailedError, AnsweredNoError) as error:
            if isinstance(error, AnsweredNoError) and not _passes(error.status):
                raise
            if not self._failed:
                log.warning("a batch that is queued is asked for again: %s", error)
            self._failed = str(error).removesuffix(f" (trace {error.trace})")
            return None
        self._failed = ""
        return responses if isinstance(responses, list) else None

    def pause(self, seconds: float) -> None:
        """Waits. Raises DeadlineError where the deadline would be over by then, CancelledError where nobody waits."""
        if now() + seconds > self._first.deadline:
            raise self._late()
        if self._left.wait(seconds):
            raise CancelledError

    def _late(self) -> DeadlineError:
        why = f" The last poll failed: {self._failed}" if self._failed else ""
        message = f"the batch is not done within its deadline. Raise `deadline_ms`.{why}"
        return DeadlineError(message, trace=self._first.trace)

    def _path(self, item: Item) -> str:
        target = item.call.view.route.targets[item.element]
        return f"/accounts/{self._core.settings.account_id}/ai/run/{target.model}?queueRequest=true"

    def hidden(self, text: str) -> str:
        """A text as we may show it: with neither of the tokens."""
        return without_tokens(self._core.door, text)


def _passes(status: int | None) -> bool:
    """Whether a refusal is one of the moment, and not of the batch."""
    return status is not None and (status >= 500 or status == 429)


def _done(core: Core, queue: Queue, group: Sequence[Item], request_id: str, poll_s: float) -> Iterator[Job]:
    """The jobs of a group, once it is done."""
    while (responses := queue.poll(group, request_id)) is None:
        queue.pause(poll_s)
    found = {str(part.get("id")): part for part in responses if isinstance(part, dict)}
    for place, item in enumerate(group):
        yield _job(core, queue, item, found.get(str(place)))


def _job(core: Core, queue: Queue, item: Item, response: Mapping[str, Any] | None) -> Job:
    call = item.call
    call.inferred = now()
    try:
        if response is None or not response.get("success", True):
            raise MalformedError(str((response or {}).get("error") or "the batch has no answer for it"))
        result = response.get("result")
        if not isinstance(result, dict):
            raise MalformedError("the batch has an answer for it that is no object")
        spoken = chat_in(result)
    except MalformedError as error:
        call.ended(call.prompted, "BrokenAnswerError", element=item.element)
        core.note(call, "BrokenAnswerError", None)
        return Job(item.index, None, queue.hidden(str(error)))
    call.ended(call.prompted, "ok", element=item.element)
    answer = answer_of(core, call, httpx.Headers(), served_by(call, item.element), spoken)
    core.note(call, "ok", answer)
    return Job(item.index, answer, None)
