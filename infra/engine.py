"""Drives the program by Pulumi's Automation API: it needs the `pulumi` binary and nothing else of Pulumi's."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pulumi import automation

from gateway_config.cloudflare_errors import NotFoundError
from gateway_config.control_plane import ControlPlane
from gateway_config.errors import ServiceError, UsageError
from gateway_config.load import load
from infra.__main__ import main
from infra.changes import ROUTE_TYPE, Collector, Outcome, Progress, first_of_each
from infra.locks import locks, remove_dead_locks
from infra.safety import UnsafeError, refusals
from infra.settings import Settings, settings_of

GATEWAY_TYPE = "cloudflare:index/aiGateway:AiGateway"
LOCK_PATIENCE_S = 5.0
"""A killed `gatewright up` leaves an engine that ends by itself within moments."""


class EngineError(ServiceError):
    """The engine did not do what was asked; the message is what it said."""


@dataclass(frozen=True, slots=True)
class State:
    """What the engine remembers of a stack: the types it has, how many routes, and steps that were cut short."""

    types: frozenset[str]
    routes: int
    interrupted: tuple[str, ...]


class Engine:
    """The stack of one stage. `project` holds Pulumi.yaml; `config` the YAML, by default beside it."""

    def __init__(
        self,
        project: Path,
        stage: str,
        config: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        progress: Progress | None = None,
    ) -> None:
        self.stage = stage
        self._project = project
        self._config = config or project / "gateway_config"
        self._progress = progress or (lambda line: None)
        self._environment = _engine_environment(project, environment)
        self._notices: list[str] = []

    @property
    def backend_url(self) -> str:
        """Where the state lies."""
        return self._environment["PULUMI_BACKEND_URL"]

    @property
    def gateway_id(self) -> str:
        """The stage's gateway."""
        return load(self._config, self.stage).gateway_id

    # --- what people ask for ---

    def preview(self) -> Outcome:
        """What `up` would do. Changes nothing."""
        stack = self._stack()
        return self._preview(stack, _state(stack))

    def up(self, *, override: bool = False) -> Outcome:
        """Makes the stage as declared, and finishes what an interrupted run left half done.

        What the stage's thresholds refuse is refused before anything changes, unless this one run overrides them.
        """
        stack, state = self._own_stack()
        if self.settings().safety:
            self._refuse_what_is_unsafe(self._preview(stack, state).refusals, override)
        program = self._program(self._gateway_to_take_in(state))
        return self._run(stack, "up", program=program, continue_on_error=True)

    def destroy(self) -> Outcome:
        """Removes everything that the stage has."""
        stack, _ = self._own_stack()
        return self._run(stack, "destroy")

    def secret_outputs(self) -> dict[str, Any]:
        """The stack's outputs, secret ones in plain text: for whoever hands tokens on, never for a log."""
        outputs = self._stack().outputs()
        return {name: output.value for name, output in outputs.items()}

    # --- what it takes ---

    def _preview(self, stack: automation.Stack, state: State) -> Outcome:
        outcome = self._run(stack, "preview", program=self._program(self._gateway_to_take_in(state)))
        safety, config = self.settings().safety, load(self._config, self.stage)
        if safety is None:
            return outcome
        door = config.file.front_door
        found = refusals(outcome.changes, safety, state.routes, door.name if door else None)
        return replace(outcome, refusals=found)

    def _refuse_what_is_unsafe(self, found: tuple[str, ...], override: bool) -> None:
        if not found:
            return
        if not override:
            listed = "\n".join(f"  {sentence}" for sentence in found)
            raise UnsafeError(
                f"Stage {self.stage} refuses this:\n{listed}\nNothing was changed. --override lets it pass."
            )
        for sentence in found:
            self._notice(f"overridden: {sentence}")

    def _program(self, take_in: bool = False) -> Any:
        return functools.partial(main, self._config, take_in=take_in, environment=self._environment)

    def _own_stack(self) -> tuple[automation.Stack, State]:
        """The stack, free of what a killed run left, and its state."""
        load(self._config, self.stage)
        self._free_the_stack()
        stack = self._stack()
        state = _state(stack)
        if state.interrupted:
            self._settle(stack, state)
            state = _state(stack)
        return stack, state

    def _stack(self) -> automation.Stack:
        """The stack, made if need be. The config is read first, so that its problems come before anything."""
        load(self._config, self.stage)
        _require_passphrase(self._environment, self._project, self.stage)
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self._project),
            env_vars=dict(self._environment),
            pulumi_home=self._environment.get("PULUMI_HOME"),
            pulumi_command=_pulumi(self._project),
        )
        try:
            return automation.create_or_select_stack(
                self.stage,
                project_name=self._project_name(),
                program=self._program(),
                work_dir=str(self._project),
                opts=options,
            )
        except automation.CommandError as error:
            raise EngineError(_readable(str(error))) from None

    def _project_name(self) -> str:
        return str(yaml.safe_load((self._project / "Pulumi.yaml").read_text())["name"])

    def settings(self) -> Settings:
        """The stage's settings, without running the engine."""
        file = self._project / f"Pulumi.{self.stage}.yaml"
        told = yaml.safe_load(file.read_text()) if file.exists() else None
        return settings_of((told or {}).get("config") or {}, self.stage, self._environment)

    def _free_the_stack(self) -> None:
        """Removes the lock of a dead process; waits a little for one that is about to end."""
        place = (self.backend_url, self._project_name(), self.stage)
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            for lock in remove_dead_locks(*place):
                self._notice(f"removed the lock of an interrupted run ({lock})")
            held = locks(*place)
            if not held:
                return
            if time.monotonic() > deadline:
                raise EngineError(f"Somebody else works on stage {self.stage}: {held[0]}. Wait, then try again.")
            time.sleep(0.25)

    def _settle(self, stack: automation.Stack, state: State) -> None:
        """Forgets creations that were cut short; what they made after all is found again by name."""
        for step in state.interrupted:
            self._notice(f"an earlier run was interrupted while {step}; finishing it")
        self._call(stack.refresh, Collector(), clear_pending_creates=True)

    def _gateway_to_take_in(self, state: State) -> bool:
        """Whether the gateway exists although the engine does not know it."""
        if GATEWAY_TYPE in state.types:
            return False
        settings, config = self.settings(), load(self._config, self.stage)
        path = f"/accounts/{settings.account}/ai-gateway/gateways/{config.gateway_id}"
        with ControlPlane.from_environment(self._environment) as api:
            try:
                api.get(path)
            except NotFoundError:
                return False
        self._notice(f"gateway {config.gateway_id} exists already and is not in this stack: taken in")
        return True

    def _run(self, stack: automation.Stack, verb: str, **options: Any) -> Outcome:
        started, collector = time.monotonic(), Collector(self._progress)
        result = self._call(getattr(stack, verb), collector, **options)
        told = getattr(result, "outputs", {}).items()
        outputs = {name: "[secret]" if output.secret else output.value for name, output in told}
        notices = tuple(first_of_each([*self._notices, *collector.warnings]))
        return Outcome(
            tuple(collector.changes),
            tuple(collector.drift),
            notices,
            outputs,
            time.monotonic() - started,
            held=tuple(collector.held),
        )

    def _call(self, verb: Any, collector: Collector, **options: Any) -> Any:
        try:
            with warnings.catch_warnings():
                # The SDK warns when the engine is gone, which we say ourselves.
                warnings.filterwarnings("ignore", message="Error in event stream")
                return verb(on_event=collector, color="never", **options)
        except automation.ConcurrentUpdateError:
            raise EngineError(f"Somebody else works on stage {self.stage}. Wait, then try again.") from None
        except automation.CommandError as error:
            said = first_of_each(collector.errors)
            raise EngineError("\n".join(said) or _readable(str(error))) from None

    def _notice(self, sentence: str) -> None:
        self._notices.append(sentence)


