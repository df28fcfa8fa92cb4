"""Rules about names: what is named exists, belongs to one, and is used."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from gateway_config.compile import is_routed
from gateway_config.problems import Severity
from gateway_config.reading import Path
from gateway_config.rules.registry import Checked, Complaint, did_you_mean, near_miss, rule

STAGES = {"dev": "development", "prod": "production"}
# The providers that AI Gateway knows by name, besides custom ones (its documentation, 2026-10).
UPSTREAMS = (
    "anthropic",
    "aws-bedrock",
    "azure-openai",
    "baseten",
    "cartesia",
    "cerebras",
    "cohere",
    "deepgram",
    "deepseek",
    "elevenlabs",
    "fal",
    "google-ai-studio",
    "google-vertex-ai",
    "grok",
    "groq",
    "huggingface",
    "ideogram",
    "mistral",
    "openai",
    "openrouter",
    "parallel",
    "perplexity-ai",
    "replicate",
    "workers-ai",
)


@rule(tunable=False)
def unknown_model(checked: Checked) -> Iterator[Complaint]:
    """Arms, fallbacks, limits, adapters and substitutes name models of gateway.yaml."""
    known = checked.config.file.models
    for view in checked.routes():
        for path, name in view.targets:
            if name not in known and path[0] == "limits" and name in view.route.arms:
                model = view.route.arms[name].model
                message = f'a limit leads to a model, and "{name}" is an arm. Its model is "{model}".'
                yield view.complaint(path, message)
            elif name not in known:
                message = _no_model(name, [*known, "stop"] if path[0] == "limits" else known)
                yield view.complaint(path, message)
    for path, name in _models_in_gateway(checked):
        if name not in known:
            yield checked.in_gateway(path, _no_model(name, known))


def _no_model(name: str, known: Iterable[str]) -> str:
    return f'there is no model "{name}" in gateway.yaml. {did_you_mean(name, known)}'


def _models_in_gateway(checked: Checked) -> Iterator[tuple[Path, str]]:
    file = checked.config.file
    for name, model in file.models.items():
        if model.substitute is not None:
            yield ("models", name, "substitute"), model.substitute
    for name, adapter in file.adapters.items():
        yield ("adapters", name, "model"), adapter.model
    for number, limit in enumerate(file.gateway.spend_limits):
        for place, model_name in enumerate(limit.models):
            yield ("gateway", "spend_limits", number, "models", place), model_name


@rule(tunable=False)
def reserved_name(checked: Checked) -> Iterator[Complaint]:
    """No model is called `stop` and no adapter `tenant`: limits and arms say these where they name none."""
    file = checked.config.file
    if "stop" in file.models:
        message = 'a limit that says "stop" leads to no model. Call this model otherwise.'
        yield checked.in_gateway(("models", "stop"), message)
    if "tenant" in file.adapters:
        message = 'an arm that says "tenant" means the caller\'s own adapter. Call this adapter otherwise.'
        yield checked.in_gateway(("adapters", "tenant"), message)


@rule(tunable=False)
def unknown_prompt(checked: Checked) -> Iterator[Complaint]:
    """An arm names a prompt of gateway.yaml."""
    prompts = checked.config.file.prompts
    for view in checked.routes():
        for path, target in view.served:
            if target.prompt is not None and target.prompt not in prompts:
                message = f'there is no prompt "{target.prompt}" in gateway.yaml.'
                yield view.complaint((*path, "prompt"), f"{message} {did_you_mean(target.prompt, prompts)}")


@rule(tunable=False)
def unknown_adapter(checked: Checked) -> Iterator[Complaint]:
    """Arms, fallbacks and tenants name adapters of gateway.yaml; an arm may say `tenant` for the caller's own."""
    adapters = checked.config.file.adapters
    for view in checked.routes():
        for path, target in view.served:
            if target.adapter not in (None, "tenant", *adapters):
                hint = did_you_mean(str(target.adapter), [*adapters, "tenant"])
                yield view.complaint((*path, "adapter"), f'there is no adapter "{target.adapter}". {hint}')
    for name, tenant in checked.config.file.tenants.items():
        for number, adapter in enumerate(tenant.adapters):
            if adapter not in adapters:
                message = f'there is no adapter "{adapter}". {did_you_mean(adapter, adapters)}'
                yield checked.in_gateway(("tenants", name, "adapters", number), message)


@rule(overall=True)
def unknown_intent(checked: Checked) -> Iterator[Complaint]:
    """The usual intents of a project are served by some route."""
    claimed = {intent for view in checked.routes() for intent in view.route.intents}
    for name, project in checked.config.file.projects.items():
        for number, intent in enumerate(project.intents):
            if intent not in claimed:
                message = f'no route serves the intent "{intent}". {did_you_mean(intent, claimed)}'
                yield checked.in_gateway(("projects", name, "intents", number), message)


