"""One request to a gateway: which gateway, whose, with what metadata, under which ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.access import is_known, may
from tests.emulator.control.gateways.models import Gateway, Gateways
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.metadata import metadata_of
from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.answers import Answer
from tests.emulator.web import Call, MalformedBody
from tests.emulator.world import World

WITHOUT_TOKEN = assumption(
    "workers-ai-without-token",
    "Does a gateway without authentication serve Workers AI to a request without any token?",
    "refused",
    "served",
)
RUN_ALONE = assumption(
    "run-token-alone",
    "Does Workers AI behind a gateway want Workers AI Read on the token, or is AI Gateway Run enough?",
    "wants-read",
    "is-enough",
)
RUN = ("AI Gateway Run",)
INVOKE = ("Workers AI Read", "Workers AI Write")


@dataclass
class Ask:
    """What is asked of whom; `body` is read, whatever form it came in."""

    provider: str
    model: str
    body: dict[str, Any]
    endpoint: str = ""

    @property
    def streams(self) -> bool:
        return self.body.get("stream") is True


@dataclass
class Exchange:
    """What is known of a request once the gateway has accepted it, and what comes of it."""

    world: World
    call: Call
    account: str
    gateway: Gateway
    metadata: dict[str, Any]
    token: str | None
    log_id: str
    event_id: str
    headers: dict[str, str] = field(default_factory=dict)  # of the answer
    began_s: float = field(default_factory=perf_counter)
    answer: Answer | None = None
    served_by: tuple[str, str] | None = None  # upstream and model
    cached: bool = False
    rate_limited: bool = False

    def header(self, *names: str) -> str | None:
        """The first of these request headers that is there."""
        return next((self.call.headers[name] for name in names if name in self.call.headers), None)

    def number(self, *names: str) -> int | None:
        """A header that is a whole number; null where it is missing or something else."""
        text = self.header(*names) or ""
        return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None

    @property
    def body(self) -> dict[str, Any]:
        """The body as a JSON object; refused by the gateway where it is not."""
        try:
            return self.call.json_object
        except MalformedBody as error:
            raise gateway_error(400, 2004, f"Invalid request: {error}") from error


def open_exchange(world: World, call: Call, gateway_id: str, token: str | None) -> Exchange:
    """Accept a request at a gateway; refused with 400/2001 or 401/2009 where that cannot be."""
    account = call.params["account"]
    gateway = world.of(account, Gateways).for_request(world, gateway_id)
    if gateway is None:
        raise gateway_error(400, 2001, "Please configure AI Gateway in the Cloudflare dashboard")
    _check_token(world, call, gateway, token)
    log_id = world.chance.uuid7(world.clock.now())
    event_id = call.headers.get("cf-aig-event-id", log_id)
    call.trail["gateway"], call.trail["log_id"] = gateway_id, log_id
    exchange = Exchange(world, call, account, gateway, metadata_of(world, call), token, log_id, event_id)
    exchange.headers.update(_ids(log_id, event_id))
    return exchange


@behaviour("a single-step request has one id: request-id, log-id and event-id are equal", "DOC", "changelog 2026-10-08")
def _ids(log_id: str, event_id: str) -> dict[str, str]:
    return {"cf-aig-log-id": log_id, "cf-aig-event-id": event_id, "cf-aig-request-id": log_id}


@behaviour("an authenticated gateway refuses what carries no valid token: 401/2009", "LIVE", "docs#31050")
def _check_token(world: World, call: Call, gateway: Gateway, token: str | None) -> None:
    account = call.params["account"]
    good = gateway.settings["authentication"] is not True or (
        is_known(world, token, call.client) and may(world, account, token, RUN)
    )
    if not good:
        raise gateway_error(401, 2009, "Unauthorized")


def gateway_token(call: Call) -> str | None:
    """The Cloudflare token of a request to gateway.ai; OpenAI clients send it as `Authorization`."""
    return call.bearer("cf-aig-authorization") or call.bearer("authorization")


@behaviour("Workers AI wants a Cloudflare token with Workers AI Read", "DOC", "providers/workersai")
def check_workers_ai(exchange: Exchange) -> None:
    """On gateway.ai that token is `Authorization`; where there is none, the gateway's."""
    world, call = exchange.world, exchange.call
    token = call.bearer("authorization") or exchange.token
    if token is None and world.assumes(WITHOUT_TOKEN) == "served":
        return
    groups = INVOKE + (RUN if world.assumes(RUN_ALONE) == "is-enough" else ())
    if not is_known(world, token, call.client) or not may(world, exchange.account, token, groups):
        raise gateway_error(401, 2009, "Unauthorized")