def _state(stack: automation.Stack) -> State:
    deployment = stack.export_stack().deployment or {}
    resources = deployment.get("resources") or []
    pending = deployment.get("pending_operations") or []
    return State(
        frozenset(resource["type"] for resource in resources),
        sum(resource["type"] == ROUTE_TYPE for resource in resources),
        tuple(f"{step['type']} {step['resource']['urn'].split('::')[-1]}" for step in pending),
    )


def _engine_environment(project: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the engine: state lies in `.state/` beside Pulumi.yaml unless it is told otherwise."""
    told = {"PULUMI_SKIP_UPDATE_CHECK": "true", **environment}
    if not told.get("PULUMI_BACKEND_URL"):
        state = project / ".state"
        state.mkdir(exist_ok=True)
        told["PULUMI_BACKEND_URL"] = f"file://{state}"
    return told


def _require_passphrase(environment: Mapping[str, str], project: Path, stage: str) -> None:
    file = project / f"Pulumi.{stage}.yaml"
    told = (yaml.safe_load(file.read_text()) if file.exists() else None) or {}
    given = "PULUMI_CONFIG_PASSPHRASE" in environment or environment.get("PULUMI_CONFIG_PASSPHRASE_FILE")
    if not given and not told.get("secretsprovider"):
        raise UsageError(
            "PULUMI_CONFIG_PASSPHRASE is not set: secrets in the state are encrypted with it. Export it, or name "
            f"a secrets provider in {file.name}."
        )


def _pulumi(project: Path) -> automation.PulumiCommand:
    """The CLI that scripts/setup put into .tools, else the one on PATH."""
    roots = [folder / ".tools" / "pulumi" for folder in (project, Path(__file__).parent.parent)]
    root = next((root for root in roots if (root / "bin" / "pulumi").exists()), None)
    if root is None and not shutil.which("pulumi"):
        raise UsageError("The pulumi command is missing: run scripts/setup, or install it from pulumi.com.")
    try:
        return automation.PulumiCommand(root=str(root) if root else None)
    except (OSError, subprocess.CalledProcessError, automation.InvalidVersionError) as error:
        raise UsageError(f"The pulumi command does not work: {error}. Run scripts/setup.") from None


def _readable(text: str) -> str:
    """The reasons in what the CLI printed."""
    if killed := re.search(r"^ ?code: -(\d+)$", text, re.MULTILINE):
        return f"The engine was killed (signal {killed[1]}). `gatewright up` finishes what it left half done."
    lines = [line.strip() for line in text.splitlines()]
    reasons = re.findall(r"^ *(?:stderr: )?error: (.+)$", text, re.MULTILINE)
    if any("incorrect passphrase" in reason for reason in reasons):
        return "PULUMI_CONFIG_PASSPHRASE is not the passphrase that this stack's secrets were encrypted with."
    return "\n".join(first_of_each(reasons)) or (lines[-1] if lines else "the engine ended without a word")
