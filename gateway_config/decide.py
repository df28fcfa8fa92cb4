"""The second reader of a graph: which way one request goes, as a pure function of what is known of it.

Cloudflare walks the same graph when it serves; this module predicts, explains and replays, and it chooses for what a
dynamic route cannot carry. Percentages need a draw; nothing here draws by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Any

from gateway_config.conditions import METADATA, comparison
from gateway_config.errors import GraphError
from gateway_config.graph import (
    CONDITIONAL,
    END,
    MODEL,
    PERCENTAGE,
    RATE,
    START,
    Element,
    Graph,
    canonical_outputs,
    percent,
)
from gateway_config.problems import shown

Metadata = Mapping[str, str | int | float | bool | None]
Test = Callable[[Metadata], bool]

# No graph of ours is nearly so deep; a graph made by others may go in a circle.
MOST_STEPS = 1000
# How many neighbouring conditionals become one table: each entry holds its way, so a table grows with the square.
_LONGEST_TABLE = 64
_OPAQUE, _CHAINED = "opaque", "chained"


@dataclass(frozen=True, slots=True)
class Decision:
    """The way of one request: the ids of the elements passed, and of the model element that answers.

    `model` is None where the way ends without a model, and where it stops at `open`: a percentage without a draw, or
    a condition that only Cloudflare can tell (in a graph made by others). Where models follow each other (also in
    graphs of others), the last one that answers is what the caller hears.
    """

    path: tuple[str, ...]
    model: str | None
    open: str | None = None


def decide(
    graph: Graph,
    metadata: Metadata,
    draws: Iterator[int] | None = None,
    *,
    exhausted: Container[str] = (),
    failing: Container[str] = (),
) -> Decision:
    """The way that a request with this metadata takes.

    `draws` gives an integer 0 … 99 for each percentage met; `exhausted` are the ids of rate elements whose limit is
    reached, `failing` those of model elements that do not answer. Raises GraphError for a circle or a missing output.
    """
    steps = _steps(graph)
    found = _walk(steps, steps.start, metadata, draws, exhausted, failing)
    return found if found.open is None or found.model is None else Decision(found.path, None, found.open)


def _walk(
    steps: _Steps,
    id: str,
    metadata: Metadata,
    draws: Iterator[int] | None = None,
    exhausted: Container[str] = (),
    failing: Container[str] = (),
    answered: str | None = None,
) -> Decision:
    """As `decide`, from any element; `answered` so far, which is also the model of a decision that is open."""
    path: tuple[str, ...] = (id,)
    for _ in range(MOST_STEPS):
        type, step = steps[id]
        if type == MODEL:
            if id not in failing:
                return Decision(path, id)
            passed = step["fallback"]
        elif type == _CHAINED:
            answered = answered if id in failing else id
            passed = step["fallback" if id in failing else "success"]
        elif type == CONDITIONAL:
            passed = step(metadata)
        elif type == PERCENTAGE:
            draw = next(draws, None) if draws is not None else None
            if draw is None:
                return Decision(path, answered, id)
            passed = step(draw)
        elif type == RATE:
            passed = step["fallback" if id in exhausted else "success"]
        elif type == END:
            return Decision(path if answered is None else path[:-1], answered)
        elif type == START:
            passed = step["next"]
        else:
            return Decision(path, answered, id)
        path += passed
        id = passed[-1]
    raise GraphError(f'no end after {MOST_STEPS} elements: the graph goes in a circle through "{id}"')


def distribution(graph: Graph, metadata: Metadata) -> dict[str | None, Fraction]:
    """The exact probability of each model element over all draws, for requests with this metadata.

    None stands for no model, and for what only Cloudflare can tell. Raises GraphError as `decide` does.
    """
    steps = _steps(graph)
    first = _walk(steps, steps.start, metadata)
    ways: dict[_Stop, list[tuple[Fraction, Decision]]] = {}
    pending = [(first.open, first.model)]
    while pending:
        id, answered = stop = pending.pop()
        if id is not None and stop not in ways and graph.elements[id].type == PERCENTAGE:
            ways[stop] = [*_drawn_ways(steps, graph.elements[id], metadata, answered)]
            pending += [(decision.open, decision.model) for _, decision in ways[stop]]
    return _flowed(first, ways)


# Where a way is open, and which model has answered before it.
_Stop = tuple[str | None, str | None]


def _drawn_ways(
    steps: _Steps, element: Element, metadata: Metadata, answered: str | None
) -> Iterator[tuple[Fraction, Decision]]:
    for label, target in canonical_outputs(element):
        yield Fraction(percent(label)) / 100, _walk(steps, target, metadata, answered=answered)


def _flowed(first: Decision, ways: Mapping[_Stop, list[tuple[Fraction, Decision]]]) -> dict[str | None, Fraction]:
    """Where everything ends up that comes in at `first`: each percentage is passed once, after all that lead to it."""
    begin = (first.open, first.model)
    if begin not in ways:
        return {_certain(first): Fraction(1)}
    shares: dict[str | None, Fraction] = {}
    arrived = {begin: Fraction(1)}
    for stop in _downstream(ways):
        for share, decision in ways[stop]:
            own, following = share * arrived[stop], (decision.open, decision.model)
            if following in ways:
                arrived[following] = arrived.get(following, Fraction(0)) + own
            else:
                shares[_certain(decision)] = shares.get(_certain(decision), Fraction(0)) + own
    return shares


def _certain(decision: Decision) -> str | None:
    """The model that answers, if nothing is open any more."""
    return decision.model if decision.open is None else None


def _downstream(ways: Mapping[_Stop, list[tuple[Fraction, Decision]]]) -> list[_Stop]:
    """The percentages, each after all that lead to it."""
    leads = {stop: [(decision.open, decision.model) for _, decision in own] for stop, own in ways.items()}
    try:
        order = [*TopologicalSorter(leads).static_order()]
    except CycleError as error:
        raise GraphError(f'the graph goes in a circle through "{error.args[1][0][0]}"') from None
    return [stop for stop in reversed(order) if stop in ways]


# --- a graph made ready to walk -----------------------------------------------------------------------------------
#
# A step answers with the ids that it passes, the last of which is where it leads. Neighbouring conditionals that ask
# one metadata key for texts are one table, so a front door of many routes costs one look-up.


def _steps(graph: Graph) -> _Steps:
    steps: _Steps | None = graph.prepared
    if steps is None:
        steps = _Steps(graph)
        object.__setattr__(graph, "prepared", steps)
    return steps


class _Steps(dict[str, tuple[str, Any]]):
    """The type and step of each element, made ready when it is first met."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph
        self.start = graph.start.id

    def __missing__(self, id: str) -> tuple[str, Any]:
        self[id] = own = _step(self.graph, self.graph.elements[id])
        return own


