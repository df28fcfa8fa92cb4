"""What the elements of a dynamic route must look like to be accepted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from tests.emulator.assumptions import Choices, assumption
from tests.emulator.evidence import behaviour
from tests.emulator.schema import (
    REQUIRED,
    Check,
    Field,
    Path,
    Wrong,
    anything,
    map_of,
    nullable,
    number,
    object_of,
    one_of,
    text,
)

TYPES = ("start", "conditional", "percentage", "rate", "model", "end")
PERCENT_OUTPUTS = 5
LONG_LIST = 50

DANGLING_EDGES = assumption(
    "dangling-edges", "Is an edge to an element that does not exist refused?", "refused", "accepted"
)
CYCLES = assumption("route-cycles", "Is a graph that runs in a circle refused?", "refused", "accepted")
DECIMAL_KEYS = assumption("decimal-percent-keys", 'Is a key like "12.5%" accepted?', "refused", "accepted")
SHARED_TARGETS = assumption(
    "shared-targets", "May two outputs of one element (not a model) lead to the same element?", "accepted", "refused"
)
GRAPH_SIZE = assumption("graph-size", "Is there a most number of elements in a route?", "unlimited", "100")
LONGEST_TIMEOUT = assumption("longest-timeout", "Is there a longest timeout of a model?", "unlimited", "600000")
LONG_IN = assumption("long-in-lists", "Is $in with more than 50 values accepted?", "accepted", "refused")

edge = object_of({"elementId": Field(text(1), required=True)})


ANY_ELEMENT = object_of({"id": Field(text(1), required=True), "properties": Field(nullable(object_of({})))})


def _edges(*labels: str) -> Field:
    return Field(object_of({label: Field(edge, required=True) for label in labels}), required=True)


def _properties(**fields: Field) -> Field:
    return Field(object_of(fields), required=True)


SHAPES: dict[str, Check] = {
    "start": object_of({"outputs": _edges("next")}),
    "conditional": object_of(
        # `condition` (old documentation) is dropped, so `conditions` cannot be required
        {"properties": _properties(conditions=Field(anything)), "outputs": _edges("true", "false")}
    ),
    "percentage": object_of({"outputs": Field(map_of(edge), required=True)}),
    "rate": object_of(
        {
            "properties": _properties(
                limitType=Field(one_of("count", "cost"), True),
                key=Field(text(1), True),
                limit=Field(number(0, whole=False), True),
                window=Field(number(above=0, whole=False), True),
            ),
            "outputs": _edges("success", "fallback"),
        }
    ),
    "model": object_of(
        {
            "properties": _properties(
                provider=Field(text(1), True),
                model=Field(text(1), True),
                timeout=Field(number(0, whole=False), True),
                retries=Field(number(0), True),
            ),
            "outputs": _edges("success", "fallback"),
        }
    ),
    "end": object_of({"outputs": Field(map_of(edge), required=True)}),
}
KNOWN_PROPERTIES = {
    "conditional": ("conditions",),
    "rate": ("limitType", "key", "limit", "window"),
    "model": ("provider", "model", "timeout", "retries"),
}


@behaviour("elements are validated with 7001, and the type error names all six types", "LIVE", "docs PR #30453")
def wrong_elements(elements: Any, assumes: Choices, path: Path) -> Iterator[Wrong]:
    """All that Cloudflare would refuse about these elements."""
    if not isinstance(elements, list):
        yield path, REQUIRED if elements is None else "Expected array, received another type"
        return
    complaints = [
        wrong for index, element in enumerate(elements) for wrong in _wrong_element(element, (*path, index), assumes)
    ]
    yield from complaints
    if not complaints:
        yield from _wrong_graph({element["id"]: element for element in elements}, elements, assumes, path)


def _wrong_element(element: Any, path: Path, assumes: Choices) -> Iterator[Wrong]:
    head = list(ANY_ELEMENT(element, path))
    yield from head
    kind = element.get("type") if isinstance(element, dict) else None
    if kind not in TYPES:
        expected = " | ".join(f"'{name}'" for name in TYPES)
        yield (*path, "type"), f"Invalid discriminator value. Expected {expected}"
        return
    shape = list(SHAPES[kind](element, path))
    yield from shape
    if kind == "percentage" and not shape:
        yield from _wrong_percentages(element["outputs"], (*path, "outputs"), assumes)
    if kind == "conditional" and not shape and assumes(LONG_IN) == "refused":
        yield from _long_lists(element["properties"].get("conditions"), (*path, "properties", "conditions"))
    labels = element.get("outputs") or {}
    if not shape:
        yield from _too_long(element, (*path, "properties"), assumes)
    shared = not shape and len({way["elementId"] for way in labels.values()}) < len(labels)
    if shared and kind != "model" and assumes(SHARED_TARGETS) == "refused":
        yield (*path, "outputs"), "Outputs must lead to different elements"


@behaviour("percentage keys are N%, at most five, sum to 100, and `else` is refused", "LIVE", "docs PR #30453")
def _wrong_percentages(outputs: dict[str, Any], path: Path, assumes: Choices) -> Iterator[Wrong]:
    form = r"\d+(\.\d+)?%" if assumes(DECIMAL_KEYS) == "accepted" else r"\d+%"
    strange = [key for key in outputs if not re.fullmatch(form, key, re.ASCII)]
    yield from (((*path, key), "Invalid") for key in strange)
    if strange:
        return
    if len(outputs) > PERCENT_OUTPUTS:
        yield path, f"At most {PERCENT_OUTPUTS} outputs are allowed"
    total = sum(percent(key) for key in outputs)
    if total != 100:
        yield path, f"Percentages must sum to 100, got {total:g}"


def percent(key: str) -> float:
    return float(key.removesuffix("%"))


def _long_lists(value: Any, path: Path) -> Iterator[Wrong]:
    """Every list that is longer than the longest one anybody has shown."""
    if isinstance(value, list) and len(value) > LONG_LIST:
        yield path, f"Array must contain at most {LONG_LIST} element(s)"
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _long_lists(inner, (*path, key))


def _too_long(element: dict[str, Any], path: Path, assumes: Choices) -> Iterator[Wrong]:
    if assumes(LONGEST_TIMEOUT) != "unlimited" and element["type"] == "model":
        yield from number(most=int(assumes(LONGEST_TIMEOUT)))(element["properties"]["timeout"], (*path, "timeout"))


def _wrong_graph(
    by_id: dict[str, dict[str, Any]], elements: list[dict[str, Any]], assumes: Choices, path: Path
) -> Iterator[Wrong]:
    if assumes(GRAPH_SIZE) != "unlimited" and len(elements) > int(assumes(GRAPH_SIZE)):
        yield path, f"Array must contain at most {assumes(GRAPH_SIZE)} element(s)"
    repeated = [name for name, count in Counter(item["id"] for item in elements).items() if count > 1]
    if repeated:
        yield path, f"Duplicate element id '{repeated[0]}'"
    if sum(item["type"] == "start" for item in elements) != 1:
        yield path, "A route needs exactly one start element"
    dangling = sorted({target for item in elements for target in targets(item)} - by_id.keys())
    if dangling and assumes(DANGLING_EDGES) == "refused":
        yield path, f"Element '{dangling[0]}' does not exist"
    if assumes(CYCLES) == "refused" and has_cycle(by_id):
        yield path, "The elements run in a circle"


def targets(element: dict[str, Any]) -> Iterable[str]:
    return [way["elementId"] for way in element["outputs"].values()]


def has_cycle(by_id: dict[str, dict[str, Any]]) -> bool:
    """Whether some path comes back; found by taking away elements that lead nowhere new."""
    left = {name: {way for way in targets(item) if way in by_id} for name, item in by_id.items()}
    while leaves := {name for name, ways in left.items() if not ways}:
        left = {name: ways - leaves for name, ways in left.items() if name not in leaves}
    return bool(left)


@behaviour("`condition` and a rate element's `technique` are dropped without a word", "LIVE", "docs PR #30453")
def without_unknown_properties(elements: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """The elements as they are stored, and a note on each thing that was dropped."""
    kept, notes = [], []
    for element in elements:
        known = KNOWN_PROPERTIES.get(element["type"], ())
        properties = element.get("properties") or {}
        stored = {name: properties[name] for name in known if name in properties}
        names = sorted(properties.keys() - stored.keys()) + sorted(
            element.keys() - {"id", "type", "properties", "outputs"}
        )
        notes += [f"element {element['id']!r}: {name!r} is dropped" for name in names]
        outputs = {label: {"elementId": way["elementId"]} for label, way in element["outputs"].items()}
        head = {"id": element["id"], "type": element["type"]}
        kept.append({**head, **({"properties": stored} if known else {}), "outputs": outputs})
    return kept, notes
