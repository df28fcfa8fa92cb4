"""Who may do what: the token of a call, and the permission groups an operation needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.emulator.assumptions import assumption
from tests.emulator.control.envelope import refusal
from tests.emulator.control.tokens.models import Token, Tokens, digest_of
from tests.emulator.evidence import behaviour
from tests.emulator.router import Operation
from tests.emulator.web import Call
from tests.emulator.world import World

TOKEN_FORM = re.compile(r"[0-9A-Za-z\-_]{40,80}")
FORBIDDEN = assumption("forbidden-status", "Which status has a token that lacks the permission group?", "403", "401")


@behaviour("a missing or wrong token is refused with 401 and code 10000 in `errors`", "MEM", "client libraries")
def authorize(world: World, call: Call, wanted: Operation) -> None:
    """Let the call pass, or refuse it as api.cloudflare.com would."""
    account = call.params.get("account", "")
    token = call.bearer()
    if not is_known(world, token, call.client):
        raise refusal(401, 10000, "Authentication error")
    if wanted.needs and not may(world, account, token, wanted.needs):
        raise refusal(int(world.assumes(FORBIDDEN)), 10000, "Authentication error")


def is_known(world: World, value: str | None, client: str) -> bool:
    """Whether this is a token that is good now and from there.

    With a root token that one, and those that were issued; else any well-formed one that was not revoked.
    """
    if value is None:
        return False
    token = issued(world, value)
    if token is not None:
        token.last_used_on = world.clock.timestamp()
        return token.status_at(world.clock.now()) == "active" and token.admits(client)
    if world.root_token is not None:
        return value == world.root_token
    return bool(TOKEN_FORM.fullmatch(value)) and not _is_revoked(world, value)


def issued(world: World, value: str) -> Token | None:
    """The token of any account that has this value; null for one that was not issued here."""
    found = (token for tokens in _issuing(world) if (token := tokens.holding(digest_of(value))))
    return next(found, None)


def may(world: World, account: str, value: str | None, groups: Iterable[str]) -> bool:
    """Whether a known token has any of these groups; what was not issued here may do everything."""
    token = issued(world, value or "")
    return token is None or token.allows(account, groups)


def _is_revoked(world: World, value: str) -> bool:
    return any(digest_of(value) in tokens.revoked for tokens in _issuing(world))


def _issuing(world: World) -> list[Tokens]:
    """The token stores of all accounts that have one."""
    return [stores[Tokens.__name__] for stores in world.accounts.values() if Tokens.__name__ in stores]