def _step(graph: Graph, element: Element) -> tuple[str, Any]:
    if element.type == PERCENTAGE:
        return PERCENTAGE, _drawing(element)
    if element.type != CONDITIONAL:
        return _CHAINED if is_chained(graph, element) else element.type, _Ways(element)
    if (asked := _asked_texts(element)) is not None:
        return CONDITIONAL, _table(graph, element, asked[0])
    try:
        return CONDITIONAL, _testing(element)
    except GraphError:
        return _OPAQUE, None


def is_chained(graph: Graph, element: Element) -> bool:
    """Whether the way goes on after this model has answered; ours never do, a dashboard can draw it so."""
    beyond = element.outputs.get("success") if element.type == MODEL else None
    return beyond is not None and graph.elements[beyond].type != END


class _Ways(dict[str, tuple[str, ...]]):
    """The outputs of an element by label; asking for one that is missing says which."""

    def __init__(self, element: Element) -> None:
        super().__init__((label, (target,)) for label, target in element.outputs.items())
        self.id = element.id

    def __missing__(self, label: str) -> tuple[str, ...]:
        raise GraphError(f'element "{self.id}" has no output "{label}"')


def _drawing(element: Element) -> Callable[[int], tuple[str, ...]]:
    edges = [(percent(label), (target,)) for label, target in canonical_outputs(element)]

    def drawn(draw: int) -> tuple[str, ...]:
        below = 0.0
        for share, way in edges:
            below += share
            if draw < below:
                return way
        raise GraphError(f'the draw {draw} is beyond the shares of element "{element.id}", which add to {below:g}')

    return drawn


