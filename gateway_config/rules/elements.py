"""Rules about graphs made elsewhere: verbatim `elements`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from gateway_config.decide import condition, is_chained
from gateway_config.errors import GraphError
from gateway_config.graph import CONDITIONAL, MODEL, PERCENTAGE, RATE, Element, Graph, percent
from gateway_config.problems import Severity, shown
from gateway_config.rules.registry import Checked, Complaint, RouteView, rule
from gateway_config.splits import MOST_OUTPUTS
from gateway_config.telling.words import listed
from gateway_config.wire import from_wire, unknown_keys

# How many elements of a circle a message names.
_SHOWN = 8


@rule(tunable=False)
def elements_grammar(checked: Checked) -> Iterator[Complaint]:
    """Verbatim elements make a graph: known types, edges that lead somewhere, no circle, percentages of 100."""
    for view in checked.routes():
        if view.route.elements is None:
            continue
        try:
            graph = from_wire(view.route.elements)
        except GraphError as error:
            yield view.complaint(("elements",), f"{error}.")
            continue
        for message in _circles(graph):
            yield view.complaint(("elements",), message)
        for number, element in enumerate(graph.elements.values()):
            for message in _misshapes(element):
                yield view.complaint(("elements", number), message)


def _circles(graph: Graph) -> Iterator[str]:
    """A circle as the path that it is."""
    try:
        TopologicalSorter({id: element.outputs.values() for id, element in graph.elements.items()}).prepare()
    except CycleError as error:
        path = list(reversed(error.args[1]))
        shown = path if len(path) <= _SHOWN else [*path[: _SHOWN - 2], "…", path[-1]]
        yield f"the elements go in a circle: {' → '.join(shown)}. Lead one of them to the end."


_OUTPUTS: Mapping[str, frozenset[str]] = {
    "start": frozenset({"next"}),
    "conditional": frozenset({"true", "false"}),
    "rate": frozenset({"success", "fallback"}),
    "model": frozenset({"success", "fallback"}),
    "end": frozenset(),
}


def _misshapes(element: Element) -> Iterator[str]:
    if element.type == PERCENTAGE:
        yield from _wrong_percentages(element)
    else:
        for label in sorted(_OUTPUTS[element.type] - set(element.outputs)):
            yield f'element "{element.id}" has no output "{label}"; Cloudflare requires it.'
    for name, (expected, fits) in _PROPERTIES.get(element.type, {}).items():
        if not fits(element.properties.get(name)):
            found = shown(element.properties[name]) if name in element.properties else "none"
            what = f'the property "{name}" of {element.type} "{element.id}"'
            yield f"{what} is {expected}, and Cloudflare requires it; found {found}."


def _wrong_percentages(element: Element) -> Iterator[str]:
    try:
        total = sum(percent(label) for label in element.outputs)
    except GraphError as error:
        yield f'in element "{element.id}" {error}.'
        return
    if total != 100 or len(element.outputs) > MOST_OUTPUTS:
        found = f"{len(element.outputs)} outputs that add to {total:g}"
        yield f'percentage "{element.id}" has {found}; Cloudflare takes at most five that add to 100.'


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_whole(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


_PROPERTIES: Mapping[str, Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    CONDITIONAL: {"conditions": ("a mapping", _is_mapping)},
    RATE: {
        "limitType": ("count or cost", lambda value: value in ("count", "cost")),
        "key": ("a text", _is_text),
        "limit": ("a number", _is_number),
        "window": ("a number of seconds", _is_number),
    },
    MODEL: {
        "provider": ("a text", _is_text),
        "model": ("a text", _is_text),
        "timeout": ("a whole number of milliseconds", _is_whole),
        "retries": ("a whole number", _is_whole),
    },
}


def _graphs(checked: Checked) -> Iterator[tuple[RouteView, Graph]]:
    """The routes with verbatim elements that make a graph."""
    for view in checked.routes():
        if view.route.elements is not None:
            try:
                yield view, from_wire(view.route.elements)
            except GraphError:
                continue


@rule(Severity.WARNING)
def elements_unknown(checked: Checked) -> Iterator[Complaint]:
    """Verbatim elements have no keys that we do not know: those are kept and sent, and Cloudflare may drop them."""
    for view, graph in _graphs(checked):
        numbers = {id: number for number, id in enumerate(graph.elements)}
        for id, path, words in unknown_keys(graph):
            message = f"{words}. It is sent as it is; Cloudflare drops some such keys without a word."
            yield view.complaint(("elements", numbers[id], *path), f"{message} Take it out if you wrote it yourself.")


@rule(Severity.WARNING)
def elements_without_model(checked: Checked) -> Iterator[Complaint]:
    """Some way through verbatim elements leads to a model; without one no request is ever answered."""
    for view, graph in _graphs(checked):
        if not any(element.type == MODEL for element in graph.walk()):
            message = (
                f'no way through "{view.name}" leads to a model, so that every request fails. Lead one to a model.'
            )
            yield view.complaint(("elements",), message)


@rule(Severity.WARNING)
def elements_opaque(checked: Checked) -> Iterator[Complaint]:
    """Verbatim conditions ask what we can evaluate too, so that the arm of a request is known before it is sent."""
    for view, graph in _graphs(checked):
        for number, element in enumerate(graph.elements.values()):
            conditions = element.properties.get("conditions")
            if element.type != CONDITIONAL or not isinstance(conditions, Mapping):
                continue
            try:
                condition(conditions)
            except GraphError as error:
                message = f"only Cloudflare can tell where this leads: {error}."
                yield view.complaint(("elements", number), message)


@rule(Severity.WARNING)
def elements_chained(checked: Checked) -> Iterator[Complaint]:
    """After a verbatim model has answered no other model is asked: both would be paid, and the first answer is lost."""
    for view, graph in _graphs(checked):
        for number, element in enumerate(graph.elements.values()):
            if is_chained(graph, element) and (others := _models_from(graph, element.outputs["success"])):
                message = (
                    f'after "{element.id}" has answered, {listed(others)} may be asked, too, and every answer is paid. '
                    'The caller gets the last one; records count that one only. Lead "success" to the end, or allow it.'
                )
                yield view.complaint(("elements", number, "outputs", "success"), message)


def _models_from(graph: Graph, id: str) -> list[str]:
    """The model elements that the way can reach from here before one of them answers."""
    found: list[str] = []
    pending, seen = [id], {id}
    while pending:
        element = graph.elements[pending.pop()]
        if element.type == MODEL:
            found.append(f'"{element.id}"')
            continue
        fresh = [target for target in element.outputs.values() if target not in seen]
        pending += fresh
        seen.update(fresh)
    return sorted(found)
