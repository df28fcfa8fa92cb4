"""`/accounts/{account}/ai-gateway/gateways`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from tests.emulator.control.envelope import paged, problem, refuse, result
from tests.emulator.control.gateways.models import MOST_GATEWAYS, Gateway, Gateways
from tests.emulator.control.gateways.schema import FIELDS, ID
from tests.emulator.control.logs.models import GatewayLogs
from tests.emulator.control.provider_configs.models import ProviderConfigs
from tests.emulator.control.routes.models import Routes
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import Field, Wrong, object_of
from tests.emulator.web import Call, Refusal, Reply
from tests.emulator.world import World

GATEWAYS = "/client/v4/accounts/{account}/ai-gateway/gateways"
GATEWAY = f"{GATEWAYS}/{{gateway}}"
READ = ("AI Gateway Read", "AI Gateway Write")
WRITE = ("AI Gateway Write",)
MOST_PROBLEMS = 50  # of this emulator; a body full of junk needs no longer list

update_body = object_of(FIELDS)
create_body = object_of({"id": Field(ID, required=True), **FIELDS})


def invalid(wrong: Iterable[Wrong]) -> Refusal | None:
    """The 7001 refusal for what is wrong with a request; null where nothing is."""
    problems = [problem(7001, message, path) for path, message in islice(wrong, MOST_PROBLEMS)]
    return refuse(400, *problems) if problems else None


def gateway_at(world: World, call: Call) -> Gateway:
    """The gateway the path names; refused with 7002 where it does not exist."""
    found = world.of(call.params["account"], Gateways).all.get(call.params["gateway"])
    if found is None:
        raise refuse(404, problem(7002, "Gateway not found"))
    return found


@operation("POST", GATEWAYS, "OAS", "OpenAPI of 2026-10-04", WRITE)
def create_gateway(world: World, call: Call) -> Reply:
    """Create a gateway."""
    body = _checked(call, create_body, {"id": Field(ID), **FIELDS})
    gateways = world.of(call.params["account"], Gateways)
    if body["id"] in gateways.all:
        raise refuse(400, problem(7001, "Gateway with this id already exists", ("body", "id")))
    _refuse_too_many(world, len(gateways.all))
    return result(gateways.create(world, body["id"], body).as_dict())


@operation("GET", GATEWAYS, "OAS", "OpenAPI of 2026-10-04", READ)
def list_gateways(world: World, call: Call) -> Reply:
    """List gateways; `search` looks into ids."""
    found = world.of(call.params["account"], Gateways).all.values()
    wanted = call.query.get("search", "")
    return paged(call, [gateway.as_dict() for gateway in found if wanted in gateway.id])


@operation("GET", GATEWAY, "OAS", "OpenAPI of 2026-10-04", READ)
def get_gateway(world: World, call: Call) -> Reply:
    """Get one gateway."""
    return result(gateway_at(world, call).as_dict())


@operation("PUT", GATEWAY, "OAS", "OpenAPI of 2026-10-04", WRITE)
def update_gateway(world: World, call: Call) -> Reply:
    """Replace all settings of a gateway; there is no PATCH."""
    gateway = gateway_at(world, call)
    body = _checked(call, update_body, FIELDS)
    world.of(call.params["account"], Gateways).replace(world, gateway, body)
    if gateway.settings["cache_invalidate_on_update"]:
        forget_cached(world, call.params["account"], gateway.id)
    return result(gateway.as_dict())


@operation("DELETE", GATEWAY, "OAS", "OpenAPI of 2026-10-04", WRITE)
def delete_gateway(world: World, call: Call) -> Reply:
    """Delete a gateway, and with it its routes, keys, logs and cache."""
    gateway, account = gateway_at(world, call), call.params["account"]
    del world.of(account, Gateways).all[gateway.id]
    world.of(account, Routes).forget(gateway.id)
    world.of(account, ProviderConfigs).forget(gateway.id)
    world.of(account, GatewayLogs).by_gateway.pop(gateway.id, None)
    forget_cached(world, account, gateway.id)
    return result(gateway.as_dict())


@behaviour("an update empties the cache where cache_invalidate_on_update says so", "OAS", "OpenAPI of 2026-10-04")
def forget_cached(world: World, account: str, gateway: str) -> None:
    gone = [key for key in world.cache if isinstance(key, tuple) and key[:2] == (account, gateway)]
    for key in gone:
        del world.cache[key]


@behaviour("an account has at most 20 gateways (10 on a free plan); the code is not known", "DOC", "limits")
def _refuse_too_many(world: World, count: int) -> None:
    most = world.assumes(MOST_GATEWAYS)
    if most != "unlimited" and count >= int(most):
        raise refuse(400, problem(7001, f"Gateway limit of {most} reached"))


def _checked(call: Call, check: Any, fields: Mapping[str, Field]) -> dict[str, Any]:
    body = call.json_object
    if refused := invalid(check(body, ("body",))):
        raise refused
    for name in body.keys() - fields.keys():
        call.drop(f"gateway field {name!r} is unknown")
    return body