def _testing(element: Element) -> Callable[[Metadata], tuple[str, ...]]:
    test, ways = condition(element.properties.get("conditions")), _Ways(element)
    return lambda metadata: ways["true" if test(metadata) else "false"]


def _asked_texts(element: Element) -> tuple[str, Sequence[str]] | None:
    """The metadata key and the texts that a conditional asks it for, if that is all it does."""
    asked = comparison(element.properties.get("conditions")) if element.type == CONDITIONAL else None
    if asked is None or not {"true", "false"} <= set(element.outputs):
        return None
    key, operator, value = asked
    values = [value] if operator == "$eq" else value if operator == "$in" else None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        return None
    return key, values


def _table(graph: Graph, element: Element, key: str) -> Callable[[Metadata], tuple[str, ...]]:
    table: dict[Any, tuple[str, ...]] = {}
    passed: tuple[str, ...] = ()
    while len(passed) < _LONGEST_TABLE and (asked := _asked_texts(element)) and asked[0] == key:
        for text in asked[1]:
            table.setdefault(text, (*passed, element.outputs["true"]))
        passed = (*passed, element.outputs["false"])
        element = graph.elements[element.outputs["false"]]
    return lambda metadata: table.get(metadata.get(key), passed)


# --- conditions ---------------------------------------------------------------------------------------------------


def condition(conditions: object) -> Test:
    """The test that a conditional's `conditions` mean: `$eq $ne $in $and $or` on `metadata.<key>`.

    A key that the request does not carry makes a comparison false, `$ne` included: nobody has written down what
    Cloudflare does, so the emulator names it as an assumption.
    """
    if not isinstance(conditions, Mapping):
        raise GraphError(f"conditions are a mapping; found {shown(conditions)}")
    return _all([_clause(path, wanted) for path, wanted in conditions.items()])


def _clause(path: str, wanted: object) -> Test:
    if path in ("$and", "$or"):
        if not isinstance(wanted, list):
            raise GraphError(f"{path} takes a list of conditions; found {shown(wanted)}")
        tests = [condition(item) for item in wanted]
        return _all(tests) if path == "$and" else _any(tests)
    if not path.startswith(METADATA):
        raise GraphError(f'a condition asks "metadata.<key>"; found "{path}"')
    key = path.removeprefix(METADATA)
    operators = wanted if isinstance(wanted, Mapping) else {"$eq": wanted}
    return _all([_comparison(key, operator, value) for operator, value in operators.items()])


def _comparison(key: str, operator: str, value: Any) -> Test:
    if operator == "$eq":
        return lambda metadata: key in metadata and _same(metadata[key], value)
    if operator == "$ne":
        return lambda metadata: key in metadata and not _same(metadata[key], value)
    if operator == "$in" and isinstance(value, list):
        return lambda metadata: key in metadata and any(_same(metadata[key], item) for item in value)
    raise GraphError(f'a condition compares by $eq, $ne or $in (with a list); found "{operator}": {shown(value)}')


def _same(found: Any, wanted: Any) -> bool:
    """Equal as JSON is equal: true is not 1, and 1 is 1.0."""
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _all(tests: Sequence[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda metadata: all(test(metadata) for test in tests)


def _any(tests: Sequence[Test]) -> Test:
    return lambda metadata: any(test(metadata) for test in tests)
