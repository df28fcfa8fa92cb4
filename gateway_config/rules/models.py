"""Rules about what models are: their kinds, prices, capabilities and days."""

from __future__ import annotations

from collections.abc import Iterator

from gateway_config.compile import PARAMETERS, is_routed
from gateway_config.config import Model
from gateway_config.kinds import KINDS
from gateway_config.problems import Severity
from gateway_config.reading import Path
from gateway_config.rules.registry import Checked, Complaint, RouteView, rule
from gateway_config.telling.words import with_article

# Of what a target says, the keys that no dynamic route can carry.
NOT_CARRIED = ("adapter", "reasoning_summary")


def _known_targets(checked: Checked, view: RouteView) -> Iterator[tuple[tuple[str | int, ...], str, Model]]:
    for path, name in view.targets:
        if (model := checked.config.file.models.get(name)) is not None:
            yield path, name, model


@rule()
def kind_mismatch(checked: Checked) -> Iterator[Complaint]:
    """All models of a route are of its kind; a vision model may also chat."""
    for view in checked.routes():
        for path, name, model in _known_targets(checked, view):
            if model.kind != view.route.kind and (model.kind, view.route.kind) != ("vision", "chat"):
                route = f'"{view.name}" is {with_article(view.route.kind)} route'
                message = f'"{name}" is a model of the kind {model.kind}, and {route}.'
                yield view.complaint(path, f"{message} Name another model, or change `kind`.")


@rule(Severity.WARNING)
def context_mismatch(checked: Checked) -> Iterator[Complaint]:
    """The models of a split take prompts of about the same length, so that no arm fails where the other answers."""
    sizes = {name: model.context_tokens for name, model in checked.config.file.models.items() if model.context_tokens}
    for view in checked.routes():
        arms = view.route.arms
        for path, split in view.route.splits().items():
            own = {arm: size for arm in split if arm in arms and (size := sizes.get(arms[arm].model))}
            if own and max(own.values()) > 2 * min(own.values()):
                small, large = min(own, key=own.__getitem__), max(own, key=own.__getitem__)
                message = (
                    f'the arm "{small}" takes {own[small]:,} tokens and "{large}" {own[large]:,}. '
                    "Long prompts fail on one arm only, so the arms cannot be compared."
                )
                yield view.complaint(path, message)


@rule(Severity.WARNING)
def deprecated_model(checked: Checked) -> Iterator[Complaint]:
    """No route names a deprecated model; its substitute is named in the message."""
    for view in checked.routes():
        for path, name, model in _known_targets(checked, view):
            if model.status == "deprecated":
                substitute = _active_substitute(checked, model)
                hint = f'Use "{substitute}".' if substitute else "Choose another, and name it as `substitute`."
                yield view.complaint(path, f'the model "{name}" is deprecated. {hint}')


def _active_substitute(checked: Checked, model: Model) -> str | None:
    """The first active model along the substitutes; they may lead in a circle."""
    models, seen = checked.config.file.models, set[str]()
    while (name := model.substitute) is not None and name in models and name not in seen:
        model = models[name]
        if model.status == "active":
            return name
        seen.add(name)
    return None


@rule(Severity.REMARK)
def missing_price(checked: Checked) -> Iterator[Complaint]:
    """A model that serves has a price; without one its costs are unknown, not zero."""
    for name, model in checked.config.file.models.items():
        if not _amounts(model):
            is_null = "price" in model.model_fields_set
            path: Path = ("models", name, "price") if is_null else ("models", name)
            way_on = f"{'Put it here' if is_null else 'Add `price`'} when there is one."
            message = f'the price of "{name}" is not known, so its costs are unknown. {way_on}'
            yield checked.in_gateway(path, message)


def _amounts(model: Model) -> set[str]:
    """The keys under which a price says what something costs."""
    given = model.price.model_dump(exclude_none=True) if model.price else {}
    return given.keys() - {"as_of", "source"}


@rule()
def price_unit(checked: Checked) -> Iterator[Complaint]:
    """A price counts what models of its kind are paid by."""
    for name, model in checked.config.file.models.items():
        for key in sorted(_amounts(model) - set(KINDS[model.kind].prices)):
            message = (
                f"{with_article(model.kind)} model is not paid by `{key}`. Use {', '.join(KINDS[model.kind].prices)}."
            )
            yield checked.in_gateway(("models", name, "price", key), message)


@rule()
def adapter_base(checked: Checked) -> Iterator[Complaint]:
    """An adapter stands on a model that takes one (`capabilities: [lora]`), and is used with that model."""
    file = checked.config.file
    for name, adapter in file.adapters.items():
        model = file.models.get(adapter.model)
        if model is not None and "lora" not in model.capabilities:
            message = f'the model "{adapter.model}" takes no adapters. Train it for one with `capabilities: [lora]`.'
            yield checked.in_gateway(("adapters", name, "model"), message)
    for view in checked.routes():
        for path, target in view.served:
            own = file.adapters.get(target.adapter or "")
            if own is not None and own.model != target.model:
                message = (
                    f'the adapter "{target.adapter}" was trained for "{own.model}", and not for "{target.model}". '
                    "Name the same model."
                )
                yield view.complaint((*path, "adapter"), message)


@rule(tunable=False)
def adapter_twice(checked: Checked) -> Iterator[Complaint]:
    """A tenant has one adapter for each model, so that `tenant` says which."""
    file = checked.config.file
    for name, tenant in file.tenants.items():
        seen: dict[str, str] = {}
        for number, adapter in enumerate(tenant.adapters):
            if (own := file.adapters.get(adapter)) is None:
                continue
            if seen.setdefault(own.model, adapter) != adapter:
                message = f'"{seen[own.model]}" is the adapter of "{name}" for "{own.model}" already. Keep one of them.'
                yield checked.in_gateway(("tenants", name, "adapters", number), message)


@rule()
def direct_only(checked: Checked) -> Iterator[Complaint]:
    """What a dynamic route cannot carry, an adapter or a reasoning summary, is asked for on a `direct` route only."""
    for view in checked.routes():
        if not is_routed(view.route):
            continue
        for path, target in view.served:
            for key in NOT_CARRIED:
                if getattr(target, key) is not None:
                    message = (
                        f'a dynamic route cannot carry `{key}`. Add `direct: true` to "{view.name}", or take it out.'
                    )
                    yield view.complaint((*path, key), message)


@rule()
def fallback_parameters(checked: Checked) -> Iterator[Complaint]:
    """A fallback of a dynamic route gets the request that its arm got: parameters of its own would never be sent."""
    for view in checked.routes():
        if not is_routed(view.route):
            continue
        for number, target in enumerate(view.route.fallback):
            for key in (*PARAMETERS, "prompt"):
                if key not in NOT_CARRIED and getattr(target, key) is not None:
                    message = (
                        f"Cloudflare asks a fallback what the arm was asked, so this `{key}` would never be sent. "
                        "Take it out, or give it to the arms."
                    )
                    yield view.complaint(("fallback", number, key), message)


@rule()
def unenforced(checked: Checked) -> Iterator[Complaint]:
    """Limits are counted by the gateway's dynamic route, so a route that is served directly cannot have any."""
    for view in checked.routes():
        if view.route.limits and not is_routed(view.route):
            kind = with_article(view.route.kind)
            why = "is direct" if view.route.direct else f"is {kind} route, which no dynamic route carries"
            message = f'"{view.name}" {why}, so nobody would count these limits. Use the gateway\'s `rate_limit`.'
            yield view.complaint(("limits",), message)
