"""Who pays an upstream that is not Workers AI: the request's key, a stored one, or Unified Billing."""

from __future__ import annotations

from typing import Literal

from tests.emulator.assumptions import assumption
from tests.emulator.control.access import issued
from tests.emulator.control.provider_configs.models import ProviderConfigs
from tests.emulator.data.errors import gateway_error
from tests.emulator.data.exchange import Exchange
from tests.emulator.evidence import behaviour

Credential = Literal["request", "stored", "unified"]
CREDITS = assumption(
    "unified-billing", "Has the account credits, so that upstreams answer without a key?", "funded", "no-credits"
)


@behaviour(
    "a key on the request comes before a stored one, then Unified Billing",
    "3P",
    "a reading of unified-billing",
)
def credential_of(exchange: Exchange, provider: str) -> Credential:
    """What pays for the call; refused where nothing does."""
    if _has_own_key(exchange):
        return "request"
    alias = exchange.header("cf-aig-byok-alias") or "default"
    stored = exchange.world.of(exchange.account, ProviderConfigs).find(exchange.gateway.id, provider, alias)
    if stored:
        return "stored"
    if exchange.gateway.settings["byok_only"]:
        raise gateway_error(400, 2005, "Provider credentials are required for this gateway")
    if exchange.header("cf-aig-no-wholesale") == "true" or exchange.world.assumes(CREDITS) == "no-credits":
        raise gateway_error(402, 2021, "Insufficient credits")
    return "unified"


def _has_own_key(exchange: Exchange) -> bool:
    """A provider's key in x-api-key, or an Authorization that is not the gateway's token."""
    if exchange.call.headers.get("x-api-key"):
        return True
    sent, world = exchange.call.bearer("authorization"), exchange.world
    if sent is None or exchange.call.path.startswith("/client/"):
        return False
    is_cloudflare = sent == world.root_token or issued(world, sent) is not None
    return not is_cloudflare and "cf-aig-authorization" in exchange.call.headers
