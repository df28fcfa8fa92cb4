"""How shares become buckets and percentages, exactly, and how both are read back from a graph.

A caller that is ours sends its bucket, and meets a chain of conditionals that asks for it. A caller that sends none
falls through to percentage elements with the same shares.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter

from gateway_config.buckets import BUCKETS
from gateway_config.conditions import METADATA, comparison
from gateway_config.errors import GraphError
from gateway_config.graph import (
    CONDITIONAL,
    PERCENTAGE,
    Element,
    Graph,
    canonical_outputs,
    graph_digest,
    percent,
)

# Cloudflare takes at most five outputs of a percentage element, and their keys are the percentages themselves
# (facts: live-tested documentation change #30453), so two outputs of one element cannot be equal.
MOST_OUTPUTS = 5

BUCKET_KEY = f"{METADATA}bucket"

# How an element that stands for so many hundredths is cut when its arms do not fit into five outputs. Each size
# divides 100, so every integer amount inside it is again an integer percentage.
_BUNDLES: Mapping[int, tuple[int, ...]] = {
    100: (50, 25, 20, 5),
    50: (25, 20, 5),
    25: (20, 5),
    20: (10, 5, 4, 1),
    10: (5, 4, 1),
    5: (4, 1),
    4: (2, 2),
}


def buckets_of_arms(shares: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """The buckets of each arm: neighbouring ranges in the reverse order of the arms' names (champion, challenger).

    Because a change moves borders only, two arms exchange exactly as many buckets as their shares say, and n arms at
    most n - 1 times the least possible number.
    """
    ranges, first = {}, 0
    for arm in sorted(shares, reverse=True):
        ranges[arm] = BUCKETS[first : first + shares[arm]]
        first += shares[arm]
    return ranges


def moved_buckets(before: Mapping[str, int], after: Mapping[str, int]) -> dict[tuple[str, str], int]:
    """How many buckets move from which arm to which: `{(from, to): count}`."""
    old, new = _arms_of_buckets(before), _arms_of_buckets(after)
    moves: dict[tuple[str, str], int] = {}
    for bucket in BUCKETS:
        if old[bucket] != new[bucket]:
            edge = (old[bucket], new[bucket])
            moves[edge] = moves.get(edge, 0) + 1
    return moves


def _arms_of_buckets(shares: Mapping[str, int]) -> dict[str, str]:
    return {bucket: arm for arm, own in buckets_of_arms(shares).items() for bucket in own}


# --- shares to elements -------------------------------------------------------------------------------------------


def split_elements(prefix: str, shares: Mapping[str, int], arm_ids: Mapping[str, str]) -> tuple[Element, ...]:
    """The elements of one split, the entry first: a conditional for each arm, then the percentages.

    `shares` are integers that add to 100; an arm with share 0 is parked: only its name, sent as bucket, reaches it.
    The elements' ids are `<prefix>.in.<arm>` and `<prefix>.split.<number>`.
    """
    percentages = percentage_elements(
        f"{prefix}.split", {arm_ids[arm]: share for arm, share in shares.items() if share}
    )
    ranges = buckets_of_arms(shares)
    chain: list[Element] = []
    beyond = percentages[0].id if percentages else next(arm_ids[arm] for arm, share in shares.items() if share)
    for arm in sorted(shares, key=lambda arm: (-shares[arm], arm)):
        condition = {"conditions": {BUCKET_KEY: {"$in": [*ranges[arm], arm]}}}
        chain.append(Element(f"{prefix}.in.{arm}", CONDITIONAL, condition, {"true": arm_ids[arm], "false": beyond}))
        beyond = chain[-1].id
    return (*reversed(chain), *percentages)


def percentage_elements(prefix: str, shares: Mapping[str, int]) -> tuple[Element, ...]:
    """Percentage elements that give each target exactly its share; none where there is only one target."""
    elements: list[Element] = []
    _encode(prefix, sorted(shares.items(), key=lambda item: (-item[1], item[0])), elements)
    return tuple(elements)


def _encode(prefix: str, shares: Sequence[tuple[str, int]], elements: list[Element]) -> str:
    """Append the elements for these targets and return the id of the first (or the only target itself)."""
    if len(shares) == 1:
        return shares[0][0]
    place, total = len(elements), sum(share for _, share in shares)
    id = f"{prefix}.{place + 1}"
    elements.append(Element(id, PERCENTAGE))
    parts = _distinct_parts([(target, 100 * share // total) for target, share in shares])
    if parts is None:
        bundles = [(_encode(prefix, bundle, elements), size) for size, bundle in _bundles(shares, total)]
        parts = _distinct_parts([(target, 100 * size // total) for target, size in bundles])
        assert parts is not None  # the table of bundles is made so; a test goes through all of it
    elements[place] = Element(id, PERCENTAGE, {}, {f"{part}%": target for part, target in parts})
    return id


def _bundles(shares: Sequence[tuple[str, int]], total: int) -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """Fill bundles of the table's sizes with the targets in order; a target that does not fit goes on in the next."""
    remaining = list(shares)
    for size in _BUNDLES[total]:
        bundle, room = [], size
        while room:
            target, share = remaining.pop(0)
            taken = min(room, share)
            bundle.append((target, taken))
            room -= taken
            if share > taken:
                remaining.insert(0, (target, share - taken))
        yield size, bundle


