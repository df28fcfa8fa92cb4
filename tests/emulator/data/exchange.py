"""One request to a gateway: which gateway, whose, with what metadata, under which ids."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.emulator.assumptions import assumption
from tests.emulator.control.access import is_known
from tests.emulator.control.gateways.models import Gateway, Gateways
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.metadata import metadata_of
from tests.emulator.evidence import behaviour
from tests.emulator.web import Call, MalformedBody
from tests.emulator.world import World

WITHOUT_TOKEN = assumption(
    "workers-ai-without-token",
    "Does a gateway without authentication serve Workers AI to a request without any token?",
    "refused",
    "served",
)


@dataclass
class Exchange:
    """What is known of a request once the gateway has accepted it."""

    world: World
    call: Call
    account: str
    gateway: Gateway
    metadata: dict[str, Any]
    token: str | None
    log_id: str
    event_id: str
    headers: dict[str, str] = field(default_factory=dict)  # of the answer

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
    check_token(world, gateway, token)
    log_id = world.chance.uuid7(world.clock.now())
    event_id = call.headers.get("cf-aig-event-id", log_id)
    call.trail["gateway"], call.trail["log_id"] = gateway_id, log_id
    exchange = Exchange(world, call, account, gateway, metadata_of(world, call), token, log_id, event_id)
    exchange.headers.update(ids_of(log_id, event_id))
    return exchange


@behaviour("a single-step request has one id: request-id, log-id and event-id are equal", "DOC", "2026-10-08")
def ids_of(log_id: str, event_id: str) -> dict[str, str]:
    return {"cf-aig-log-id": log_id, "cf-aig-event-id": event_id, "cf-aig-request-id": log_id}


@behaviour("an authenticated gateway refuses what carries no valid token: 401/2009", "LIVE", "docs#31050")
def check_token(world: World, gateway: Gateway, token: str | None) -> None:
    if gateway.settings["authentication"] and not is_known(world, token):
        raise gateway_error(401, 2009, "Unauthorized")


def gateway_token(call: Call) -> str | None:
    """The Cloudflare token of a request to gateway.ai; OpenAI clients send it as `Authorization`."""
    return call.bearer("cf-aig-authorization") or call.bearer("authorization")


def check_workers_ai(exchange: Exchange) -> None:
    """Workers AI wants a Cloudflare token, also behind a gateway that wants none."""
    needless = exchange.world.assumes(WITHOUT_TOKEN) == "served" and exchange.token is None
    if not needless and not is_known(exchange.world, exchange.token):
        raise gateway_error(401, 2009, "Unauthorized")
