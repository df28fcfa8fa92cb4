"""The compiled route as a graph of elements: its small vocabulary, its canonical form and its digest.

Two graphs with the same canonical form do the same thing; ids and the order of elements take no part in it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from gateway_config.errors import GraphError

START, CONDITIONAL, PERCENTAGE, RATE, MODEL, END = ELEMENT_TYPES = (
    "start",
    "conditional",
    "percentage",
    "rate",
    "model",
    "end",
)

_ENCODER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False, default=dict, check_circular=False
)
_INTEGRAL_FLOAT = re.compile(r"(?:^|[:,\[])-?[0-9]+(?:\.0(?:$|[],}])|(?:\.[0-9]+)?e\+)")
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,12})?%")


@dataclass(frozen=True, slots=True)
class Element:
    """One node. `outputs` maps the label of an edge to the id of the element it leads to.

    `unknown` is what stands beside the keys that we know, in an element that others made; under `outputs` what stands
    in its edges, by their labels.
    """

    id: str
    type: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    unknown: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Elements by id. Exactly one is the start, and every edge leads to an element of this graph.

    Graphs are compared by `graph_digest`; `==` is identity. `prepared` is what `decide` works out of a graph once: kept
    here, it goes with the graph, and a client that follows a published config keeps none that was replaced.
    """

    elements: Mapping[str, Element]
    start: Element = field(init=False, repr=False)
    prepared: Any = field(init=False, repr=False, default=None)
    _edges: Mapping[str, list[tuple[str, str]]] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        elements = self.elements
        starts = [id for id, element in elements.items() if element.type == START]
        if len(starts) != 1:
            raise GraphError(f"a graph has exactly one start element; found {', '.join(starts) or 'none'}")
        object.__setattr__(self, "start", elements[starts[0]])
        for element in elements.values():
            for label, target in element.outputs.items():
                if target not in elements:
                    raise GraphError(
                        f'output "{label}" of element "{element.id}" leads to "{target}", which does not exist'
                    )

    @classmethod
    def of(cls, *elements: Element) -> Graph:
        """A graph of these elements; a repeated id is an error."""
        by_id = {element.id: element for element in elements}
        if len(by_id) != len(elements):
            ids = [element.id for element in elements]
            raise GraphError(f'two elements have the id "{next(id for id in ids if ids.count(id) > 1)}"')
        return cls(by_id)

    def ordered(self) -> Graph:
        """The same graph with its elements in the order of the walk, those that it does not reach at the end."""
        own = self.elements
        same = Graph.__new__(Graph)
        object.__setattr__(same, "elements", {**{id: own[id] for id in self.edges()}, **own})
        object.__setattr__(same, "start", self.start)
        object.__setattr__(same, "prepared", None)
        object.__setattr__(same, "_edges", self._edges)
        return same

    def walk(self) -> tuple[Element, ...]:
        """The elements that the start reaches, depth first, edges in canonical order."""
        return tuple(self.elements[id] for id in self.edges())

    def edges(self) -> Mapping[str, list[tuple[str, str]]]:
        """The edges of each element on the walk, in canonical order; worked out once."""
        if self._edges is None:
            object.__setattr__(self, "_edges", self._reached())
        return self._edges or {}

    def _reached(self) -> dict[str, list[tuple[str, str]]]:
        reached: dict[str, list[tuple[str, str]]] = {}
        pending = [self.start.id]
        while pending:
            id = pending.pop()
            if id not in reached:
                own = reached[id] = canonical_outputs(self.elements[id])
                pending += [target for _, target in reversed(own)]
        return reached


def canonical_outputs(element: Element) -> list[tuple[str, str]]:
    """The edges in the one order that everyone uses: percentages ascending, other labels by name."""
    if element.type == PERCENTAGE:
        return sorted(element.outputs.items(), key=_percent_key)
    return sorted(element.outputs.items())


def _percent_key(edge: tuple[str, str]) -> tuple[float, str]:
    label = edge[0]
    try:
        return percent(label), label
    except GraphError:
        return 101.0, label


@lru_cache(maxsize=1024)
def percent(label: str) -> float:
    """The percentage that an output's label states: `"10%"` is 10.0. A label that states none is an error."""
    if _PERCENT.fullmatch(label) is None:
        raise GraphError(f'a percentage output is labelled like "10%"; found "{label}"')
    return float(label[:-1])


def canonical(graph: Graph) -> list[dict[str, Any]]:
    """The graph as plain data, each element under its number in `walk` order, so that ids and order are gone.

    Elements that the start does not reach come last, sorted by what they say; they are stored, so they count.
    """
    edges = graph.edges()
    numbers = {id: number for number, id in enumerate(edges)}
    reached = [_blanked(graph.elements[id], own, numbers) for id, own in edges.items()]
    stray = [
        _blanked(element, canonical_outputs(element), numbers)
        for id, element in graph.elements.items()
        if id not in numbers
    ]
    return reached + sorted(stray, key=canonical_json)


def _blanked(element: Element, edges: list[tuple[str, str]], numbers: Mapping[str, int]) -> dict[str, Any]:
    blanked = {
        "type": element.type,
        "properties": element.properties,
        "outputs": [[label, numbers.get(target)] for label, target in edges],
    }
    return {**blanked, "unknown": element.unknown} if element.unknown else blanked


def canonical_json(value: Any) -> str:
    """The one text form that is hashed: sorted keys, no spaces, ASCII, integral floats as integers."""
    text = _ENCODER.encode(value)
    # Walking through a graph in Python takes five times as long as writing it, and hardly any holds such a float.
    has_integral_float = (".0" in text or "e+" in text) and _INTEGRAL_FLOAT.search(text) is not None
    return _ENCODER.encode(_plain(value)) if has_integral_float else text


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of plain data, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def graph_digest(graph: Graph) -> str:
    """The digest of what Cloudflare stores, ids and order of elements excluded."""
    return digest(canonical(graph))
