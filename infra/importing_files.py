"""The files that `gatewright import` writes: worked out, and checked beside those that are there, before the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledRoute
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import load_documents, read
from gateway_config.reading import Document
from infra.importing import can_be_a_file, models_of, route_yaml
from infra.importing_gateway import GatewayText, gateway_yaml
from infra.provider.elements import digest_of_wire
from infra.provider.routes_api import LiveRoute

MOST_REASONS = 3


@dataclass(slots=True)
class Plan:
    """The texts of new files, and what a person is told of them and of what is kept."""

    files: dict[Path, str] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def write(self) -> None:
        """Writes all of it, or nothing. What is there is never overwritten."""
        begun: list[Path] = []
        try:
            for file, text in self.files.items():
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("x", encoding="utf-8") as opened:
                    begun.append(file)
                    opened.write(text)
        except OSError as error:
            for file in begun:
                file.unlink()
            raise UsageError(
                f'"{error.filename or begun[-1]}" cannot be written: {error.strerror}. Nothing was imported. Mend '
                "that, or name another folder with --config DIR."
            ) from None


def planned(directory: Path, stage: str, settings: Mapping[str, Any], found: Sequence[LiveRoute]) -> Plan:
    """The files that a live gateway and its routes need beside those that are there.

    Raises ConfigError where the config has problems already, UsageError where it is another gateway's, or where a
    route cannot be part of it.
    """
    plan, id = Plan(), str(settings["id"])
    documents = _existing(directory)
    if not documents:
        gateway = gateway_yaml(settings, id.removesuffix(f"-{stage}"), models_of(found))
        plan.files[directory / "gateway.yaml"] = gateway.text
        plan.notices += _of_gateway(gateway)
        documents = [Document(str(directory / "gateway.yaml"), gateway.text.encode())]
    config = load_documents(documents, stage)
    if config.gateway_id != id:
        raise UsageError(
            f'"{documents[0].name}" declares gateway "{config.gateway_id}", so "{id}" cannot be part of that config. '
            "Name a folder of its own with --config DIR, and a project of its own with --project DIR."
        )
    declared, refused = compile_config(config).routes, {}
    for route in found:
        if reason := _add(plan, documents, directory, stage, route, declared.get(route.name)):
            refused[route.name] = reason
    if refused:
        raise UsageError("\n".join(_refusal(id, stage, found, refused)))
    load_documents([*documents, *_added(plan, documents)], stage)
    return plan


def _existing(directory: Path) -> list[Document]:
    """The files of the config, if there is one."""
    return read(directory) if directory.exists() and any(directory.rglob("*.y*ml")) else []


def _added(plan: Plan, documents: Sequence[Document]) -> Iterator[Document]:
    known = {document.name for document in documents}
    yield from (Document(str(file), text.encode()) for file, text in plan.files.items() if str(file) not in known)


def _of_gateway(gateway: GatewayText) -> Iterator[str]:
    yield from (f"not carried over, so the next `up` takes it away: {sentence}" for sentence in gateway.left_out)
    for variable, url in gateway.variables.items():
        yield f"export {variable} before `preview` and `up`: what authorizes {url} stands in no file"


def _add(
    plan: Plan,
    documents: Sequence[Document],
    directory: Path,
    stage: str,
    route: LiveRoute,
    declared: CompiledRoute | None,
) -> str | None:
    """Adds the route's file to the plan, unless the config has the route; why it cannot be there, where it cannot."""
    if declared is not None:
        return _kept(plan, route, declared)
    if not can_be_a_file(route.name):
        return (
            'its file has its name, and a route is named like "quick-chat", in at most 40 characters. Rename it '
            f"at Cloudflare, and in the applications that call dynamic/{route.name}"
        )
    try:
        written = route_yaml(route, stage, documents)
    except ConfigError as error:
        return " ".join(f"{problem.rule}: {problem.message}" for problem in error.problems[:MOST_REASONS])
    plan.files[directory / "routes" / f"{route.name}.yaml"] = written.text
    if not written.is_exact:
        plan.notices.append(
            f"the graph of {route.name} has a form that compiles to another one; preview shows the difference"
        )
    return None


def _kept(plan: Plan, route: LiveRoute, declared: CompiledRoute) -> str | None:
    if not declared.routed:
        return f"{declared.declared} declares a route of this name that Cloudflare does not serve. Rename one of them"
    if declared.graph_digest != digest_of_wire(route.elements):
        plan.notices.append(
            f"kept {route.name} of {declared.declared}: another graph is live, and preview shows the difference"
        )
    return None


def _refusal(gateway: str, stage: str, found: Sequence[LiveRoute], refused: Mapping[str, str]) -> Iterator[str]:
    yield f'Nothing was imported: gateway "{gateway}" has routes that cannot be part of the config.'
    yield from (f"  {name}: {reason.rstrip('.')}." for name, reason in refused.items())
    if others := [route.name for route in found if route.name not in refused]:
        command = f"gatewright import {' '.join(others)} --gateway {gateway} --stage {stage}"
        yield f"Mend them there, or leave them as they are, which no `up` changes: `{command}` takes in the others."
