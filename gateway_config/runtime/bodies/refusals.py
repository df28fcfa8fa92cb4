"""From an answer that says no to one of our errors, with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gateway_config.runtime.bodies.chat import read_json
from gateway_config.runtime.errors import (
    AnsweredNoError,
    BlockedError,
    GatewayMissingError,
    NoModelAnsweredError,
    RateLimitedError,
    RouteMissingError,
    TooLargeError,
    UnauthorizedError,
)

# The gateway's own codes (facts 3.4); a status without a known code is looked up after them.
_BY_CODE: dict[int, tuple[type[AnsweredNoError], str]] = {
    2001: (GatewayMissingError, "Deploy the stage with `gatewright up`, or check CLOUDFLARE_ACCOUNT_ID and the stage."),
    2003: (RateLimitedError, "Wait, or raise the limit in gateway.yaml."),
    2005: (
        NoModelAnsweredError,
        "The arm and its fallbacks failed or were too slow, or a limit of the route was reached. Try again later; "
        "`gatewright verify` compares the route.",
    ),
    2009: (UnauthorizedError, "Check GATEWRIGHT_TOKEN: is it for this account and stage, and unexpired?"),
    2016: (BlockedError, "A guardrail stopped the prompt."),
    2017: (BlockedError, "A guardrail stopped the prompt or the answer."),
    3006: (TooLargeError, "The input is too large for the model. Send less."),
}
_BY_STATUS: dict[int, tuple[type[AnsweredNoError], str]] = {
    401: (UnauthorizedError, "Check GATEWRIGHT_TOKEN: is it for this account and stage, and unexpired?"),
    403: (
        UnauthorizedError,
        "Check that the token has the permission AI Gateway Run, and that the account accepted the model's licence.",
    ),
    404: (RouteMissingError, "Deploy the route with `gatewright up`; `gatewright verify` says what is there."),
    413: (TooLargeError, "The input is too large for the model. Send less."),
    422: (BlockedError, "A guardrail stopped the prompt or the answer."),
    424: (BlockedError, "A guardrail or data loss prevention stopped the prompt or the answer."),
    429: (RateLimitedError, "Wait, or raise the limit; a spend limit of the gateway answers so, too."),
}
LONGEST_COMPLAINT = 200
LARGEST_CODE = 10**9


class Complaint(NamedTuple):
    """What an error body says. `own` is true where the gateway itself speaks, not a model behind it."""

    code: int | None
    said: str
    own: bool


def complaint_of(body: bytes) -> Complaint:
    """The first error of a body: the gateway says `error`, the API `errors`, an OpenAI upstream a mapping."""
    try:
        data = read_json(body)
    except (ValueError, RecursionError):
        return Complaint(None, "", False)
    return complaint_in(data) if isinstance(data, dict) else Complaint(None, "", False)


def complaint_in(data: Mapping[str, Any]) -> Complaint:
    """The same of a body that is read already."""
    found = data.get("error") or data.get("errors")
    first = found[0] if isinstance(found, list) and found else found
    # Only the gateway itself says `error` with a list; Workers AI behind it says `errors` (trap 16).
    own = isinstance(data.get("error"), list)
    if isinstance(first, dict):
        return Complaint(_integer(first.get("code")), _short(first.get("message")), own)
    return Complaint(None, _short(first), own)


def _integer(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= LARGEST_CODE else None


def _short(value: Any) -> str:
    text = " ".join(str(value or "").split())
    return text if len(text) <= LONGEST_COMPLAINT else f"{text[:LONGEST_COMPLAINT]}…"


def refusal(what: str, status: int, content_type: str, body: bytes, trace: str) -> AnsweredNoError:
    """The error for an answer with an error status; `what` names the call in its sentence."""
    code, said, _ = complaint_of(body)
    kind, way_on = _BY_CODE.get(code or 0) or _BY_STATUS.get(status) or (AnsweredNoError, _way_on(status))
    said = said or f"no reason given, {content_type or 'no content type'}"
    shown_code = "" if code is None else f", code {code}"
    return kind(
        f"{what}: {said.rstrip('.')} (HTTP {status}{shown_code}). {way_on}", trace=trace, status=status, code=code
    )


def _way_on(status: int) -> str:
    if status >= 500:
        return "Try again later."
    if 300 <= status < 400:
        return "Check GATEWRIGHT_URL: the gateway does not redirect."
    return "Check the parameters of the call."
