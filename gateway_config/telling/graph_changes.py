"""What has to change in one graph to make it another: elements are matched, though their ids may differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.graph import MODEL, PERCENTAGE, Element, Graph, canonical_json, canonical_outputs, graph_digest
from gateway_config.splits import FoundSplit, splits_in
from gateway_config.telling.words import condition_words, element_words

SHARE, TARGET, WAY = "share", "target", "way"
SplitPair = tuple[FoundSplit, FoundSplit]


@dataclass(frozen=True, slots=True)
class GraphChange:
    """One difference in words; None where there was or is nothing of that name.

    `about` is SHARE (of an arm), TARGET (a model element itself) or WAY (everything that leads requests); `element` is
    the id of the element that differs.
    """

    about: str
    element: str
    what: str
    before: str | None
    after: str | None


def graph_changes(old: Graph, new: Graph) -> list[GraphChange]:
    """The differences of two graphs, named as in `new`; empty exactly where the digests are equal.

    Elements are matched by their ids and by their places; the match that leaves less to say is taken. Splits that can
    be read are compared by their shares.
    """
    if graph_digest(old) == graph_digest(new):
        return []
    splits = _same_splits(old, new)
    found = [_found(old, new, by_id, splits) or _found(old, new, by_id, ()) for by_id in (True, False)]
    unnamed = [GraphChange(WAY, "", "the graph", "joined in one way", "joined in another")]
    return min(filter(None, found), key=len, default=unnamed)


def _found(old: Graph, new: Graph, by_id: bool, splits: Sequence[SplitPair]) -> list[GraphChange]:
    pairs = _Pairs(old, new)
    pairs.add_all(_anchors(old, new, by_id, splits))
    pairs.add_alike()
    gone, come = (frozenset[str]().union(*(pair[side].elements for pair in splits)) for side in (0, 1))
    changes = [change for before, after in splits for change in _share_changes(before, after)]
    for id, element in new.elements.items():
        if id in come:
            continue
        changes += pairs.changes(element) if id in pairs.of_new else [_presence(element, after=element_words(element))]
    strange = [element for id, element in old.elements.items() if id not in pairs.of_old and id not in gone]
    return changes + [_presence(element, before=element_words(element)) for element in strange]


def _presence(element: Element, before: str | None = None, after: str | None = None) -> GraphChange:
    about = TARGET if element.type == MODEL else WAY
    return GraphChange(about, element.id, f'element "{element.id}"', before, after)


def _same_splits(old: Graph, new: Graph) -> list[SplitPair]:
    """Splits of the same arms in both graphs; arms go by their names."""
    by_arms = {frozenset(split.names.values()): split for split in splits_in(old)}
    both = ((by_arms.get(frozenset(split.names.values())), split) for split in splits_in(new))
    return [(before, after) for before, after in both if before is not None]


def _share_changes(old: FoundSplit, new: FoundSplit) -> Iterator[GraphChange]:
    before, after = old.by_arm, new.by_arm
    for arm in sorted(after):
        if before[arm] != after[arm]:
            yield GraphChange(SHARE, new.entry, f'share of "{arm}"', str(before[arm]), str(after[arm]))


# --- which elements stand for each other ------------------------------------------------------------------------------


def _anchors(old: Graph, new: Graph, by_id: bool, splits: Sequence[SplitPair]) -> Iterator[tuple[str, str]]:
    """Pairs to begin with: splits and their arms, elements of one id if that is wanted, and the starts."""
    for before, after in splits:
        ids = before.ids
        yield before.entry, after.entry
        yield from ((ids[name], id) for id, name in after.names.items())
    if by_id:
        yield from ((id, id) for id in new.elements if id in old.elements)
    yield old.start.id, new.start.id


class _Pairs:
    """Elements of an old and a new graph that stand for each other, each in one pair at most."""

    def __init__(self, old: Graph, new: Graph) -> None:
        self.old, self.new = old, new
        self.of_new: dict[str, str] = {}
        self.of_old: dict[str, str] = {}

    def add_all(self, anchors: Iterator[tuple[str, str]]) -> None:
        """Pair these first, then whatever equal labels of paired elements lead to."""
        pending = [pair for pair in anchors if self._add(*pair)]
        while pending:
            before, after = (graph.elements[id] for graph, id in zip((self.old, self.new), pending.pop(), strict=True))
            labels = before.outputs.keys() & after.outputs.keys()
            led_to = [(before.outputs[label], after.outputs[label]) for label in sorted(labels)]
            pending += [pair for pair in led_to if self._add(*pair)]

    def _add(self, old: str, new: str) -> bool:
        same_type = self.old.elements[old].type == self.new.elements[new].type
        if not same_type or old in self.of_old or new in self.of_new:
            return False
        self.of_old[old], self.of_new[new] = new, old
        return True

    def add_alike(self) -> None:
        """Pair what is left by type and properties: an element that was moved is not a new one."""
        left: dict[str, list[str]] = {}
        for id, element in self.old.elements.items():
            if id not in self.of_old:
                left.setdefault(_content(element), []).append(id)
        for id, element in self.new.elements.items():
            if id not in self.of_new and (alike := left.get(_content(element))):
                self._add(alike.pop(0), id)

    def changes(self, after: Element) -> Iterator[GraphChange]:
        """How a paired element differs: its properties, then its ways out."""
        before, name = self.old.elements[self.of_new[after.id]], f'element "{after.id}"'
        about = TARGET if after.type == MODEL else WAY
        for key in sorted({*before.properties, *after.properties}):
            old, new = before.properties.get(key), after.properties.get(key)
            if canonical_json(old) != canonical_json(new):
                yield GraphChange(about, after.id, f"{name}: {key}", _value(key, old), _value(key, new))
        if canonical_json(before.unknown) != canonical_json(after.unknown):
            words = (_value("", element.unknown) for element in (before, after))
            yield GraphChange(WAY, after.id, f"{name}: keys that are not known", *words)
        if after.type == PERCENTAGE:
            if self._drawn(before) != sorted((label, id) for label, id in after.outputs.items()):
                yield GraphChange(WAY, after.id, f"{name}: draw", _draws(before), _draws(after))
            return
        for label in sorted({*before.outputs, *after.outputs}):
            led, leads = before.outputs.get(label), after.outputs.get(label)
            if led is None or leads is None or self.of_old.get(led) != leads:
                yield GraphChange(WAY, after.id, f'{name}: output "{label}"', _quoted(led), _quoted(leads))

    def _drawn(self, before: Element) -> list[tuple[str, str | None]]:
        return sorted((label, self.of_old.get(id, "")) for label, id in before.outputs.items())


def _content(element: Element) -> str:
    return canonical_json([element.type, element.properties, element.unknown])


def _draws(element: Element) -> str:
    return ", ".join(f'{label} "{target}"' for label, target in reversed(canonical_outputs(element)))


def _value(key: str, value: Any) -> str:
    if value is None:
        return "not set"
    return condition_words(value) if key == "conditions" else canonical_json(value)


def _quoted(id: str | None) -> str:
    return "nothing" if id is None else f'"{id}"'
