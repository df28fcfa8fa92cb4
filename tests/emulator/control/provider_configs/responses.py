"""`…/gateways/{gateway}/provider_configs`, and the gateway's URL."""

from __future__ import annotations

from tests.emulator.control.envelope import paged, problem, refuse, result
from tests.emulator.control.gateways.responses import GATEWAY, READ, WRITE, gateway_at, invalid
from tests.emulator.control.provider_configs.models import ProviderConfigs
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import Field, boolean, nullable, number, object_of, text
from tests.emulator.web import Call, Reply
from tests.emulator.world import World

CONFIGS = f"{GATEWAY}/provider_configs"
config_body = object_of(
    {
        "alias": Field(text(1), True),
        "default_config": Field(boolean, True),
        "provider_slug": Field(text(1), True),
        "secret": Field(nullable(text(1))),
        "secret_id": Field(nullable(text(1))),
        "rate_limit": Field(nullable(number(0))),
        "rate_limit_period": Field(nullable(number(0))),
    }
)


@operation("POST", CONFIGS, "LIVE", "alchemy ProviderKey.ts", WRITE)
@behaviour(
    "a key needs a Secrets Store on its gateway; else 7001 'was not found'",
    "LIVE",
    "alchemy ProviderKey.ts",
)
def create_config(world: World, call: Call) -> Reply:
    """Store a provider's key for a gateway; the key is never shown again."""
    gateway, body = gateway_at(world, call), call.json_object
    if refused := invalid(config_body(body, ("body",))):
        raise refused
    if not gateway.settings["store_id"]:
        name = f"{gateway.id}_{body['provider_slug']}_{body['alias']}"
        raise refuse(400, problem(7001, f"Secret {name} was not found", ("body", "secret_id")))
    configs = world.of(call.params["account"], ProviderConfigs)
    if configs.find(gateway.id, body["provider_slug"], body["alias"]):
        raise refuse(400, problem(7001, "Provider config with this alias already exists", ("body", "alias")))
    return result(configs.add(world, gateway.id, body).as_dict())


@operation("GET", CONFIGS, "LIVE", "alchemy ProviderKey.ts", READ)
def list_configs(world: World, call: Call) -> Reply:
    """List the stored keys of a gateway, masked."""
    gateway = gateway_at(world, call)
    configs = world.of(call.params["account"], ProviderConfigs).of(gateway.id)
    return paged(call, [config.as_dict() for config in configs])


@operation("DELETE", f"{CONFIGS}/{{config}}", "LIVE", "alchemy ProviderKey.ts", WRITE)
def delete_config(world: World, call: Call) -> Reply:
    """Forget a stored key."""
    gateway = gateway_at(world, call)
    configs = world.of(call.params["account"], ProviderConfigs)
    config = configs.all.get(call.params["config"])
    if config is None or config.gateway_id != gateway.id:
        raise refuse(404, problem(7002, "Provider config not found"))
    return result(configs.all.pop(config.id).as_dict())


@operation("GET", f"{GATEWAY}/url/{{provider}}", "SDK", "ai_gateway.urls.get: `result` is a string", READ)
def gateway_url(world: World, call: Call) -> Reply:
    """The URL of a gateway's door for one provider."""
    gateway = gateway_at(world, call)
    host = call.headers.get("host", "gateway.ai.cloudflare.com")
    return result(f"http://{host}/v1/{call.params['account']}/{gateway.id}/{call.params['provider']}")
