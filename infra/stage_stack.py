"""The stack of one stage by Pulumi's Automation API: how it is made, freed, read, mended and run."""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pulumi import automation

from gateway_config.config import GatewayConfig
from gateway_config.errors import ConfigError, UsageError
from gateway_config.load import load
from gateway_config.problems import Problem
from infra.__main__ import NOTHING, main
from infra.changes import LOGS, Collector, Outcome, Progress, ResourceChange, first_of_each
from infra.engine_errors import busy, in_our_words
from infra.engine_setup import engine_environment, meant, new_stage, pulumi_command, read_yaml, require_passphrase
from infra.locks import locks, remove_dead_locks, restore_state
from infra.settings import Settings, settings_of
from infra.stage_file import RULE, place_of
from infra.state import State
from infra.take_in import TakeIn

LOCK_PATIENCE_S = 5.0
"""A killed `gatewright up` leaves an engine that ends by itself within moments."""


class StageStack:
    """The stack of one stage, and what every verb needs of it.

    `project` holds Pulumi.yaml; `config` the YAML, by default beside it.
    """

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
        return self._loaded.gateway_id

    @functools.cached_property
    def _loaded(self) -> GatewayConfig:
        """The config, read once; raises ConfigError with all that is wrong in it."""
        return load(self._config, self.stage)

    @property
    def _stage_file(self) -> Path:
        return self._project / f"Pulumi.{self.stage}.yaml"

    def _program(self, take_in: TakeIn = NOTHING) -> Any:
        return functools.partial(main, self._config, take_in=take_in, environment=self._environment)

    def _own_stack(self) -> tuple[automation.Stack, State]:
        """The stack, free of what a killed run left, and its state. The config's problems come before anything."""
        _ = self._loaded
        self._free_the_stack()
        stack = self._stack()
        return stack, self._settled(stack)

    def _stack(self) -> automation.Stack:
        """The stack, made if need be."""
        stack = self._selected()
        if stack is None:
            self._notice(new_stage(self._project, self.stage))
            with in_our_words(self.stage):
                stack = automation.create_stack(self.stage, **self._stack_options(self._project, self._environment))
        return stack

    def _selected(self) -> automation.Stack | None:
        """The stack, if there is one. The config's problems come before anything."""
        _ = self._loaded
        require_passphrase(self._environment, self._project, self.stage)
        with in_our_words(self.stage):
            try:
                return automation.select_stack(self.stage, **self._stack_options(self._project, self._environment))
            except automation.StackNotFoundError:
                return None

    def _made_aside(self, folder: Path) -> automation.Stack:
        environment = {**self._environment, "PULUMI_BACKEND_URL": f"file://{folder / 'state'}"}
        with in_our_words(self.stage):
            return automation.create_stack(self.stage, **self._stack_options(folder, environment))

    def _stack_options(self, folder: Path, environment: Mapping[str, str]) -> dict[str, Any]:
        command = pulumi_command(self._project)
        command.told = self._progress
        options = automation.LocalWorkspaceOptions(
            work_dir=str(folder),
            env_vars=dict(environment),
            pulumi_home=environment.get("PULUMI_HOME"),
            pulumi_command=command,
        )
        program = self._program()
        return {"project_name": self._project_name(), "program": program, "work_dir": str(folder), "opts": options}

    def _project_name(self) -> str:
        file = self._project / "Pulumi.yaml"
        name = read_yaml(file).get("name")
        if not isinstance(name, str) or not name:
            raise UsageError(f"{file} has no `name`, under which the state lies. Take it from version control.")
        return name

    def settings(self) -> Settings:
        """The stage's settings, without running the engine."""
        told = settings_of(_config_of(self._stage_file), self.stage, self._environment, self._stage_file)
        if told.stage != self.stage:
            raise UsageError(
                f"{self._stage_file.name} says gatewright:stage {told.stage}; here a stack is named like its stage. "
                f"Take it out, and call that file Pulumi.{told.stage}.yaml; or use plain `pulumi`."
            )
        return told

    def require_stage_file(self) -> None:
        """Raises UsageError where the stage has no file: a slip of its name would look like a stage without tokens."""
        if not self._stage_file.exists():
            raise UsageError(f"There is no {self._stage_file}.{meant(self._project, self.stage)}")

    def require_ready(self) -> None:
        """Raises UsageError where the engine could not run: no passphrase, or no `pulumi` command."""
        require_passphrase(self._environment, self._project, self.stage)
        pulumi_command(self._project)

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
                raise busy(self.stage, str(held[0]))
            time.sleep(0.25)
        if restore_state(*place):
            self._notice("the state was cut short by an interrupted run; took the one before it")

    def _state(self, stack: automation.Stack) -> State:
        with in_our_words(self.stage):
            deployment = stack.export_stack().deployment or {}
        return State.of(deployment)

    def _whole(self, stack: automation.Stack) -> State:
        """The state, mended where a run that failed has broken it.

        Such a run removes what is declared no more, although what it did not come to update still depends on that.
        """
        state = self._state(stack)
        if not state.is_broken:
            return state
        self._free_the_stack()
        with in_our_words(self.stage):
            repair = ["state", "repair", "--yes", "--stack", self.stage]
            pulumi_command(self._project).run(repair, str(self._project), self._environment)
        return self._state(stack)

    def _settled(self, stack: automation.Stack) -> State:
        """The state, without creations that were cut short; what they made after all is found again by name."""
        state = self._whole(stack)
        if not state.interrupted:
            return state
        for step in state.interrupted:
            self._notice(f"an earlier run was interrupted while {step}; finishing it")
        self._call(stack.refresh, Collector(), clear_pending_creates=True)
        return replace(self._state(stack), interrupted=state.interrupted, saved_at=state.saved_at)

    def _run(self, stack: automation.Stack, verb: str, **options: Any) -> Outcome:
        declared = self._loaded.file.gateway
        collector = Collector(self._progress, frozenset() if declared.telemetry else frozenset({"otels"}))
        started = time.monotonic()
        result = self._call(getattr(stack, verb), collector, **options)
        told = getattr(result, "outputs", {}).items()
        outputs = {name: "[secret]" if output.secret else output.value for name, output in told}
        notices = tuple(first_of_each([*self._notices, *collector.warnings, *_kept(collector.changes)]))
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
        with in_our_words(self.stage, collector), warnings.catch_warnings():
            # The SDK warns when the engine is gone, which we say ourselves.
            warnings.filterwarnings("ignore", message="Error in event stream")
            return verb(on_event=collector, color="never", **options)

    def _notice(self, sentence: str) -> None:
        self._notices.append(sentence)


def _config_of(file: Path) -> dict[str, Any]:
    config = read_yaml(file).get("config") or {}
    if not isinstance(config, dict):
        raise ConfigError([Problem(place_of(file, ()), RULE, "config: is a mapping of keys. Write one key a line.")])
    return config


def _kept(changes: Sequence[ResourceChange]) -> Iterator[str]:
    """Logs are never destroyed by accident; Cloudflare itself removes empty buckets only."""
    for change in changes:
        if change.name == LOGS and change.operation in ("delete", "replace"):
            name = change.before.get("name")
            yield (
                f'bucket "{name}" stays, with the logs in it, and a next `up` that names it takes it in again. To '
                f"remove it, empty it (R2 in the dashboard, or any S3 client), then `wrangler r2 bucket delete {name}`"
            )
