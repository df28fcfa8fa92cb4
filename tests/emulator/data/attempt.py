"""One attempt at a model, wherever it is: the last rung before the upstream."""

from __future__ import annotations

from typing import Any

from tests.emulator.upstreams.catalogue import ALIASES, WORKERS_AI
from tests.emulator.upstreams.chat import Completion, complete
from tests.emulator.upstreams.reach import UpstreamFailed, reach
from tests.emulator.world import World

UPSTREAMS = ("workers-ai", "openai", "anthropic")


async def attempt(world: World, provider: str, model: str, body: dict[str, Any], timeout_ms: float) -> Completion:
    """What the model says to a chat body; raises UpstreamFailed."""
    if provider not in UPSTREAMS:
        raise UpstreamFailed(400, 2005, f"no upstream {provider!r}")
    if provider == "workers-ai":
        model = known_model(world, model)
    programme = await reach(world, model, timeout_ms)
    return complete(model, body, programme)


def known_model(world: World, model: str) -> str:
    """The model behind an id of Workers AI, aliases resolved; raises UpstreamFailed (5007)."""
    model = ALIASES.get(model, model)
    if model not in WORKERS_AI and model not in world.programmes.models():
        raise UpstreamFailed(400, 5007, f"No such model {model} or task")
    return model
