"""Drives the program by Pulumi's Automation API: it needs the `pulumi` binary and nothing else of Pulumi's."""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pulumi import automation

from gateway_config.cloudflare_errors import NotFoundError
from gateway_config.control_plane import ControlPlane
from gateway_config.errors import ServiceError
from gateway_config.load import load
from infra.__main__ import NOTHING, main
from infra.changes import ROUTE_TYPE, Collector, Outcome, Progress, first_of_each
from infra.engine_setup import engine_environment, pulumi_command, read_yaml, readable, require_passphrase
from infra.locks import locks, remove_dead_locks, restore_state
from infra.safety import UnsafeError, refusals
from infra.settings import Settings, settings_of
from infra.take_in import TakeIn

GATEWAY_TYPE = "cloudflare:index/aiGateway:AiGateway"
LOCK_PATIENCE_S = 5.0
"""A killed `gatewright up` leaves an engine that ends by itself within moments."""


class EngineError(ServiceError):
    """The engine did not do what was asked; the message is what it said."""


@dataclass(frozen=True, slots=True)
class State:
    """What the engine remembers of a stack: its resources by type and name, and steps that were cut short."""

    resources: frozenset[tuple[str, str]]
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
        self._environment = engine_environment(project, environment)
        self._notices: list[str] = []

    @property
    def backend_url(self) -> str:
        """Where the state lies."""
        return self._environment["PULUMI_BACKEND_URL"]

    @property
    def gateway_id(self) -> str:
        """The stage's gateway."""
        return load(self._config, self.stage).gateway_id

    @property
    def _stage_file(self) -> Path:
        return self._project / f"Pulumi.{self.stage}.yaml"

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
        """Removes everything that the stage has; refused, before anything changes, where the stage has thresholds."""
        if self.settings().safety:
            raise UnsafeError(
                f"Stage {self.stage} has thresholds, so it is not destroyed. Nothing was changed. Whoever means it "
                "runs `pulumi state unprotect --all` and then `pulumi destroy`."
            )
        stack, _ = self._own_stack()
        return self._run(stack, "destroy")

    def take_in(self, gateway: str, routes: Sequence[tuple[str, str]]) -> Outcome:
        """Makes a gateway and its routes, by name and id, part of the stack, as they are."""
        stack, state = self._own_stack()
        there = {"gateway": GATEWAY_TYPE, **{name: ROUTE_TYPE for name, _ in routes}}
        place = f"{self.settings().account}/{gateway}"
        ids = {"gateway": place, **{name: f"{place}/{id}" for name, id in routes}}
        missing = {name: id for name, id in ids.items() if (there[name], name) not in state.resources}
        if not missing:
            return Outcome((), (), tuple(self._notices), {}, 0.0)
        urns = [f"urn:pulumi:{self.stage}::{self._project_name()}::{there[name]}::{name}" for name in missing]
        return self._run(stack, "up", program=self._program(TakeIn(missing, as_is=True)), target=urns)

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
        routes = sum(type == ROUTE_TYPE for type, _ in state.resources)
        found = refusals(outcome.advances, safety, routes, door.name if door else None)
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

    def _program(self, take_in: TakeIn = NOTHING) -> Any:
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
        require_passphrase(self._environment, self._project, self.stage)
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self._project),
            env_vars=dict(self._environment),
            pulumi_home=self._environment.get("PULUMI_HOME"),
            pulumi_command=pulumi_command(self._project),
        )
        try:
            return self._selected_or_made(
                project_name=self._project_name(),
                program=self._program(),
                work_dir=str(self._project),
                opts=options,
            )
        except automation.CommandError as error:
            raise EngineError(readable(str(error))) from None

    def _selected_or_made(self, **told: Any) -> automation.Stack:
        has_file = self._stage_file.exists()  # making a stack writes one
        try:
            return automation.select_stack(self.stage, **told)
        except automation.StackNotFoundError:
            if not has_file:
                self._notice(f"stage {self.stage} is new: it has no {self._stage_file.name} and no stack")
            return automation.create_stack(self.stage, **told)

    def _project_name(self) -> str:
        return str(read_yaml(self._project / "Pulumi.yaml").get("name", "gatewright"))

    def settings(self) -> Settings:
        """The stage's settings, without running the engine."""
        return settings_of(read_yaml(self._stage_file).get("config") or {}, self.stage, self._environment)

    def _free_the_stack(self) -> None:
        """Removes the lock of a dead process; waits a little for one that is about to end."""
        place = (self.backend_url, self._project_name(), self.stage)
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while True:
            for lock in remove_dead_locks(*place):
                self._notice(f"removed the lock of an interrupted run ({lock})")
            held = locks(*place)
            if not held:
                break
            if time.monotonic() > deadline:
                raise EngineError(f"Somebody else works on stage {self.stage}: {held[0]}. Wait, then try again.")
            time.sleep(0.25)
        if restore_state(*place):
            self._notice("the state was cut short by an interrupted run; took the one before it")

    def _settle(self, stack: automation.Stack, state: State) -> None:
        """Forgets creations that were cut short; what they made after all is found again by name."""
        for step in state.interrupted:
            self._notice(f"an earlier run was interrupted while {step}; finishing it")
        self._call(stack.refresh, Collector(), clear_pending_creates=True)

    def _gateway_to_take_in(self, state: State) -> TakeIn:
        """The gateway, if it exists although the engine does not know it.

        It is looked at in any case: a wrong token, or an address where nobody is, is then one sentence and not one
        for each resource.
        """
        settings, config = self.settings(), load(self._config, self.stage)
        path = f"/accounts/{settings.account}/ai-gateway/gateways/{config.gateway_id}"
        with ControlPlane.from_environment(self._environment, attempts=3) as api:
            try:
                api.get(path)
            except NotFoundError:
                return NOTHING
        if (GATEWAY_TYPE, "gateway") in state.resources:
            return NOTHING
        self._notice(f"gateway {config.gateway_id} exists already and is not in this stack: taken in")
        return TakeIn({"gateway": f"{settings.account}/{config.gateway_id}"})

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
            resumed=tuple(collector.resumed),
        )

    def _call(self, verb: Any, collector: Collector, **options: Any) -> Any:
        try:
            with warnings.catch_warnings():
                # The SDK warns when the engine is gone, which we say ourselves.
                warnings.filterwarnings("ignore", message="Error in event stream")
                return verb(on_event=collector, color="never", **options)
        except automation.ConcurrentUpdateError:
            raise EngineError(
                f"Somebody else works on stage {self.stage}. Wait, then try again. If that run was killed, its lock is "
                "removed by `pulumi cancel`."
            ) from None
        except automation.CommandError as error:
            said = first_of_each(collector.errors)
            raise EngineError("\n".join(said) or readable(str(error))) from None

    def _notice(self, sentence: str) -> None:
        self._notices.append(sentence)


def _state(stack: automation.Stack) -> State:
    deployment = stack.export_stack().deployment or {}
    resources = deployment.get("resources") or []
    pending = deployment.get("pending_operations") or []
    return State(
        frozenset((resource["type"], resource["urn"].split("::")[-1]) for resource in resources),
        tuple(f"{step['type']} {step['resource']['urn'].split('::')[-1]}" for step in pending),
    )
