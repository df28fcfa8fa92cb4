"""Observed against declared: how many of so many requests an arm served, and how likely that is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

# One run in a million fails by chance; the demo is seeded, so it is always the same run.
LEAST_P = 1e-6


@dataclass(frozen=True, slots=True)
class Observed:
    """What one arm served of `requests`, and the probability of being at least so far from its declared share."""

    arm: str
    declared: int
    served: int
    requests: int

    @property
    def p(self) -> float:
        return two_sided_p(self.served, self.requests, self.declared / 100)

    def __str__(self) -> str:
        return f"{self.arm} {100 * self.served / self.requests:.1f} % ({self.declared} declared)"


def observe(declared: Mapping[str, int], arms: Iterable[str | None]) -> tuple[Observed, ...]:
    """Each declared arm with what it served; a request that no declared arm served counts against all."""
    served = list(arms)
    largest_first = sorted(declared.items(), key=lambda item: -item[1])
    return tuple(Observed(arm, share, served.count(arm), len(served)) for arm, share in largest_first)


def two_sided_p(hits: int, draws: int, share: float) -> float:
    """The exact binomial probability of a count at least as far out as this one, on either side."""
    below = sum(_probability(count, draws, share) for count in range(hits + 1))
    above = sum(_probability(count, draws, share) for count in range(hits, draws + 1))
    return min(1.0, 2 * min(below, above))


def _probability(hits: int, draws: int, share: float) -> float:
    if share in (0.0, 1.0):
        return float(hits == draws * share)
    ways = math.lgamma(draws + 1) - math.lgamma(hits + 1) - math.lgamma(draws - hits + 1)
    return math.exp(ways + hits * math.log(share) + (draws - hits) * math.log1p(-share))
