"""What the engine says when it fails, in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi import automation

from gateway_config.errors import GatewrightError, ServiceError
from infra.changes import Collector, first_of_each
from infra.engine_setup import readable


class EngineError(ServiceError):
    """The engine did not do what was asked; the message is what it said."""


class BusyError(EngineError):
    """Another run is at work on the stage; nothing was changed by this one."""


class StoppedError(GatewrightError):
    """Somebody pressed Ctrl-C."""

    exit_code = 130


_HOLDER = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\) at (?P<since>\S+)")
BROKEN = "snapshot integrity failure"
"""What the engine says of a state that it has broken itself, and that the next run mends."""
NOT_EMPTY = "10008"
"""Cloudflare's code for a bucket that still holds something."""


def busy(stage: str, holder: str | None) -> BusyError:
    """Who is at work, where that is known, and what to do."""
    who = f": {holder}" if holder else ""
    return BusyError(
        f"Somebody else works on stage {stage}{who}. Nothing was changed. Wait, then try again. If that run was "
        f"killed on another machine, `pulumi cancel --stack {stage}` removes its lock."
    )


@contextmanager
def in_our_words(stage: str, collector: Collector | None = None) -> Iterator[None]:
    """Turns what the CLI says when it fails into sentences; what the engine told while it ran comes first."""
    try:
        yield
    except automation.ConcurrentUpdateError as error:
        raise busy(stage, _holder(str(error))) from None
    except automation.CommandError as error:
        told = collector.errors if collector else []
        said = first_of_each([line for line in told if BROKEN not in line])
        raise EngineError("\n".join(said) or readable(str(error))) from None


def _holder(said: str) -> str | None:
    found = _HOLDER.search(said)
    return "{user} on {host}, process {pid}, since {since}".format(**found.groupdict()) if found else None


@contextmanager
def not_emptied(bucket: str | None) -> Iterator[None]:
    """Says what to do where a bucket cannot be removed because it holds what we did not write."""
    try:
        yield
    except EngineError as error:
        if bucket is None or NOT_EMPTY not in str(error):
            raise
        raise EngineError(
            f'Bucket "{bucket}" holds more than the published config, so Cloudflare does not remove it. Empty it '
            "(R2 in the dashboard, or any S3 client), then `gatewright destroy` removes what is left."
        ) from None


@contextmanager
def stopped(verb: str) -> Iterator[None]:
    """Turns a Ctrl-C into a sentence."""
    try:
        yield
    except KeyboardInterrupt:
        left = "Nothing was changed." if verb == "preview" else f"`gatewright {verb}` again does what is left."
        raise StoppedError(f"Interrupted. {left}") from None
