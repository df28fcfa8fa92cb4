"""Getting through to a model: latency, time limits and the failures it was told to have."""

from __future__ import annotations

import asyncio

from tests.emulator.evidence import behaviour
from tests.emulator.upstreams.programme import Failure, Programme
from tests.emulator.world import World


class UpstreamFailed(Exception):
    """The model answered with an error, or not in time (then `timed_out`)."""

    def __init__(self, status: int, code: int, message: str, timed_out: bool = False) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.timed_out = status, code, message, timed_out


@behaviour("a time limit counts to the first part of the response; 0 is no limit", "DOC", "request-handling")
async def reach(world: World, model: str, timeout_ms: float = 0) -> Programme:
    """Wait as long as the model takes to begin; raises UpstreamFailed."""
    programme = world.programmes.of(model)
    wait_ms = programme.latency.sample_ms(world.chance)
    if timeout_ms and wait_ms > timeout_ms:
        await asyncio.sleep(timeout_ms / 1000)
        raise UpstreamFailed(408, 3007, "Request timeout", timed_out=True)
    if wait_ms:
        await asyncio.sleep(wait_ms / 1000)
    if failure := programme.next_failure():
        raise _failed(failure)
    return programme


def _failed(failure: Failure) -> UpstreamFailed:
    return UpstreamFailed(failure.status, failure.code, failure.message)
