"""What must hold over the whole config. One function a rule; its id is its name, its docstring its documentation.

A rule yields `(source, path, message)` for each complaint, and never raises.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from gateway_config.config import GatewayConfig, Route, Source
from gateway_config.problems import Problem, Severity
from gateway_config.reading import Path

Complaint = tuple[Source, Path, str]
RuleFunction = Callable[[GatewayConfig], Iterator[Complaint]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with an id that users see, tune and look up."""

    id: str
    severity: Severity
    function: RuleFunction


RULES: dict[str, Rule] = {}


def rule(severity: Severity = Severity.ERROR) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule under its function's name."""

    def register(function: RuleFunction) -> RuleFunction:
        id = function.__name__.replace("_", "-")
        RULES[id] = Rule(id, severity, function)
        return function

    return register


def check(config: GatewayConfig) -> Iterator[Problem]:
    """All problems that the rules find in a config that could be read."""
    for own in RULES.values():
        for source, path, message in own.function(config):
            yield Problem(source.place(path), own.id, message, own.severity)


def _routes(config: GatewayConfig) -> Iterator[tuple[str, Route, Source]]:
    for name, route in config.routes.items():
        yield name, route, config.route_sources[name]


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    known = sorted(known)
    near = difflib.get_close_matches(name, known, 1)
    return f'Did you mean "{near[0]}"?' if near else f"Known: {', '.join(known) or 'none'}."


@rule()
def split_sum(config: GatewayConfig) -> Iterator[Complaint]:
    """The shares of a split are whole hundredths that add to 100; one arm may take the `rest`."""
    for name, route, source in _routes(config):
        if route.split is None:
            continue
        shares = route.split.values()
        total = sum(share for share in shares if isinstance(share, int))
        rests = sum(share == "rest" for share in shares)
        if rests > 1:
            yield (
                source,
                ("split",),
                f'"rest" stands {rests} times in the split of "{name}". Keep it for one arm.',
            )
        elif total > 100 or (total < 100 and not rests):
            hint = "Lower one" if total > 100 else "Raise one"
            also = ', or write "rest" for one arm' if not rests else ""
            yield source, ("split",), f'shares of "{name}" add to {total}, not 100. {hint}{also}.'


@rule()
def split_arms(config: GatewayConfig) -> Iterator[Complaint]:
    """A split names every arm of its route, and no other; a route with several arms has a split."""
    for name, route, source in _routes(config):
        if route.split is None:
            if len(route.arms) > 1:
                yield (
                    source,
                    ("arms",),
                    f'"{name}" has {len(route.arms)} arms and no split. Add `split`, with a share for each.',
                )
            continue
        for arm in sorted(set(route.split) - set(route.arms)):
            yield (
                source,
                ("split", arm),
                f'the split names the arm "{arm}", which "{name}" has not. {_did_you_mean(arm, route.arms)}',
            )
        for arm in sorted(set(route.arms) - set(route.split)):
            message = f'the arm "{arm}" has no share in the split of "{name}". Give it one; 0 parks it.'
            yield source, ("arms", arm), message


@rule()
def unknown_model(config: GatewayConfig) -> Iterator[Complaint]:
    """An arm and a fallback name a model of gateway.yaml."""
    for _, route, source in _routes(config):
        for path, target in _targets(route):
            if target not in config.file.models:
                message = f'there is no model "{target}" in gateway.yaml. {_did_you_mean(target, config.file.models)}'
                yield source, path, message


def _targets(route: Route) -> Iterator[tuple[Path, str]]:
    for arm, target in route.arms.items():
        yield ("arms", arm, "model"), target.model
    for number, target in enumerate(route.fallback):
        yield ("fallback", number, "model"), target.model


@rule()
def kind_mismatch(config: GatewayConfig) -> Iterator[Complaint]:
    """All models of a route are of its kind; a vision model may also serve chat."""
    for name, route, source in _routes(config):
        for path, target in _targets(route):
            model = config.file.models.get(target)
            if model is not None and not _fits(model.kind, route.kind):
                yield (
                    source,
                    path,
                    f'"{target}" is a model of the kind {model.kind}, and "{name}" is a {route.kind} route.',
                )


def _fits(model_kind: str, route_kind: str) -> bool:
    return model_kind == route_kind or (model_kind, route_kind) == ("vision", "chat")


@rule()
def intent_claimed_twice(config: GatewayConfig) -> Iterator[Complaint]:
    """An intent belongs to one route."""
    claimed: dict[str, str] = {}
    for name, route, source in _routes(config):
        for number, intent in enumerate(route.intents):
            other = claimed.setdefault(intent, name)
            if other != name:
                yield (
                    source,
                    ("intents", number),
                    f'the route "{other}" serves the intent "{intent}" already.',
                )


@rule()
def gateway_id(config: GatewayConfig) -> Iterator[Complaint]:
    """The gateway's id has at most 64 characters, its stage included."""
    if len(config.gateway_id) > 64:
        length = len(config.gateway_id)
        message = f'with its stage the id is "{config.gateway_id}", {length} characters long; Cloudflare takes 64. Shorten it.'
        yield config.gateway_source, ("gateway", "id"), message