def _distinct_parts(wanted: Sequence[tuple[str, int]]) -> list[tuple[int, str]] | None:
    """Each percentage as a sum of parts that are distinct over all targets, the fewest possible; None if over five."""
    found = _parts_of(tuple(percentage for _, percentage in wanted))
    return sorted(((part, wanted[n][0]) for part, n in found), reverse=True) if found is not None else None


@lru_cache(maxsize=4096)
def _parts_of(percentages: tuple[int, ...]) -> tuple[tuple[int, int], ...] | None:
    """Parts with the number of the percentage that they belong to. Many routes are split alike."""
    for count in range(len(percentages), MOST_OUTPUTS + 1):
        if (parts := _search(percentages, 0, count, frozenset())) is not None:
            return parts
    return None


def _search(
    percentages: tuple[int, ...], number: int, count: int, used: frozenset[int]
) -> tuple[tuple[int, int], ...] | None:
    """The percentages from this number on in exactly `count` parts, none of them used already."""
    if number == len(percentages):
        return () if count == 0 else None
    for own in range(1, count - (len(percentages) - number - 1) + 1):
        for parts in _partitions(percentages[number], own, percentages[number]):
            if used.isdisjoint(parts):
                found = _search(percentages, number + 1, count - own, used | set(parts))
                if found is not None:
                    return (*((part, number) for part in parts), *found)
    return None


def _partitions(total: int, count: int, most: int) -> Iterator[tuple[int, ...]]:
    """The ways to write `total` as `count` distinct parts of at most `most`, the largest first part first."""
    if count == 1:
        if 0 < total <= most:
            yield (total,)
        return
    for first in range(min(most, total - 1), 0, -1):
        for rest in _partitions(total - first, count - 1, min(first - 1, total - first)):
            yield (first, *rest)


# --- elements back to shares --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FoundSplit:
    """A split found in a graph: its entry, all its elements, and by their ids the shares and names of its arms."""

    entry: str
    elements: frozenset[str]
    shares: Mapping[str, int]
    names: Mapping[str, str]

    @property
    def by_arm(self) -> dict[str, int]:
        """The share of each arm, in hundredths."""
        return {self.names[id]: share for id, share in self.shares.items()}

    @property
    def ids(self) -> dict[str, str]:
        """The id of each arm's element."""
        return {name: id for id, name in self.names.items()}


def splits_in(graph: Graph) -> list[FoundSplit]:
    """The splits of a graph in which buckets and percentages agree, in the order of their entries' ids."""
    asked = {element.id for element in graph.elements.values() if _bucket_values(element) is not None}
    inner = {graph.elements[id].outputs.get("false") for id in asked}
    found = (_read_split(graph, entry) for entry in sorted(asked - inner))
    return [split for split in found if split is not None]


def shares_in(graph: Graph) -> dict[str, int]:
    """The share of each element that is an arm of a split, in hundredths, by its id."""
    return {id: share for split in splits_in(graph) for id, share in split.shares.items()}


