"""The list of rules, and how a config is checked against it: severities, tuning, and what a route is allowed."""

from __future__ import annotations

import datetime
import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from gateway_config.config import GatewayConfig, Route, Source, Target
from gateway_config.problems import Problem, Severity
from gateway_config.reading import Path

MOST_NAMED = 24


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that a rule found: where, and in words. `route` is the one that may be allowed it."""

    source: Source
    path: Path
    message: str
    route: str | None = None


@dataclass(frozen=True)
class Checked:
    """What a rule looks at: the config, and the day it is looked at."""

    config: GatewayConfig
    today: datetime.date

    def routes(self) -> tuple[RouteView, ...]:
        return self._routes

    @cached_property
    def _routes(self) -> tuple[RouteView, ...]:
        sources = self.config.route_sources
        return tuple(_view(name, route, sources[name]) for name, route in self.config.routes.items())

    def in_gateway(self, path: Path, message: str) -> Complaint:
        return Complaint(self.config.gateway_source, path, message)


@dataclass(frozen=True, slots=True)
class RouteView:
    """One route with its name and its file.

    `served` are arms and fallbacks, and where they stand; `targets` is where the route names models, and which.
    """

    name: str
    route: Route
    source: Source
    served: Sequence[tuple[Path, Target]]
    targets: Sequence[tuple[Path, str]]

    def complaint(self, path: Path, message: str) -> Complaint:
        return Complaint(self.source, path, message, self.name)


def _view(name: str, route: Route, source: Source) -> RouteView:
    served: list[tuple[Path, Target]] = [(("arms", arm), target) for arm, target in route.arms.items()]
    served += [(("fallback", number), target) for number, target in enumerate(route.fallback)]
    targets: list[tuple[Path, str]] = [((*path, "model"), target.model) for path, target in served]
    targets += [(("limits", number, "then"), own.then) for number, own in enumerate(route.limits) if own.then != "stop"]
    return RouteView(name, route, source, served, targets)


RuleFunction = Callable[[Checked], Iterator[Complaint]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with an id that users see, tune and look up.

    What `compile` relies on cannot be tuned. A `dated` rule depends on the day, so it fails `check` but never stops a
    program that worked yesterday. An `overall` rule looks at all routes together, so it waits until all can be read.
    """

    id: str
    severity: Severity
    tunable: bool
    dated: bool
    overall: bool
    function: RuleFunction


RULES: dict[str, Rule] = {}


def rule(
    severity: Severity = Severity.ERROR, *, tunable: bool = True, dated: bool = False, overall: bool = False
) -> Callable[[RuleFunction], RuleFunction]:
    """Register a rule under its function's name."""

    def register(function: RuleFunction) -> RuleFunction:
        id = function.__name__.replace("_", "-")
        RULES[id] = Rule(id, severity, tunable, dated, overall, function)
        return function

    return register


def check(config: GatewayConfig, today: datetime.date, *, complete: bool = True) -> Iterator[Problem]:
    """All problems that the rules find; where the config is not `complete`, in the routes that could be read."""
    checked = Checked(config, today)
    for own in RULES.values():
        severity = _severity(config, own)
        if severity is not None and (complete or not own.overall):
            for complaint in own.function(checked):
                if not _allowed(config, own, complaint):
                    yield Problem(complaint.source.place(complaint.path), own.id, complaint.message, severity)


def _severity(config: GatewayConfig, own: Rule) -> Severity | None:
    tuning = config.file.rules.get(own.id) if own.tunable else None
    if tuning is None:
        return own.severity
    return None if tuning.severity == "off" else Severity(tuning.severity)


def _allowed(config: GatewayConfig, own: Rule, complaint: Complaint) -> bool:
    return own.tunable and complaint.route is not None and own.id in config.routes[complaint.route].allow


def replaced(source: Source, key: str | int) -> str:
    """A reminder where a stage has a key of its own: nothing is left of what the file says there."""
    return f" What a stage says under `{key}` takes the place of all of it." if key in source.overrides else ""


def near_miss(name: str, known: Sequence[str]) -> str | None:
    """The known name that this one almost is, or else the only one that has it as a word (`effort`)."""
    near = difflib.get_close_matches(name, known, 1, cutoff=0.7)
    longer = [own for own in known if name in re.split("[-_]", own)]
    return near[0] if near else longer[0] if len(longer) == 1 else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A near miss, or else what there is, as far as a sentence can hold it."""
    known = sorted(known)
    near = near_miss(name, known)
    if near is not None:
        return f'Did you mean "{near}"?'
    more = f" and {len(known) - MOST_NAMED} more" if len(known) > MOST_NAMED else ""
    return f"Known: {', '.join(known[:MOST_NAMED])}{more}." if known else "None is declared."


@rule(tunable=False)
def unknown_rule(checked: Checked) -> Iterator[Complaint]:
    """Tuning and allowances name rules that exist and that can be tuned."""
    for id in checked.config.file.rules:
        if (message := _untunable(id)) is not None:
            yield checked.in_gateway(("rules", id), message)
    for view in checked.routes():
        for id in view.route.allow:
            if (message := _untunable(id)) is not None:
                yield view.complaint(("allow", id), message)


def _untunable(id: str) -> str | None:
    if id not in RULES:
        return f'there is no rule "{id}". {did_you_mean(id, RULES)}'
    return None if RULES[id].tunable else f'the rule "{id}" cannot be tuned: without it nothing can be compiled.'
