"""`gatewright diff`: what the change of the config since a git revision means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Annotated, Any

import typer
import yaml
from pydantic_core import to_jsonable_python

from gateway_config.commands.lookup import to_json
from gateway_config.commands.options import STAGE, ConfigOption, JsonOption, StageOption, config_directory
from gateway_config.compile import compile_config
from gateway_config.load import load_documents, read
from gateway_config.revisions import documents_at
from gateway_config.telling.diff import Change, ConfigDiff, Move, RouteDiff, config_diff, gateway_changes
from gateway_config.telling.words import counted

CHANGES = 7


def diff(
    revision: Annotated[str, typer.Argument(metavar="REV", help="A commit, branch or tag.")] = "HEAD",
    expect_no_changes: Annotated[
        bool, typer.Option("--expect-no-changes", help="Exit with 7 if anything changes.")
    ] = False,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Say what the config's change since a git revision means.

    Routes, shares, how many buckets move from which arm to which, models, parameters and settings.

    \b
    Example: gatewright diff origin/main --stage prod
    Exit codes: 0 compared, 1 one of the two has problems, 2 no such revision, 7 changes where none were expected.
    """
    directory = config_directory(config)
    new = load_documents(read(directory), stage)
    old = load_documents(documents_at(directory, revision), stage)
    found = config_diff(compile_config(old), compile_config(new))
    found = replace(found, settings=(*gateway_changes(old.file, new.file), *found.settings))
    typer.echo(to_json(plain_data(found)) if as_json else "\n".join(told(found, revision, stage)))
    if found and expect_no_changes:
        raise typer.Exit(CHANGES)


def plain_data(value: Any) -> Any:
    """Data as JSON holds it; money stays an exact text, and what a part of the config leaves out stays left out."""
    if isinstance(value, ConfigDiff | RouteDiff | Change | Move):
        return {own.name: plain_data(getattr(value, own.name)) for own in fields(value)}
    if is_dataclass(value):
        return {own.name: plain_data(inner) for own in fields(value) if (inner := getattr(value, own.name)) is not None}
    if isinstance(value, dict):
        return {key: plain_data(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(item) for item in value]
    return to_jsonable_python(value, exclude_none=True)


def told(found: ConfigDiff, revision: str, stage: str) -> Iterator[str]:
    """The differences, a line each under their route."""
    if not found:
        yield f"Nothing changes for callers or at Cloudflare since {revision} in stage {stage}."
    for change in found.settings:
        yield _change("", change)
    for name in found.added:
        yield f"{name}: a new route"
    for name in found.removed:
        yield f"{name}: the route goes"
    for route in found.changed:
        yield f"{route.name}: {'a new version is deployed' if route.deploys else 'known to callers only'}"
        yield from (f"  {line}" for line in _route(route))


def _route(route: RouteDiff) -> Iterator[str]:
    yield from (_change("share of ", change, " %") for change in route.shares)
    for move in route.moves:
        yield f"{counted(move.buckets, 'bucket')} of 100 from {move.before} to {move.after}"
    yield from (_change("model of ", change) for change in route.models)
    for change in (*route.parameters, *route.settings, *route.ways):
        yield _change("", change)


def _change(prefix: str, change: Change, unit: str = "") -> str:
    return f"{prefix}{change.what}: {_value(change.before, unit)} → {_value(change.after, unit)}"


def as_yaml(data: Any) -> str:
    """Plain data as one would write it in one line of YAML."""
    text = str(yaml.safe_dump(data, default_flow_style=True, allow_unicode=True, width=10_000))
    return text.strip().removesuffix("\n...")  # how PyYAML ends a document that is a single scalar


def _value(value: Any, unit: str) -> str:
    """A value in one line; a long text (a prompt) is cut."""
    if value is None:
        return "none"
    data = plain_data(value)
    text = data if isinstance(data, str) else as_yaml(data)
    return (text if len(text) <= 120 else f"{text[:117]}…") + unit
