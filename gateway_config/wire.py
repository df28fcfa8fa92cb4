"""Graph ⇄ the elements JSON that Cloudflare's dynamic routes take and give back.

Source of the grammar: Cloudflare's OpenAPI of 2026-10, the JSON configuration page, and what the live API was
seen to accept. What we do not know, in an element, its properties or its edges, is kept as it is, so that a graph made
by others survives.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway_config.errors import GraphError
from gateway_config.graph import ELEMENT_TYPES, Element, Graph
from gateway_config.problems import shown

KNOWN_PROPERTIES: Mapping[str, frozenset[str]] = {
    "start": frozenset(),
    "conditional": frozenset({"conditions"}),
    "percentage": frozenset(),
    "rate": frozenset({"limitType", "key", "limit", "window"}),
    "model": frozenset({"provider", "model", "timeout", "retries"}),
    "end": frozenset(),
}
_KNOWN_KEYS = frozenset({"id", "type", "properties", "outputs"})
_TARGET = "elementId"


def to_wire(graph: Graph) -> list[dict[str, Any]]:
    """The elements as Cloudflare takes them: `[{"id", "type", "properties"?, "outputs"}]`."""
    return [_element_to_wire(element) for element in graph.elements.values()]


def _element_to_wire(element: Element) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": element.id, "type": element.type}
    if element.properties:
        wire["properties"] = dict(element.properties)
    # `outputs` is required even where it is empty: without it the API answers 7001 "Required".
    wire["outputs"] = {label: {_TARGET: target} for label, target in element.outputs.items()}
    return _with_unknown(wire, element.unknown) if element.unknown else wire


def _with_unknown(wire: dict[str, Any], unknown: Mapping[str, Any]) -> dict[str, Any]:
    beside = unknown.get("outputs", {})
    outputs = {label: {**edge, **beside.get(label, {})} for label, edge in wire["outputs"].items()}
    return {**wire, **unknown, "outputs": outputs}


def from_wire(elements: object) -> Graph:
    """The graph of a list of elements, also one that others made; a GraphError says what is no graph in it."""
    if not isinstance(elements, list | tuple):
        raise GraphError(f"elements are a list; found {shown(elements)}")
    return Graph.of(*(_element_from_wire(item, number) for number, item in enumerate(elements, 1)))


def _element_from_wire(item: object, number: int) -> Element:
    if not isinstance(item, Mapping):
        raise GraphError(f"element {number} is a mapping with id, type and outputs; found {shown(item)}")
    id, type = item.get("id"), item.get("type")
    if not isinstance(id, str) or not id:
        raise GraphError(f'element {number} needs an "id" that is a text; found {shown(id)}')
    if type not in ELEMENT_TYPES:
        raise GraphError(f'element "{id}" has the type {shown(type)}; Cloudflare knows {", ".join(ELEMENT_TYPES)}')
    properties = item.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise GraphError(f'"properties" of element "{id}" is a mapping; found {shown(properties)}')
    edges = item.get("outputs") or {}
    if not isinstance(edges, Mapping):
        raise GraphError(f'"outputs" of element "{id}" is a mapping; found {shown(edges)}')
    outputs = {str(label): _target(id, str(label), edge) for label, edge in edges.items()}
    return Element(id, type, dict(properties), outputs, _unknown(item, edges))


def _target(id: str, label: str, edge: object) -> str:
    target = edge.get(_TARGET) if isinstance(edge, Mapping) else None
    if not isinstance(target, str):
        raise GraphError(f'output "{label}" of element "{id}" is {{"elementId": "…"}}; found {shown(edge)}')
    return target


def _unknown(item: Mapping[str, Any], edges: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What stands beside the known keys, as `Element.unknown` has it."""
    if item.keys() <= _KNOWN_KEYS and all(len(edge) == 1 for edge in edges.values()):
        return None
    found = {key: value for key, value in item.items() if key not in _KNOWN_KEYS}
    beside = {
        str(label): {key: value for key, value in edge.items() if key != _TARGET}
        for label, edge in edges.items()
        if len(edge) > 1
    }
    return {**found, **({"outputs": beside} if beside else {})}


def unknown_keys(graph: Graph) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What we carry along without knowing what it does: the element's id, the path within it, and words for it."""
    for id, element in graph.elements.items():
        for name in sorted(set(element.properties) - KNOWN_PROPERTIES[element.type]):
            words = f'element "{id}" has the property "{name}", which is not known for the type {element.type}'
            yield id, ("properties", name), words
        unknown = element.unknown or {}
        for key in sorted(set(unknown) - {"outputs"}):
            yield id, (key,), f'element "{id}" has the key "{key}", which is not known'
        for label, edge in sorted(unknown.get("outputs", {}).items()):
            for key in sorted(edge):
                words = f'output "{label}" of element "{id}" has the key "{key}", which is not known'
                yield id, ("outputs", label, key), words
