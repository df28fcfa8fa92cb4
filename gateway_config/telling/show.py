"""A compiled route as people read it: a tree, a Mermaid chart, a table of all routes.

Both drawings come from the same boxes, in which the many elements of a split are one box with its arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.compiled import CompiledConfig, CompiledRoute, CompiledTarget
from gateway_config.graph import CONDITIONAL, END, MODEL, PERCENTAGE, RATE, START, Element, Graph, canonical_outputs
from gateway_config.splits import FoundSplit, buckets_of_arms, shares_in, splits_in
from gateway_config.telling.words import condition_words, limit_words, milliseconds, patience, ranges

DIGEST_DIGITS = 12
SPLIT = "split"
_YES, _NO = "yes", "no"
_WITHIN, _BEYOND = "within the limit", "beyond it"
_THEN, _FAILS = "when it has answered, too", "if it fails"


@dataclass(frozen=True, slots=True)
class Box:
    """One thing to draw: an element, or a whole split. `ways` are labels and the boxes they lead to."""

    id: str
    shape: str
    text: str
    ways: tuple[tuple[str, str], ...] = ()


def boxes(route: CompiledRoute) -> dict[str, Box]:
    """The boxes of a route that a request can reach, by id, the start first."""
    graph = route.graph
    splits = {split.entry: split for split in splits_in(graph)}
    drawn: dict[str, Box] = {}
    pending = [graph.start.id]
    while pending:
        id = pending.pop()
        if id not in drawn:
            element = graph.elements[id]
            drawn[id] = _split_box(splits[id]) if id in splits else _box(route, element)
            pending.extend(target for _, target in reversed(drawn[id].ways))
    return drawn


def _split_box(split: FoundSplit) -> Box:
    shares, ids = split.by_arm, split.ids
    buckets = buckets_of_arms(shares)
    ways = tuple((_share_words(shares[arm], buckets[arm]), ids[arm]) for arm in buckets)
    return Box(split.entry, SPLIT, "by bucket, or by chance for callers without one", ways)


def _share_words(share: int, buckets: Sequence[str]) -> str:
    return f"{share} % (buckets {ranges(buckets)})" if share else "0 % (parked: by its name only)"


def _box(route: CompiledRoute, element: Element) -> Box:
    if element.type == MODEL:
        return Box(
            element.id,
            MODEL,
            _model_words(route, element),
            _ways(route.graph, element, {"success": _THEN, "fallback": _FAILS}),
        )
    if element.type == CONDITIONAL:
        text = f"{condition_words(element.properties.get('conditions'))}?"
        return Box(element.id, CONDITIONAL, text, _ways(route.graph, element, {"true": _YES, "false": _NO}))
    if element.type == RATE:
        ways = _ways(route.graph, element, {"success": _WITHIN, "fallback": _BEYOND})
        return Box(element.id, RATE, limit_words(element.properties), ways)
    if element.type == PERCENTAGE:
        ways = tuple((label.replace("%", " %"), target) for label, target in canonical_outputs(element))
        return Box(element.id, PERCENTAGE, "by chance", ways)
    text = "no model answers" if element.type == END else route.name
    return Box(element.id, element.type, text, _ways(route.graph, element, {"next": ""}))


def _ways(graph: Graph, element: Element, labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The outputs by our labels, in their order; a model at the very end needs no drawing of what follows."""
    ways = [(own, element.outputs[label]) for label, own in labels.items() if label in element.outputs]
    return tuple(way for way in ways if way[0] not in (_THEN, _FAILS) or graph.elements[way[1]].type != END)


def _model_words(route: CompiledRoute, element: Element) -> str:
    target = route.targets.get(element.id)
    if target is None:
        return f"{element.properties.get('model')} of {element.properties.get('provider')}"
    arm = f"{target.arm} → " if target.arm else ""
    return f"{arm}{target.name} ({target.upstream} {target.model}), {', '.join(_details(target, element))}"


def _details(target: CompiledTarget, element: Element) -> Iterator[str]:
    yield patience(element.properties)
    yield from (f"{name} {value}" for name, value in sorted(target.parameters.items()))
    if target.prompt:
        yield "with a system prompt"
    if target.adapter:
        yield f"adapter {target.adapter}"


# --- the tree ---------------------------------------------------------------------------------------------------------


def tree(route: CompiledRoute) -> str:
    """The route as a tree; what several ways lead to is written out once."""
    lines = [f"{route.name}: {', '.join(_about(route))}", _digests(route)]
    drawn = boxes(route)
    _branches(drawn, drawn[route.graph.start.id], "", set(), lines)
    return "\n".join(lines)


def _about(route: CompiledRoute) -> Iterator[str]:
    yield route.kind
    if route.intents:
        yield f"for {', '.join(route.intents)}"
    yield f"sticky by {route.sticky}"
    yield f"answered within {milliseconds(route.deadline_ms)}"
    if route.tier:
        yield f"tier {route.tier} unless asked otherwise"
    if route.records:
        yield f"records keep {' and '.join(route.records)}"
    if not route.routed:
        yield "decided by the runtime, not by Cloudflare"


