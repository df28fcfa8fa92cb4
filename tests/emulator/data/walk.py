"""Walking a route's graph.  A generator: it asks, somebody with a world answers, it goes on.

It yields a Draw (answered with 0…99), a Rate (answered: is there room?) and a Model (answered: did it
serve?), and returns how it went.  It does no I/O and knows no chance.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from tests.emulator.control.routes.grammar import percent
from tests.emulator.data.conditions import Assumes, Facts, holds
from tests.emulator.evidence import behaviour

LONGEST_PATH = 1000


@dataclass(frozen=True)
class Draw:
    """A percentage element wants an integer from 0 to 99."""

    element: str


@dataclass(frozen=True)
class Rate:
    """A rate element asks whether its limit leaves room."""

    element: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Model:
    """A model element wants an answer; retries are the asker's business."""

    element: str
    provider: str
    model: str
    timeout_ms: float
    retries: int


Question: TypeAlias = Draw | Rate | Model


@dataclass
class Walk:
    """The elements that were met, and the models that were tried, in order."""

    path: list[str] = field(default_factory=list)
    tried: list[Model] = field(default_factory=list)
    served: Model | None = None


Walker: TypeAlias = Generator[Question, "int | bool", Walk]


def walk(elements: Mapping[str, Mapping[str, Any]], facts: Facts, assumes: Assumes) -> Walker:
    """Walk from start until end, or until there is no way on; `elements` are by id."""
    done = Walk()
    here: str | None = next((name for name, element in elements.items() if element["type"] == "start"), None)
    while here in elements and len(done.path) < LONGEST_PATH:
        assert here is not None
        done.path.append(here)
        element = elements[here]
        if element["type"] == "end":
            break
        label = yield from _way_out(element, facts, assumes, done)
        here = element["outputs"].get(label, {}).get("elementId")
    return done


def _way_out(
    element: Mapping[str, Any], facts: Facts, assumes: Assumes, done: Walk
) -> Generator[Question, int | bool, str]:
    properties = element.get("properties", {})
    match element["type"]:
        case "start":
            return "next"
        case "conditional":
            return "true" if holds(properties.get("conditions"), facts, assumes) else "false"
        case "percentage":
            return chosen(list(element["outputs"]), (yield Draw(element["id"])))
        case "rate":
            return "success" if (yield Rate(element["id"], properties)) else "fallback"
        case _:
            return (yield from _model(element["id"], properties, done))


@behaviour("a model that fails after its retries, or is too slow, leads to `fallback`", "DOC", "dynamic routing")
def _model(element: str, properties: Mapping[str, Any], done: Walk) -> Generator[Question, int | bool, str]:
    provider, name = properties["provider"], properties["model"]
    model = Model(element, provider, name, properties["timeout"], int(properties["retries"]))
    done.tried.append(model)
    served = yield model
    if served:
        done.served = model
    return "success" if served else "fallback"


def chosen(keys: Sequence[str], draw: int) -> str:
    """The output a draw falls on: percentages ascending, the first whose running sum exceeds it."""
    total = 0.0
    for key in sorted(keys, key=percent):
        total += percent(key)
        if total > draw:
            return key
    return max(keys, key=percent)
