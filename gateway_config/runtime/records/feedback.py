"""What somebody thought of an answer: always into our records, and into the gateway's log where that is possible."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from gateway_config.errors import GatewrightError, UnreachableError
from gateway_config.runtime.answer import Outcome
from gateway_config.runtime.api import api_until, without_tokens
from gateway_config.runtime.core import Core
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import is_text, shown
from gateway_config.runtime.options import number_between
from gateway_config.runtime.records.ledger import Ledger
from gateway_config.runtime.records.reader import RecordReader
from gateway_config.runtime.records.schema import feedback_line
from gateway_config.runtime.sending.call import now
from gateway_config.runtime.sending.trace import Trace, read_trace

Thumb = Literal["up", "down"]
LONGEST_NOTE = 2000
LONGEST_S = 5.0  # for the gateway's log, all tries together


@dataclass(frozen=True, slots=True)
class Feedback:
    """A feedback that was taken. `in_gateway_log`: whether the gateway's log has it too; else `why_not` says why."""

    id: str
    trace: str
    in_gateway_log: bool
    why_not: str | None


def give_feedback(
    core: Core, about: Outcome | str, thumb: Thumb | None, score: float | None, note: str | None
) -> Feedback:
    """Takes a feedback on an answer, or on the trace of one. Raises InputError for one that says nothing."""
    trace = about.trace if isinstance(about, Outcome) else about
    known = read_trace(trace) if isinstance(trace, str) else None
    if known is None:
        raise InputError(f"feedback is on an answer or its trace; found {shown(trace)}.")
    _check(thumb, score, note)
    if core.ledger is None:
        raise InputError("feedback needs a folder of records. Give records=, or set GATEWRIGHT_RECORDS.")
    id, hand = os.urandom(8).hex(), {"up": 1, "down": -1}.get(thumb or "")
    core.ledger.write(lambda: feedback_line(trace, id, hand, score, note))
    log_id = about.log_id if isinstance(about, Outcome) else _log_id(core.ledger, known)
    why_not = _told(core, log_id, hand, score)
    return Feedback(id, trace, why_not is None, why_not)


def _check(thumb: Thumb | None, score: float | None, note: str | None) -> None:
    if thumb is None and score is None and not note:
        raise InputError("a feedback has a thumb, a score or a note.")
    if thumb not in (None, "up", "down"):
        raise InputError(f'a thumb is "up" or "down"; found {shown(thumb)}.')
    if score is not None:
        number_between("a score", score, 0, 100)
    if note is not None and (not is_text(note) or len(note) > LONGEST_NOTE):
        raise InputError(f"a note is a text of at most {LONGEST_NOTE:,} characters.")


def _log_id(ledger: Ledger, trace: Trace) -> str | None:
    """The id of the log entry, from the record of the call, which may still wait to be written."""
    ledger.flush()
    own = (record for record in RecordReader(ledger.folder, trace.at) if record["id"] == trace.request_id)
    return next((record["log_id"] for record in own), None)


def _told(core: Core, log_id: str | None, hand: int | None, score: float | None) -> str | None:
    """None where the gateway's log has taken it, else why not; accounts made since 2026-09-24 have no Logs API."""
    if log_id is None:
        return "the id of the log entry is not known"
    if hand is None and score is None:
        return "the log takes a thumb or a score, and no note"
    if not os.environ.get("CLOUDFLARE_API_TOKEN"):
        return "CLOUDFLARE_API_TOKEN is not set"
    body: Mapping[str, Any] = {"feedback": hand, **({} if score is None else {"score": score})}
    account, gateway = core.settings.account_id, core.door.gateway_id
    moment = now() + LONGEST_S
    try:
        with api_until(moment, LONGEST_S, partial(_pause, moment), attempts=2) as api:
            api.patch(f"/accounts/{account}/ai-gateway/gateways/{gateway}/logs/{log_id}", body)
    except GatewrightError as error:
        return without_tokens(core.door, str(error))
    return None


def _pause(moment: float, seconds: float) -> None:
    if now() + seconds >= moment:
        raise UnreachableError(f"the gateway's log did not take it within {LONGEST_S:.0f} s")
    time.sleep(seconds)