def _digests(route: CompiledRoute) -> str:
    return f"graph {route.graph_digest[:DIGEST_DIGITS]}, config {route.config_digest[:DIGEST_DIGITS]}"


def _branches(drawn: Mapping[str, Box], box: Box, indent: str, seen: set[str], lines: list[str]) -> None:
    ways = _questions(drawn, box, seen) if box.shape == CONDITIONAL else _entered(drawn, box, seen)
    for number, (label, target) in enumerate(ways, 1):
        last = number == len(ways)
        below = drawn[target]
        again = target in seen and bool(below.ways)
        asks = label and below.shape == CONDITIONAL and not again
        text = label if asks else ": ".join(filter(None, (label, below.text)))
        lines.append(f"{indent}{'└─' if last else '├─'} {text}{' (as above)' if again else ''}")
        if not again:
            seen.add(target)
            _branches(drawn, below, indent + ("   " if last else "│  "), seen, lines)


def _entered(drawn: Mapping[str, Box], box: Box, seen: set[str]) -> Sequence[tuple[str, str]]:
    """The ways out of a box; questions right behind the start need no line of their own."""
    first = drawn[box.ways[0][1]] if box.shape == START and box.ways else box
    return _questions(drawn, first, seen) if first.shape == CONDITIONAL else box.ways


def _questions(drawn: Mapping[str, Box], asking: Box, seen: set[str]) -> list[tuple[str, str]]:
    """A chain of questions as one list: `if …`, `if …`, `otherwise`."""
    ways: list[tuple[str, str]] = []
    while len(asking.ways) == 2:
        seen.add(asking.id)
        (_, yes), (_, no) = asking.ways
        ways.append((f"if {asking.text.removesuffix('?')}", yes))
        if drawn[no].shape != CONDITIONAL or no in seen:
            return [*ways, ("otherwise", no)]
        asking = drawn[no]
    return [*ways, *asking.ways]


# --- Mermaid ----------------------------------------------------------------------------------------------------------

_SHAPES: Mapping[str, tuple[str, str]] = {
    CONDITIONAL: ("{", "}"),
    SPLIT: ("{{", "}}"),
    PERCENTAGE: ("{{", "}}"),
    RATE: ("[/", "/]"),
    MODEL: ("[", "]"),
}
_ROUND = ("([", "])")


def mermaid(route: CompiledRoute) -> str:
    """The route as a Mermaid flow chart."""
    drawn = boxes(route)
    names = {id: f"n{number}" for number, id in enumerate(drawn)}
    lines = ["flowchart TD"]
    for box in drawn.values():
        opening, closing = _SHAPES.get(box.shape, _ROUND)
        lines.append(f'  {names[box.id]}{opening}"{_escaped(box.text)}"{closing}')
    for box in drawn.values():
        for label, target in box.ways:
            arrow = f'-->|"{_escaped(label)}"|' if label else "-->"
            lines.append(f"  {names[box.id]} {arrow} {names[target]}")
    return "\n".join(lines)


def _escaped(text: str) -> str:
    return text.replace("#", "#35;").replace('"', "#quot;").replace("<", "#lt;").replace(">", "#gt;")


# --- all routes -------------------------------------------------------------------------------------------------------


def table(config: CompiledConfig) -> str:
    """One line a route: intents, kind, arms with their shares, beginnings of both digests."""
    rows: list[tuple[str, ...]] = [("ROUTE", "INTENTS", "KIND", "ARMS", "GRAPH", "CONFIG")]
    rows += [_row(config, route) for route in config.routes.values()]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(config: CompiledConfig, route: CompiledRoute) -> tuple[str, ...]:
    arms = "by intent, to the others" if route.name == config.front_door else arms_in_words(route)
    return (
        route.name,
        ", ".join(route.intents) or "-",
        route.kind,
        arms or "-",
        route.graph_digest[:DIGEST_DIGITS],
        route.config_digest[:DIGEST_DIGITS],
    )


def arms_in_words(route: CompiledRoute) -> str:
    """`challenger 10 %, champion 90 %`; without a share where there is no choice."""
    shares = shares_in(route.graph)
    return ", ".join(f"{arm} {shares[id]} %" if id in shares else arm for arm, id in sorted(route.arms.items()))


def table_data(config: CompiledConfig) -> list[dict[str, Any]]:
    """The table as JSON: shares in hundredths, null where an arm is not part of a split."""
    return [_route_data(route) for route in config.routes.values()]


def _route_data(route: CompiledRoute) -> dict[str, Any]:
    shares = shares_in(route.graph)
    return {
        "route": route.name,
        "intents": list(route.intents),
        "kind": route.kind,
        "routed": route.routed,
        "arms": {arm: shares.get(id) for arm, id in sorted(route.arms.items())},
        "graph_digest": route.graph_digest,
        "config_digest": route.config_digest,
    }
