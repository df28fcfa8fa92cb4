"""The graph as the input `elements`, keyed by id, so that a diff can name one element and its property."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway_config.errors import GraphError
from gateway_config.graph import Element, Graph, digest, graph_digest
from gateway_config.wire import from_wire
from infra.provider.resource import Properties
from infra.provider.routes_api import Elements


def elements_input(graph: Graph) -> dict[str, Any]:
    """`{id: {type, properties, outputs: {label: id}}}`, with `unknown` where others wrote keys that we do not know."""
    return {element.id: _input(element) for element in graph.elements.values()}


def _input(element: Element) -> dict[str, Any]:
    known = {"type": element.type, "properties": dict(element.properties), "outputs": dict(element.outputs)}
    return {**known, "unknown": dict(element.unknown)} if element.unknown else known


def elements_of_wire(wire: Elements) -> dict[str, Any]:
    """Live elements as the input; what cannot be read as a graph is kept as it is, so that it shows."""
    try:
        return elements_input(from_wire(wire))
    except GraphError:
        return {str(item.get("id", number)): item for number, item in enumerate(wire)}


def graph_of(inputs: Properties) -> Graph:
    """The graph that inputs declare; a GraphError says what is none."""
    elements = inputs.get("elements")
    if not isinstance(elements, Mapping):
        raise GraphError("elements are a mapping from id to element")
    return Graph.of(*(_element(id, shape) for id, shape in elements.items()))


def _element(id: str, shape: Any) -> Element:
    if not isinstance(shape, Mapping) or "type" not in shape:
        raise GraphError(f'element "{id}" needs a type')
    properties, outputs = shape.get("properties") or {}, shape.get("outputs") or {}
    return Element(id, shape["type"], properties, outputs, shape.get("unknown"))


def digest_of_inputs(inputs: Properties) -> str:
    """The graph digest; of what is no graph, a digest that equals no graph's."""
    try:
        return graph_digest(graph_of(inputs))
    except GraphError:
        return digest(inputs.get("elements"))


def digest_of_wire(wire: Elements) -> str:
    """The graph digest of live elements; of what is no graph, a digest that equals no graph's."""
    return digest_of_inputs({"elements": elements_of_wire(wire)})
