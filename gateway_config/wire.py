"""Graph ⇄ the elements JSON that Cloudflare's dynamic routes take and give back.

Source of the grammar: Cloudflare's OpenAPI of 2026-10, the JSON configuration page, and what the live API was
seen to accept. Properties that we do not know are kept as they are, so that a graph made by others survives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_config.errors import GraphError
from gateway_config.graph import ELEMENT_TYPES, Element, Graph

KNOWN_PROPERTIES: Mapping[str, frozenset[str]] = {
    "start": frozenset(),
    "conditional": frozenset({"conditions"}),
    "percentage": frozenset(),
    "rate": frozenset({"limitType", "key", "limit", "window"}),
    "model": frozenset({"provider", "model", "timeout", "retries"}),
    "end": frozenset(),
}


def to_wire(graph: Graph) -> list[dict[str, Any]]:
    """The elements as Cloudflare takes them: `[{"id", "type", "properties"?, "outputs"}]`."""
    return [_element_to_wire(element) for element in graph.elements.values()]


def _element_to_wire(element: Element) -> dict[str, Any]:
    wire: dict[str, Any] = {"id": element.id, "type": element.type}
    if element.properties:
        wire["properties"] = dict(element.properties)
    # `outputs` is required even where it is empty: without it the API answers 7001 "Required".
    wire["outputs"] = {label: {"elementId": target} for label, target in element.outputs.items()}
    return wire


def from_wire(elements: object) -> Graph:
    """The graph of a list of elements, also one that others made; a GraphError says what is no graph in it."""
    if not isinstance(elements, list | tuple):
        raise GraphError(f"elements are a list; found {_kind_of(elements)}")
    return Graph.of(*(_element_from_wire(item, number) for number, item in enumerate(elements, 1)))


def _element_from_wire(item: object, number: int) -> Element:
    if not isinstance(item, Mapping):
        raise GraphError(f"element {number} is a mapping with id, type and outputs; found {_kind_of(item)}")
    id, type = item.get("id"), item.get("type")
    if not isinstance(id, str) or not id:
        raise GraphError(f'element {number} needs an "id" that is a text; found {id!r}')
    if type not in ELEMENT_TYPES:
        raise GraphError(f'element "{id}" has the type {type!r}; Cloudflare knows {", ".join(ELEMENT_TYPES)}')
    properties = item.get("properties") or {}
    if not isinstance(properties, Mapping):
        raise GraphError(f'"properties" of element "{id}" is a mapping; found {_kind_of(properties)}')
    return Element(id, type, dict(properties), _outputs_from_wire(id, item.get("outputs") or {}))


def _outputs_from_wire(id: str, outputs: object) -> dict[str, str]:
    if not isinstance(outputs, Mapping):
        raise GraphError(f'"outputs" of element "{id}" is a mapping; found {_kind_of(outputs)}')
    return {str(label): _target(id, str(label), edge) for label, edge in outputs.items()}


def _target(id: str, label: str, edge: object) -> str:
    target = edge.get("elementId") if isinstance(edge, Mapping) else None
    if not isinstance(target, str):
        raise GraphError(f'output "{label}" of element "{id}" is {{"elementId": "…"}}; found {edge!r}')
    return target


def unknown_properties(graph: Graph) -> list[str]:
    """In words, the properties that we carry along without knowing what they do."""
    return [
        f'element "{element.id}" has the property "{name}", which is not known for the type {element.type}'
        for element in graph.elements.values()
        for name in sorted(set(element.properties) - KNOWN_PROPERTIES[element.type])
    ]


def _kind_of(value: object) -> str:
    return "nothing" if value is None else type(value).__name__