@rule(tunable=False)
def intent_claimed_twice(checked: Checked) -> Iterator[Complaint]:
    """An intent belongs to one route."""
    claimed: dict[str, str] = {}
    for view in checked.routes():
        for number, intent in enumerate(view.route.intents):
            other = claimed.setdefault(intent, view.name)
            if other != view.name:
                message = f'the route "{other}" serves the intent "{intent}" already. Take it out of one of them.'
                yield view.complaint(("intents", number), message)


@rule(tunable=False, overall=True)
def front_door(checked: Checked) -> Iterator[Complaint]:
    """The front door has a name of its own, and what it does otherwise is a route that a dynamic route can carry."""
    door = checked.config.file.front_door
    if door is None:
        return
    routes = checked.config.routes
    if door.name in routes:
        message = f'"{door.name}" is a route of its own already. Call the front door otherwise.'
        yield checked.in_gateway(("front_door",), message)
    if door.otherwise is not None and door.otherwise not in routes:
        message = f'there is no route "{door.otherwise}". {did_you_mean(door.otherwise, routes)}'
        yield checked.in_gateway(("front_door", "otherwise"), message)
    elif door.otherwise is not None and not is_routed(routes[door.otherwise]):
        message = f'"{door.otherwise}" is served directly, so no front door can lead to it. Name a routed chat route.'
        yield checked.in_gateway(("front_door", "otherwise"), message)


@rule(Severity.REMARK)
def front_door_kind(checked: Checked) -> Iterator[Complaint]:
    """Intents of routes that are served directly cannot be asked for at the front door."""
    if checked.config.file.front_door is None:
        return
    for view in checked.routes():
        if view.route.intents and not is_routed(view.route):
            message = (
                f'the front door cannot carry "{view.name}" ({view.route.kind}); only our client serves its intents.'
            )
            yield view.complaint(("kind",), message)


@rule(Severity.WARNING)
def misspelt_upstream(checked: Checked) -> Iterator[Complaint]:
    """An upstream that is almost one of Cloudflare's names is probably meant to be that one."""
    for name, model in checked.config.file.models.items():
        if (near := _near_miss(model.upstream, UPSTREAMS)) is not None:
            message = f'Cloudflare knows no upstream "{model.upstream}". Did you mean "{near}"?'
            yield checked.in_gateway(("models", name, "upstream"), message)


@rule(Severity.WARNING)
def misspelt_stage(checked: Checked) -> Iterator[Complaint]:
    """A stage that is almost called `dev` or `prod` is probably meant to be that one."""
    for stage in checked.config.gateway_source.stages:
        if (message := _misspelt(stage)) is not None:
            yield checked.in_gateway(("stages", stage), message)
    for view in checked.routes():
        for stage in view.source.stages:
            if (message := _misspelt(stage)) is not None:
                yield view.complaint(("stages", stage), message)


def _misspelt(stage: str) -> str | None:
    longer = (name for name, long in STAGES.items() if stage != name and stage.startswith(name) and stage in long)
    near = _near_miss(stage, STAGES) or next(longer, None)
    return f'nothing is deployed to a stage "{stage}". Did you mean "{near}"?' if near else None


def _near_miss(name: str, known: Collection[str]) -> str | None:
    """The known name that this one almost is; one of them itself, or with a number behind it (`dev2`), is meant."""
    return None if name.rstrip("0123456789") in known else near_miss(name, [*known])


@rule(Severity.WARNING)
def unused_route(checked: Checked) -> Iterator[Complaint]:
    """A route is reached by an intent, or by the front door."""
    door = checked.config.file.front_door
    for view in checked.routes():
        if not view.route.intents and (door is None or door.otherwise != view.name):
            message = f'no intent leads to "{view.name}". Give it one under `intents`, or remove the file.'
            yield view.complaint((), message)


@rule(Severity.WARNING, overall=True)
def unused_model(checked: Checked) -> Iterator[Complaint]:
    """A model in gateway.yaml is named by a route, an adapter, a substitute or a verbatim element."""
    file = checked.config.file
    named = {name for view in checked.routes() for _, name in view.targets}
    named |= {name for _, name in _models_in_gateway(checked)}
    wired = {str(_model_id(element)) for view in checked.routes() for element in view.route.elements or ()}
    for name, model in file.models.items():
        if name not in named and model.model not in wired:
            yield checked.in_gateway(("models", name), f'no route names the model "{name}". Use it, or remove it.')


def _model_id(element: dict[str, object]) -> object:
    properties = element.get("properties")
    return properties.get("model") if isinstance(properties, dict) else None
