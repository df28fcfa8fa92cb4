"""`/accounts/{account}/tokens`."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

from tests.emulator.clock import parse_timestamp
from tests.emulator.control.access import issued
from tests.emulator.control.envelope import paged, problem, refusal, refuse, result
from tests.emulator.control.tokens.groups import GROUPS
from tests.emulator.control.tokens.models import Token, Tokens
from tests.emulator.evidence import behaviour
from tests.emulator.router import operation
from tests.emulator.schema import Field, Path, Wrong, list_of, map_of, nullable, object_of, one_of, text
from tests.emulator.web import Call, Reply
from tests.emulator.world import World

TOKENS = "/client/v4/accounts/{account}/tokens"
TOKEN = f"{TOKENS}/{{token}}"
READ = ("Account API Tokens Read", "Account API Tokens Write")
WRITE = ("Account API Tokens Write",)


def moment(value: Any, path: Path) -> Iterator[Wrong]:
    try:
        parse_timestamp(value)
    except (TypeError, ValueError):
        yield path, f"{path[-1]} must be an RFC 3339 time"


def address_range(value: Any, path: Path) -> Iterator[Wrong]:
    try:
        ip_network(value, strict=False)
    except ValueError:
        yield path, f"{value!r} is no range of IP addresses"


resource = nullable(lambda value, path: iter(()) if isinstance(value, str) else map_of(text())(value, path))
policy = object_of(
    {
        "effect": Field(one_of("allow", "deny"), True),
        "resources": Field(map_of(resource), True),
        "permission_groups": Field(list_of(object_of({"id": Field(text(1), True)})), True),
    }
)
ranges = object_of({"in": Field(list_of(address_range)), "not_in": Field(list_of(address_range))})
token_body = object_of(
    {
        "policies": Field(list_of(policy), True),
        "expires_on": Field(nullable(moment)),
        "not_before": Field(nullable(moment)),
        "condition": Field(nullable(object_of({"request_ip": Field(nullable(ranges))}))),
    }
)


@operation("GET", f"{TOKENS}/verify", "OAS", "OpenAPI")
def verify(world: World, call: Call) -> Reply:
    """Verify the token the call is made with."""
    token = issued(world, call.bearer() or "")
    if token is None:
        return result({"id": "0" * 32, "status": "active"})
    times = {"expires_on": token.expires_on, "not_before": token.not_before}
    return result({"id": token.id, "status": token.status_at(world.clock.now()), **times})


@operation("GET", f"{TOKENS}/permission_groups", "OAS", "alchemy PermissionGroups.ts", READ)
def list_groups(world: World, call: Call) -> Reply:
    """List permission groups; the same name exists in more than one scope."""
    name, scope = call.query.get("name"), call.query.get("scope")
    found = [one for one in GROUPS.values() if name in (None, one.name) and scope in (None, one.scope)]
    return result([group.as_dict() for group in found])


@operation("POST", TOKENS, "OAS", "OpenAPI", WRITE)
def create_token(world: World, call: Call) -> Reply:
    """Create a token; its value is in this answer and in no other."""
    token, value = world.of(call.params["account"], Tokens).issue(world, _settings(call))
    return result({**token.as_dict(world.clock.now()), "value": value})


@operation("GET", TOKENS, "OAS", "OpenAPI", READ)
def list_tokens(world: World, call: Call) -> Reply:
    """List tokens, without values."""
    tokens = world.of(call.params["account"], Tokens).all.values()
    return paged(call, [token.as_dict(world.clock.now()) for token in tokens])


@operation("GET", TOKEN, "OAS", "OpenAPI", READ)
def get_token(world: World, call: Call) -> Reply:
    """Get a token, without its value."""
    return result(_token_at(world, call).as_dict(world.clock.now()))


@operation("PUT", TOKEN, "OAS", "OpenAPI", WRITE)
def update_token(world: World, call: Call) -> Reply:
    """Replace name, policies, condition and dates."""
    token = _token_at(world, call)
    status = call.json_object.get("status", token.status)
    if status not in ("active", "disabled"):
        raise refusal(400, 1001, "status must be active or disabled")
    world.of(call.params["account"], Tokens).replace(world, token, {**_settings(call), "status": status})
    return result(token.as_dict(world.clock.now()))


@operation("PUT", f"{TOKEN}/value", "OAS", "OpenAPI", WRITE)
def roll_token(world: World, call: Call) -> Reply:
    """Give a token a new value; the answer is the value alone."""
    token = _token_at(world, call)
    return result(world.of(call.params["account"], Tokens).roll(world, token))


@operation("DELETE", TOKEN, "OAS", "OpenAPI", WRITE)
def delete_token(world: World, call: Call) -> Reply:
    """Delete a token."""
    token = _token_at(world, call)
    world.of(call.params["account"], Tokens).delete(token)
    return result({"id": token.id})


def _token_at(world: World, call: Call) -> Token:
    token = world.of(call.params["account"], Tokens).all.get(call.params["token"])
    if token is None:
        raise refusal(404, 1003, "Invalid API Token: not found")
    return token


@behaviour("an unknown permission group is 1001, a bad name 'name must have a length'", "LIVE", "alchemy live tests")
def _settings(call: Call) -> dict[str, Any]:
    body = call.json_object
    name = body.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 120:
        raise refusal(400, 1001, "name must have a length between 1 and 120 characters")
    wrong = list(token_body(body, ()))
    if wrong:
        raise refuse(400, *(problem(1001, f"{'.'.join(map(str, path))}: {message}") for path, message in wrong))
    if not body["policies"]:
        raise refusal(400, 1001, "policies must have at least one policy")
    for group in (group for one in body["policies"] for group in one["permission_groups"]):
        if group["id"] not in GROUPS:
            raise refusal(400, 1001, f"Permission group '{group['id']}' not found")
    optional = ("condition", "expires_on", "not_before")
    return {"name": name, "policies": body["policies"], **{field: body.get(field) for field in optional}}
