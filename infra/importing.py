"""A live route as YAML: readable where that compiles to the very graph that is live, else verbatim elements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml
from pydantic import ValidationError

from gateway_config import patterns
from gateway_config.compile import compile_config
from gateway_config.config import Model
from gateway_config.errors import GatewrightError, GraphError
from gateway_config.graph import MODEL, Element, Graph
from gateway_config.load import load_documents
from gateway_config.reading import Document
from gateway_config.splits import split_of
from gateway_config.wire import from_wire
from infra.provider.elements import digest_of_wire
from infra.provider.routes_api import LiveRoute

Models = Mapping[str, Model]


@dataclass(frozen=True, slots=True)
class Written:
    """A file of the config, and whether what it compiles to is what is live."""

    text: str
    is_exact: bool


def models_of(routes: Sequence[LiveRoute]) -> dict[str, Model]:
    """The models that live routes name, under short names of their own."""
    found: dict[str, Model] = {}
    for route in routes:
        for item in route.elements:
            properties = item.get("properties") or {}
            if item.get("type") != MODEL or _name_of(properties, found):
                continue
            with suppress(ValidationError):  # what gateway.yaml cannot name stays within the elements
                own = Model.model_validate({**_wired(properties), "kind": "chat"})
                found[_free_name(own.model, found)] = own
    return found


def _free_name(model: str, taken: Mapping[str, Any]) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", model.rsplit("/", 1)[-1].lower()).strip("-")
    name = (words if words[:1].isalpha() else f"m-{words}")[: patterns.LONGEST_NAME - 3].rstrip("-")
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 100))) if one not in taken)


def _name_of(properties: Mapping[str, Any], models: Models) -> str | None:
    return next((name for name, own in models.items() if _is_it(own, properties)), None)


def _wired(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"upstream": properties.get("provider"), "model": properties.get("model")}


def _is_it(model: Model, properties: Mapping[str, Any]) -> bool:
    return (model.upstream, model.model) == (properties.get("provider"), properties.get("model"))


def declared(models: Models) -> dict[str, Any]:
    """The models as gateway.yaml has them."""
    return {name: {"upstream": own.upstream, "model": own.model, "kind": own.kind} for name, own in models.items()}


def can_be_a_file(route: str) -> bool:
    """Whether a route of this name can be declared, since its file has its name."""
    return bool(re.fullmatch(patterns.NAME, route)) and len(route) <= patterns.LONGEST_NAME


def route_yaml(live: LiveRoute, stage: str, beside: Sequence[Document]) -> Written:
    """The route's file: the readable form if it compiles to what is live, else its elements as they are.

    `beside` are the config's files, gateway.yaml first. Raises ConfigError where the route cannot be one of them.
    """
    for text in _readable(live, load_documents(beside, stage).file.models):
        with suppress(GatewrightError):
            if _compiles_to(live, text, beside, stage):
                return Written(text, True)
    verbatim = dumped({"version": 1, "kind": "chat", "elements": live.elements})
    return Written(verbatim, _compiles_to(live, verbatim, beside, stage))


def _compiles_to(live: LiveRoute, text: str, beside: Sequence[Document], stage: str) -> bool:
    own = Document(f"routes/{live.name}.yaml", text.encode())
    compiled = compile_config(load_documents([*beside, own], stage))
    return compiled.routes[live.name].graph_digest == digest_of_wire(live.elements)


def _readable(live: LiveRoute, models: Models) -> Iterator[str]:
    """A guess at the readable form: arms by their element's names, one chain of fallbacks behind them."""
    try:
        graph = from_wire(live.elements)
        shares = split_of(graph, live.name)
        arms = _arms(graph, live.name, shares, models)
        chain = [_target(element, models) for element in _fallbacks(graph, arms[0][1])]
        told: dict[str, Any] = {"version": 1, "kind": "chat", "arms": {arm: _target(own, models) for arm, own in arms}}
    except (GraphError, LookupError):
        return
    if shares and len(shares) > 1:
        told["split"] = dict(sorted(shares.items(), key=lambda item: -item[1]))
    yield dumped({**told, "fallback": chain} if chain else told)


def _arms(graph: Graph, route: str, shares: Mapping[str, int] | None, models: Models) -> list[tuple[str, Element]]:
    if shares:
        return [(arm, graph.elements[f"{route}.{arm}"]) for arm in shares]
    first = graph.elements[graph.start.outputs["next"]]
    return [(_name_of(first.properties, models) or "only", first)]


def _fallbacks(graph: Graph, element: Element) -> Iterator[Element]:
    seen = {element.id}
    while (following := graph.elements[element.outputs["fallback"]]).type == MODEL:
        if following.id in seen:
            raise GraphError(f'the fallbacks of element "{following.id}" go in a circle')
        yield following
        seen.add(following.id)
        element = following


def _target(element: Element, models: Models) -> dict[str, Any]:
    if element.type != MODEL:
        raise GraphError(f'element "{element.id}" is no model')
    name = _name_of(element.properties, models)
    return {"model": name, "first_byte_ms": element.properties["timeout"], "retries": element.properties["retries"]}


class _Dumper(yaml.SafeDumper):
    """Writes what our reader takes for what it is: nothing plain that it could read in more than one way."""


_MAY_BE_A_NUMBER = re.compile(r"[-+.0-9].*|[yn]", re.IGNORECASE)


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, '"' if _MAY_BE_A_NUMBER.fullmatch(text) else None)


def _number(dumper: _Dumper, number: float) -> yaml.ScalarNode:
    digits = f"{Decimal(repr(number)):f}"
    return dumper.represent_scalar("tag:yaml.org,2002:float", digits if "." in digits else f"{digits}.0")


_Dumper.add_representer(str, _text)
_Dumper.add_representer(float, _number)


def dumped(data: Mapping[str, Any]) -> str:
    """YAML as people write it: keys in the order given. What editors do not show is written as an escape."""
    text = _dumped(data, allow_unicode=True)
    return text if text.replace("\n", "").isprintable() else _dumped(data, allow_unicode=False)


def _dumped(data: Mapping[str, Any], *, allow_unicode: bool) -> str:
    layout: dict[str, Any] = {"sort_keys": False, "width": 110, "default_flow_style": None}
    return str(yaml.dump(data, Dumper=_Dumper, allow_unicode=allow_unicode, **layout))