def split_of(graph: Graph, route: str) -> dict[str, int] | None:
    """The shares of all splits in a graph by arm, or None where there is none that can be read.

    An element `<route>.<arm>` goes by its arm's name, any other by its id (so in a front door).
    """
    return {id.removeprefix(f"{route}."): share for id, share in sorted(shares_in(graph).items())} or None


def explained_by_split(old: Graph, new: Graph) -> bool:
    """Whether the shares of the splits are all that differs between two graphs."""
    wanted = {frozenset(split.shares.items()) for split in splits_in(new)}
    by_arms = {frozenset(dict(shares)): dict(shares) for shares in wanted}
    for split in splits_in(old):
        shares = by_arms.get(frozenset(split.shares))
        if shares is None:
            return False
        old = _with_shares(old, split, shares)
    return graph_digest(old) == graph_digest(new)


def _with_shares(graph: Graph, split: FoundSplit, shares: Mapping[str, int]) -> Graph:
    named = {split.names[id]: share for id, share in shares.items()}
    fresh = split_elements(split.entry, named, split.ids)
    kept = [element for element in graph.elements.values() if element.id not in split.elements]
    redirected = [_redirect(element, split.entry, fresh[0].id) for element in kept]
    return Graph.of(*redirected, *fresh)


def _redirect(element: Element, old: str, new: str) -> Element:
    outputs = {label: new if target == old else target for label, target in element.outputs.items()}
    return replace(element, outputs=outputs)


def _bucket_values(element: Element) -> list[str] | None:
    """What a conditional of ours asks the bucket for, or None for any other element."""
    asked = comparison(element.properties.get("conditions")) if element.type == CONDITIONAL else None
    values = asked[2] if asked is not None and asked[:2] == ("bucket", "$in") else None
    return values if isinstance(values, list) and all(isinstance(value, str) for value in values) else None


def _read_split(graph: Graph, entry: str) -> FoundSplit | None:
    shares: dict[str, int] = {}
    names: dict[str, str] = {}
    elements: set[str] = set()
    seen: set[str] = set()
    id = entry
    while id not in elements and (values := _bucket_values(graph.elements[id])) is not None:
        target, element = graph.elements[id].outputs.get("true", ""), graph.elements[id]
        own = [value for value in values if value in BUCKETS]
        pins = [value for value in values if value not in BUCKETS]
        if (
            target in shares
            or len(pins) != 1
            or pins[0] in names.values()
            or not seen.isdisjoint(own)
            or "false" not in element.outputs
        ):
            return None
        shares[target], names[target] = len(own), pins[0]
        seen.update(own)
        elements.add(id)
        id = element.outputs["false"]
    if len(seen) != len(BUCKETS) or not _percentages_agree(graph, id, shares):
        return None
    return FoundSplit(entry, frozenset(elements | set(_percentage_ids(graph, id))), shares, names)


def _percentages_agree(graph: Graph, id: str, shares: Mapping[str, int]) -> bool:
    try:
        drawn = percentage_shares(graph, id)
    except GraphError:
        return False
    return drawn == {target: Fraction(share, 100) for target, share in shares.items() if share}


def percentage_shares(graph: Graph, id: str) -> dict[str, Fraction]:
    """The exact share of each element that percentage elements lead to from here; a circle leads nowhere."""
    inner = set(_percentage_ids(graph, id))
    leads = {percentage: graph.elements[percentage].outputs.values() for percentage in inner}
    try:
        order = [*TopologicalSorter(leads).static_order()]
    except CycleError:
        return {}
    shares = {id: Fraction(1)}
    for percentage in reversed(order):
        share = shares.pop(percentage) if percentage in inner else Fraction(0)
        for label, target in canonical_outputs(graph.elements[percentage]) if percentage in inner else ():
            shares[target] = shares.get(target, Fraction(0)) + share * Fraction(percent(label)) / 100
    return shares


def _percentage_ids(graph: Graph, id: str) -> Iterator[str]:
    pending, seen = [id], set()
    while pending:
        id = pending.pop()
        if id not in seen and graph.elements[id].type == PERCENTAGE:
            seen.add(id)
            yield id
            pending.extend(graph.elements[id].outputs.values())
