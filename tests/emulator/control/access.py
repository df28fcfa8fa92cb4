"""Who may do what: the token of a call, and the permission groups an operation needs."""

from __future__ import annotations

import re

from tests.emulator.control.envelope import refusal
from tests.emulator.evidence import behaviour
from tests.emulator.router import Operation
from tests.emulator.web import Call
from tests.emulator.world import World

TOKEN_FORM = re.compile(r"[0-9A-Za-z\-_]{40,80}")


@behaviour("a missing or wrong token is refused with 401 and code 10000 in `errors`", "MEM", "client libraries")
def authorize(world: World, call: Call, wanted: Operation) -> None:
    """Let the call pass, or refuse it as api.cloudflare.com would."""
    if not is_known(world, call.bearer()):
        raise refusal(401, 10000, "Authentication error")


def is_known(world: World, token: str | None) -> bool:
    """Whether this is a token: the root token where one was named, else any well-formed one."""
    if token is None:
        return False
    return token == world.root_token if world.root_token else bool(TOKEN_FORM.fullmatch(token))
