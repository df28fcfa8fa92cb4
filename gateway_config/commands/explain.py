"""`gatewright explain`: which way a request goes, and why."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import typer

from gateway_config.buckets import BUCKETS, bucket_of
from gateway_config.commands.lookup import compiled_config, named_route, to_json
from gateway_config.commands.options import STAGE, ConfigOption, JsonOption, StageOption
from gateway_config.compiled import CompiledConfig, CompiledRoute, CompiledTarget
from gateway_config.decide import distribution
from gateway_config.errors import UsageError
from gateway_config.graph import MODEL, RATE
from gateway_config.problems import shown
from gateway_config.rules.registry import did_you_mean
from gateway_config.telling.explain import Explanation, Situation
from gateway_config.telling.explain import explain as explained


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the command line describes it. `bucket_from` says in words where the bucket comes from."""

    route: CompiledRoute
    metadata: Mapping[str, Any]
    bucket_from: str


def explain(
    intent_or_route: Annotated[str, typer.Argument(metavar="NAME", help="An intent or a route.")],
    user: Annotated[str | None, typer.Option("--user", metavar="ID", help="Who asks.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="ID", help="For which tenant.")] = None,
    project: Annotated[str | None, typer.Option("--project", metavar="NAME", help="From which project.")] = None,
    bucket: Annotated[
        str | None, typer.Option("--bucket", metavar="BUCKET", help="00 … 99, or an arm's name, instead.")
    ] = None,
    meta: Annotated[list[str] | None, typer.Option("--meta", metavar="KEY=VALUE", help="More metadata.")] = None,
    draw: Annotated[
        list[int] | None, typer.Option("--draw", metavar="NUMBER", min=0, max=99, help="What chance draws, 0 … 99.")
    ] = None,
    failing: Annotated[
        list[str] | None, typer.Option("--failing", metavar="ARM", help="An arm or model that fails.")
    ] = None,
    exhausted: Annotated[
        list[str] | None, typer.Option("--exhausted", metavar="ELEMENT", help="A limit that is reached.")
    ] = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Explain which way a request goes, and why.

    The bucket is the one that our client would send for this user, tenant or project; without it, chance decides.

    \b
    Example: gatewright explain sprinter --user u-17 --failing challenger
    Exit codes: 0 explained, 1 the config has problems, 2 there is no such route, arm or element.
    """
    compiled = compiled_config(config, stage)
    facts = {"user_id": user, "tenant_id": tenant, "project": project, **_metadata(meta or ())}
    asked = _asked(compiled, intent_or_route, facts, bucket)
    situation = Situation(
        asked.metadata,
        iter(draw or ()),
        _ids(asked.route, exhausted or (), RATE),
        _ids(asked.route, failing or (), MODEL),
    )
    explanation = explained(asked.route.graph, situation)
    typer.echo(to_json(_as_data(asked, explanation)) if as_json else "\n".join(_told(asked, explanation)))


def _metadata(pairs: Iterable[str]) -> dict[str, Any]:
    """`plan=free` is a text; `seats=3` and `beta=true` are what they look like; quotes make a text of anything."""
    metadata = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not key or not equals:
            raise UsageError(f"metadata is written --meta key=value; found {shown(pair)}.")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        metadata[key] = value if isinstance(value, str | int | float | bool) else text
    return metadata


def _asked(compiled: CompiledConfig, name: str, facts: Mapping[str, Any], bucket: str | None) -> Asked:
    route = named_route(compiled, name)
    intent = facts.get("intent") or (name if name in compiled.intents else next(iter(route.intents), None))
    metadata = {key: value for key, value in {**facts, "intent": intent}.items() if value is not None}
    hashing = _hashing(compiled, route, intent)
    told, words = _bucket(hashing, metadata, bucket, hashing.name == compiled.front_door)
    if told is not None:
        metadata["bucket"] = told
    return Asked(route, metadata, words)


def _hashing(compiled: CompiledConfig, route: CompiledRoute, intent: Any) -> CompiledRoute:
    """The route whose bucket a request has: behind a front door, the one that serves the intent."""
    behind = compiled.routes.get(compiled.intents.get(intent or "", "")) if route.name == compiled.front_door else None
    return behind or route


def _bucket(
    route: CompiledRoute, metadata: Mapping[str, Any], bucket: str | None, is_door: bool
) -> tuple[str | None, str]:
    """The bucket that is sent, and where it comes from. A front door has none of its own."""
    if bucket is not None:
        if bucket not in BUCKETS and bucket not in route.arms:
            hint = f'Did you mean "0{bucket}"?' if f"0{bucket}" in BUCKETS else did_you_mean(bucket, route.arms)
            raise UsageError(f'a bucket is "00" … "99" or an arm of {route.name}; found {shown(bucket)}. {hint}')
        return bucket, f"bucket {bucket}, as given"
    if "bucket" in metadata:  # a text, as every bucket that is sent, whatever --meta takes it for
        return str(metadata["bucket"]), f"bucket {metadata['bucket']}, as given"
    if "bucket" not in route.metadata_keys:
        return None, "the same way for every bucket"
    if is_door:
        return None, "no bucket: it is that of the route behind, to which an intent leads, as in --meta intent=chat"
    key = {"user": "user_id", "tenant": "tenant_id"}.get(route.sticky, route.sticky)
    subject = metadata.get(key)
    if not isinstance(subject, str):
        why = "each request has one of its own" if route.sticky == "request" else f"name it with --{route.sticky}"
        return None, f"no bucket: {route.name} is sticky by {route.sticky}, {why}"
    own = bucket_of(route.name, subject)
    return own, f'bucket {own}, the one of {route.sticky} "{subject}" on {route.name}'


def _ids(route: CompiledRoute, names: Sequence[str], type: str) -> frozenset[str]:
    """The elements of this type that are meant by ids (with or without the route's name), arms, or models' names."""
    return frozenset(id for name in names for id in _ids_named(route, name, type))


def _ids_named(route: CompiledRoute, name: str, type: str) -> list[str]:
    own = [element.id for element in route.graph.elements.values() if element.type == type]
    named = {name, f"{route.name}.{name}", route.arms.get(name)}
    ids = [id for id in own if id in named or (id in route.targets and route.targets[id].name == name)]
    if not ids:
        what = "arm or model" if type == MODEL else "limit"
        raise UsageError(f"{route.name} has no {what} {shown(name)}. {did_you_mean(name, own)}")
    return ids


def _told(asked: Asked, explanation: Explanation) -> Iterable[str]:
    yield f"{asked.route.name}: {asked.bucket_from}"
    width = max(len(step.element) for step in explanation.steps)
    for step in explanation.steps:
        yield f"  {step.element.ljust(width)}  {step.reason}"
    yield f"→ {_outcome(asked, explanation)}"


def _outcome(asked: Asked, explanation: Explanation) -> str:
    if explanation.open is not None:
        chances = _chances(asked)
        return "chance decides: " + ", ".join(f"{who} {percent:g} %" for who, percent in chances.items())
    if explanation.model is None:
        return "no model answers"
    route, meant = asked.route, _meant(asked.route, explanation)
    target = route.targets.get(explanation.model)
    name = f"{target.name} ({target.upstream} {target.model})" if target else explanation.model
    if meant is None:
        return f"{name} answers"
    served = target is not None and target.arm == meant.arm
    return f"arm {meant.arm}: {name} answers" if served else f"arm {meant.arm} was meant; {name} answers in its place"


def _meant(route: CompiledRoute, explanation: Explanation) -> CompiledTarget | None:
    """The target of the first arm on the way."""
    targets = (route.targets.get(id) for id in explanation.path)
    return next((target for target in targets if target is not None and target.arm), None)


def _chances(asked: Asked) -> dict[str, float]:
    """Percent for each arm (or element) that can answer a request with this metadata."""
    shares = distribution(asked.route.graph, asked.metadata)
    by_id = {id: arm for arm, id in asked.route.arms.items()}
    named = ((by_id.get(id or "", id or "no model"), float(share * 100)) for id, share in shares.items())
    return dict(sorted(named, key=lambda item: (-item[1], item[0])))


def _as_data(asked: Asked, explanation: Explanation) -> dict[str, Any]:
    meant = _meant(asked.route, explanation)
    target = asked.route.targets.get(explanation.model or "")
    return {
        "route": asked.route.name,
        "metadata": dict(asked.metadata),
        "bucket": asked.metadata.get("bucket"),
        "steps": [asdict(step) for step in explanation.steps],
        "arm": meant.arm if meant else None,
        "element": explanation.model,
        "model": target.name if target else None,
        "chances": _chances(asked) if explanation.open is not None else None,
        "config_digest": asked.route.config_digest,
    }
