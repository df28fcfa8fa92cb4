"""Rules about arms and the traffic between them."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from itertools import accumulate

from gateway_config.config import Route, Split
from gateway_config.graph import PERCENTAGE
from gateway_config.problems import Severity
from gateway_config.reading import Path
from gateway_config.rules.registry import Checked, Complaint, RouteView, did_you_mean, replaced, rule
from gateway_config.telling.words import counted

# How long before the end of an experiment one is reminded of it.
REMINDED_DAYS = 14
RESERVED_ARMS = frozenset({"start", "end"})


@rule(tunable=False)
def split_sum(checked: Checked) -> Iterator[Complaint]:
    """The shares of a split are whole hundredths that add to 100; one arm may take the `rest`."""
    for view in checked.routes():
        for path, split in view.route.splits().items():
            if (message := _sum_message(view.name, split)) is not None:
                yield view.complaint((*path, _offending(split)), f"{message}{replaced(view.source, path[0])}")


def _offending(split: Split) -> str:
    """The arm where it goes wrong: the second `rest`, the share that passes 100, or else the last one."""
    rests = [arm for arm, share in split.items() if share == "rest"]
    if len(rests) > 1:
        return rests[1]
    fixed = [(arm, share) for arm, share in split.items() if isinstance(share, int)]
    sums = accumulate(share for _, share in fixed)
    return next((arm for (arm, _), total in zip(fixed, sums, strict=True) if total > 100), [*split][-1])


def _sum_message(name: str, split: Split) -> str | None:
    total = sum(share for share in split.values() if isinstance(share, int))
    rests = sum(share == "rest" for share in split.values())
    if rests > 1:
        return f'"rest" stands {rests} times in the split of "{name}". Keep it for one arm.'
    if total > 100:
        also = "" if rests else ', or write "rest" for one arm'
        return f'shares of "{name}" add to {total}, not 100. Lower one{also}.'
    if total < 100 and not rests:
        return f'shares of "{name}" add to {total}, not 100. Raise one, or write "rest" for one arm.'
    return None


@rule(tunable=False)
def split_arms(checked: Checked) -> Iterator[Complaint]:
    """A split names the arms of its route; every arm has a place in exactly one split."""
    for view in checked.routes():
        yield from _missing_split(view)
        placed: dict[str, Path] = {}
        for path, split in view.route.splits().items():
            for arm in split:
                if arm not in view.route.arms:
                    yield view.complaint((*path, arm), _no_arm(view, arm))
                elif arm in placed:
                    yield view.complaint((*path, arm), f'the arm "{arm}" stands in two tiers. Give each tier its own.')
                placed[arm] = path
        if placed:
            yield from _without_share(view, set(view.route.arms) - set(placed), next(iter(placed.values())))


def _without_share(view: RouteView, arms: set[str], path: Path) -> Iterator[Complaint]:
    reminder = replaced(view.source, path[0])
    for arm in sorted(arms):
        message = f'the arm "{arm}" has no share in the split of "{view.name}". Give it one; 0 parks it.'
        yield view.complaint(path if reminder else ("arms", arm), f"{message}{reminder}")


def _no_arm(view: RouteView, arm: str) -> str:
    known = did_you_mean(arm, view.route.arms)
    return f'"{view.name}" has no arm "{arm}". {known}{replaced(view.source, "arms")}'


def _missing_split(view: RouteView) -> Iterator[Complaint]:
    route = view.route
    if route.split is not None and route.tiers is not None:
        yield view.complaint(("split",), "a route has a `split`, or `tiers` with a split each. Keep one of them.")
    if len(route.arms) > 1 and not route.splits():
        message = f'"{view.name}" has {len(route.arms)} arms and no split. Add `split`, with a share for each.'
        yield view.complaint(("arms",), f"{message}{replaced(view.source, 'split')}")


@rule(tunable=False)
def route_shape(checked: Checked) -> Iterator[Complaint]:
    """A route has either arms, or verbatim `elements` and none of the keys that arms would need."""
    for view in checked.routes():
        route = view.route
        if route.elements is None:
            if not route.arms:
                message = f'"{view.name}" has no arms. Add `arms`, with a model for at least one.'
                yield view.complaint(("arms",), f"{message}{replaced(view.source, 'arms')}")
            continue
        extra = [key for key in ("arms", "when", "limits", "split", "tiers", "fallback") if getattr(route, key)]
        for key in extra:
            yield view.complaint((key,), f"`elements` says all of the graph, so `{key}` has no place beside it.")


@rule(tunable=False)
def arm_name(checked: Checked) -> Iterator[Complaint]:
    """An arm is not called like one of the elements that every graph has, nor like a bucket."""
    for view in checked.routes():
        for arm in sorted(RESERVED_ARMS & set(view.route.arms)):
            yield view.complaint(
                ("arms", arm), f'"{arm}" is the name of an element of every graph. Call the arm otherwise.'
            )


@rule(tunable=False)
def tier_default(checked: Checked) -> Iterator[Complaint]:
    """The tier of a request that names none is one that the route has."""
    for view in checked.routes():
        tiers, tier = view.route.tiers, view.route.tier or checked.config.file.tier
        if tiers is not None and tier not in tiers:
            message = f'requests that name no tier get "{tier}", which "{view.name}" has not.'
            yield view.complaint(("tiers",), f"{message} Set `tier: {next(iter(tiers), 'edge')}`.")
        if tiers is None and view.route.tier is not None:
            yield view.complaint(("tier",), f'"{view.name}" has no `tiers` to choose from. Add them, or remove `tier`.')


@rule(tunable=False)
def unknown_arm(checked: Checked) -> Iterator[Complaint]:
    """A `when` leads to an arm of its route."""
    for view in checked.routes():
        for number, when in enumerate(view.route.when):
            if when.arm not in view.route.arms:
                yield view.complaint(("when", number, "arm"), _no_arm(view, when.arm))


@rule(Severity.WARNING, dated=True)
def split_ends_soon(checked: Checked) -> Iterator[Complaint]:
    """A split with an `until` is decided before that day; two weeks ahead one is reminded."""
    for view in checked.routes():
        until = view.route.until
        if until is not None and checked.today <= until <= checked.today + datetime.timedelta(days=REMINDED_DAYS):
            message = f'the split of "{view.name}" ends on {until}. Decide it, or move the day.'
            yield view.complaint(("until",), message)


@rule(Severity.WARNING)
def until_without_split(checked: Checked) -> Iterator[Complaint]:
    """`until` is the day by which a split is decided, so a route with one arm has none."""
    for view in checked.routes():
        if view.route.until is not None and not _divides(view.route):
            message = f'"{view.name}" has no split that could be decided by then. Take `until` out, or add the split.'
            yield view.complaint(("until",), message)


def _divides(route: Route) -> bool:
    """Whether traffic is divided, or is meant to be: by a split of ours or by percentages made elsewhere."""
    percentages = [element for element in route.elements or () if element.get("type") == PERCENTAGE]
    is_meant = route.tiers is None and len(route.arms) > 1  # what is wrong with the split is a problem of its own
    return bool(percentages) or is_meant or any(len(split) > 1 for split in route.splits().values())


@rule(dated=True)
def split_until(checked: Checked) -> Iterator[Complaint]:
    """A split is not left running past its `until`."""
    for view in checked.routes():
        until = view.route.until
        if until is not None and until < checked.today:
            days = (checked.today - until).days
            message = f'the split of "{view.name}" should have been decided by {until}, {counted(days, "day")} ago.'
            yield view.complaint(("until",), f"{message} Keep one arm, or move the day.")
