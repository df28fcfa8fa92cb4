"""`/accounts/{account}/tokens`."""

from __future__ import annotations

from hashlib import sha256

from tests.emulator.control.envelope import result
from tests.emulator.router import operation
from tests.emulator.web import Call, Reply
from tests.emulator.world import World

TOKENS = "/client/v4/accounts/{account}/tokens"


@operation("GET", f"{TOKENS}/verify", "OAS", "facts 6")
def verify(world: World, call: Call) -> Reply:
    """Verify the token the call is made with."""
    token = call.bearer() or ""
    return result({"id": sha256(token.encode()).hexdigest()[:32], "status": "active"})
