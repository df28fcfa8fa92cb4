"""Rules about what happens when a model does not answer: fallbacks and deadlines."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_config.config import Defaults, Route, Target
from gateway_config.problems import Severity
from gateway_config.rules.registry import Checked, Complaint, rule

# Cloudflare waits between two tries of one model; the default is not documented, so a second is counted for each.
RETRY_PAUSE_MS = 1000


@rule(Severity.WARNING)
def missing_fallback(checked: Checked) -> Iterator[Complaint]:
    """A chat route has a fallback, so that one model's bad hour is not everybody's."""
    for view in checked.routes():
        route = view.route
        if route.kind in ("chat", "vision") and route.arms and not route.fallback:
            yield view.complaint((), f'"{view.name}" has no fallback. Name a model under `fallback`.')


@rule()
def fallback_repeats(checked: Checked) -> Iterator[Complaint]:
    """A chain of fallbacks names each model once, and not the only arm's own model first."""
    for view in checked.routes():
        seen: set[str] = set()
        arms = {target.model for target in view.route.arms.values()}
        for number, target in enumerate(view.route.fallback):
            path = ("fallback", number, "model")
            if target.model in seen:
                message = f'"{target.model}" has failed already when its turn comes again. Name each model once.'
                yield view.complaint(path, message)
            elif number == 0 and arms == {target.model}:
                message = f'"{target.model}" is what has just failed. Name another model first, or raise `retries`.'
                yield view.complaint(path, message)
            seen.add(target.model)


@rule()
def deadline_chain(checked: Checked) -> Iterator[Complaint]:
    """The deadline of a route covers its chain: every time limit and retry of the slowest arm and all fallbacks."""
    defaults = checked.config.file.defaults
    for view in checked.routes():
        deadline_ms = view.route.deadline_ms or defaults.deadline_ms
        needed_ms = longest_ms(view.route, defaults)
        if needed_ms > deadline_ms:
            path = ("deadline_ms",) if view.route.deadline_ms else ()
            message = (
                f'the chain of "{view.name}" may take {needed_ms:,} ms, and its deadline is {deadline_ms:,} ms. '
                "Raise `deadline_ms`, or lower `first_byte_ms` or `retries` on the way."
            )
            yield view.complaint(path, message)


def longest_ms(route: Route, defaults: Defaults) -> int:
    """How long the slowest arm and all fallbacks may take together until one of them begins to answer."""
    slowest = max((_patience_ms(target, defaults) for target in route.arms.values()), default=0)
    return slowest + sum(_patience_ms(target, defaults) for target in route.fallback)


def _patience_ms(target: Target, defaults: Defaults) -> int:
    tries = 1 + (defaults.retries if target.retries is None else target.retries)
    return tries * (target.first_byte_ms or defaults.first_byte_ms) + (tries - 1) * RETRY_PAUSE_MS
