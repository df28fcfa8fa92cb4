"""Why a request goes the way it goes: the decision, walked again slowly, with a reason for each step.

`decide` is what is used; a test holds that both take the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_config.buckets import BUCKETS
from gateway_config.conditions import comparison
from gateway_config.decide import MOST_STEPS, Metadata, condition, is_chained
from gateway_config.errors import GraphError
from gateway_config.graph import (
    CONDITIONAL,
    END,
    MODEL,
    PERCENTAGE,
    RATE,
    Element,
    Graph,
    canonical_outputs,
    percent,
)
from gateway_config.telling.words import condition_words, element_words, limit_words, ranges, value_words

_ANSWERS = "success"


@dataclass(frozen=True, slots=True)
class Step:
    """One element on the way. `output` is the label of the edge that was taken, None where the way ends."""

    element: str
    type: str
    reason: str
    output: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """The way of one request. `model` and `open` are as in `decide.Decision`."""

    steps: tuple[Step, ...]
    model: str | None
    open: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(step.element for step in self.steps)


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known besides the graph: the arguments of `decide`."""

    metadata: Metadata
    draws: Iterator[int]
    exhausted: Container[str] = ()
    failing: Container[str] = ()


def explain(graph: Graph, situation: Situation) -> Explanation:
    """The way of a request, each step with its reason; raises GraphError where `decide` would."""
    steps: list[Step] = []
    element, answered = graph.start, None
    for _ in range(MOST_STEPS):
        step = _step(element, situation)
        if element.type == END and answered is not None:
            return Explanation(tuple(steps), answered)
        steps.append(step)
        if step.output is None:
            return Explanation(tuple(steps), None, None if element.type == END else element.id)
        if element.type == MODEL and step.output == _ANSWERS:
            answered = element.id
            if not is_chained(graph, element):
                return Explanation(tuple(steps), answered)
        if step.output not in element.outputs:
            raise GraphError(f'element "{element.id}" has no output "{step.output}"')
        element = graph.elements[element.outputs[step.output]]
    raise GraphError(f'no end after {MOST_STEPS} elements: the graph goes in a circle through "{element.id}"')


def _step(element: Element, situation: Situation) -> Step:
    output, reason = _REASONS[element.type](element, situation)
    return Step(element.id, element.type, reason, output)


def _of_start(element: Element, situation: Situation) -> tuple[str | None, str]:
    return "next", "the request comes in"


def _of_end(element: Element, situation: Situation) -> tuple[str | None, str]:
    return None, "the way ends, and no model answers"


def _of_model(element: Element, situation: Situation) -> tuple[str | None, str]:
    fails = element.id in situation.failing
    return ("fallback" if fails else _ANSWERS), f"{element_words(element)} {'fails' if fails else 'answers'}"


def _of_rate(element: Element, situation: Situation) -> tuple[str | None, str]:
    reached = element.id in situation.exhausted
    words = limit_words(element.properties)
    return ("fallback" if reached else _ANSWERS), f"{words}: {'reached' if reached else 'not reached'}"


def _of_percentage(element: Element, situation: Situation) -> tuple[str | None, str]:
    edges = canonical_outputs(element)
    draw = next(situation.draws, None)
    if draw is None:
        chances = ", ".join(f"{label.replace('%', ' %')} {target}" for label, target in reversed(edges))
        return None, f"chance decides: {chances}"
    below = 0.0
    for label, _ in edges:
        first, below = below, below + percent(label)
        if draw < below:
            return label, f"the draw {draw} is one of {first:g}–{below - 1:g}"
    raise GraphError(f'the draw {draw} is beyond the shares of element "{element.id}", which add to {below:g}')


def _of_conditional(element: Element, situation: Situation) -> tuple[str | None, str]:
    conditions = element.properties.get("conditions")
    try:
        holds = condition(conditions)(situation.metadata)
    except GraphError as error:
        return None, f"only Cloudflare can tell: {error}"
    single = comparison(conditions)
    if single is None:
        return _label(holds), f"{condition_words(conditions)}: {'yes' if holds else 'no'}"
    return _label(holds), _compared(*single, situation.metadata)


def _label(holds: bool) -> str:
    return "true" if holds else "false"


def _compared(key: str, operator: str, wanted: Any, metadata: Metadata) -> str:
    """`bucket 93 is one of 90–99`, `plan is free, not trial`, `the request carries no plan`."""
    if key not in metadata:
        return f"the request carries no {key}"
    value = metadata[key]
    found = _distinct(value, wanted if operator == "$in" else [wanted])
    if operator == "$in":
        alike = [item for item in wanted if (item in BUCKETS) == (value in BUCKETS)] or wanted
        is_in = condition({f"metadata.{key}": {"$in": wanted}})(metadata)
        if is_in and len(alike) == 1:
            return f"{key} is {found}"
        return f"{key} {found} is {'one' if is_in else 'none'} of {ranges(alike if is_in else wanted)}"
    same = condition({f"metadata.{key}": {"$eq": wanted}})(metadata)
    return f"{key} is {found}" if same else f"{key} is {found}, not {value_words(wanted)}"


def _distinct(value: Any, wanted: Sequence[Any]) -> str:
    """A value in words, with its type where another looks like it: the number 3 is not the text 3."""
    words = value_words(value)
    alike = any(value_words(item) == words and type(item) is not type(value) for item in wanted)
    sort = "a text" if isinstance(value, str) else "true or false" if isinstance(value, bool) else "a number"
    return f"{words} ({sort})" if alike else words


_REASONS: Mapping[str, Callable[[Element, Situation], tuple[str | None, str]]] = {
    "start": _of_start,
    CONDITIONAL: _of_conditional,
    PERCENTAGE: _of_percentage,
    RATE: _of_rate,
    MODEL: _of_model,
    END: _of_end,
}
