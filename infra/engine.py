"""Drives the program by Pulumi's Automation API: it needs the `pulumi` binary and nothing else of Pulumi's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any

from pulumi import automation

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import GatewrightError, UsageError
from infra.aside import project_aside, with_what_is_new, without_refresh
from infra.changes import LOGS, ROUTE_TYPE, Outcome
from infra.engine_errors import BusyError, EngineError, busy, not_emptied
from infra.engine_setup import new_stage
from infra.existing import MAKING_LOGS, Existing, existing
from infra.gateway_inputs import SECRET
from infra.leftovers import Leftovers
from infra.resources import BUCKET_TYPE, GATEWAY_TYPE, TOKEN_TYPE
from infra.safety import UnsafeError, refusals
from infra.stage_stack import StageStack
from infra.state import State
from infra.take_in import TakeIn

_IGNORE_PROTECT = "PULUMI_OPTION_IGNORE_PROTECT"


class Engine(StageStack):
    """What people ask for: a stage's preview, up, destroy and import."""

    def preview(self) -> Outcome:
        """What `up` would do. Changes nothing; a stage that was never made is made in a folder that goes away."""
        if stack := self._selected():
            state = self._state(stack)
            if state.is_broken:
                raise EngineError(
                    "A run that failed has left the state in pieces. `gatewright up` mends it, and goes on."
                )
            return self._preview(stack, state)
        self._notice(new_stage(self._project, self.stage))
        with project_aside(self._project, self.stage) as folder:
            stack = self._made_aside(folder)
            return self._preview(stack, self._state(stack))

    def up(self, *, override: bool = False) -> Outcome:
        """Makes the stage as declared, and finishes what an interrupted run left half done.

        What the stage's thresholds refuse is refused before anything changes, unless this one run overrides them.
        """
        stack, state = self._own_stack()
        found = self._existing_unknown(state)
        if self.settings().safety:
            self._refuse_what_is_unsafe(self._planned(stack, state, found).refusals, override)
        if found:
            self._import(stack, found)
        known = self._tokens_before(state)
        try:
            with _unprotected(stack) if override else nullcontext():
                outcome = self._run(stack, "up", program=self._program(), continue_on_error=True)
        except BusyError:
            raise  # what is being made now is theirs
        except EngineError as error:
            raise EngineError("\n".join([str(error), *self._made_after_all(stack, known)])) from None
        if not any(change.type == TOKEN_TYPE for change in outcome.changes):
            return outcome
        return replace(outcome, notices=(*outcome.notices, *self._made_after_all(stack, known)))

    def destroy(self) -> Outcome:
        """Removes everything that the stage has; refused, before anything changes, where the stage has thresholds."""
        if self.settings().safety:
            raise UnsafeError(
                f"Stage {self.stage} has thresholds, so it is not destroyed. Nothing was changed. Whoever means it "
                "runs `pulumi state unprotect --all` and then `pulumi destroy`."
            )
        self._api().close()  # what it lacks is said before the engine is asked
        self._free_the_stack()
        stack = self._selected()
        if stack is None:
            raise UsageError(f"Stage {self.stage} has no stack here: there is nothing to remove.")
        state = self._settled(stack)
        if state.interrupted:  # what that run made after all is to go, too
            if found := self._existing_unknown(state):
                self._import(stack, found)
            self._tokens_before(state)
        wanted = self.settings().buckets
        with not_emptied(wanted.config if wanted else None):
            return self._run(stack, "destroy")

    def take_in(self, gateway: str, routes: Sequence[tuple[str, str]]) -> Outcome:
        """Makes a gateway and its routes, by name and id, part of the stack, as they are."""
        stack, state = self._own_stack()
        place = f"{self.settings().account}/{gateway}"
        there = [Existing(GATEWAY_TYPE, "gateway", place, gateway)]
        there += [Existing(ROUTE_TYPE, name, f"{place}/{id}", name) for name, id in routes]
        missing = [one for one in there if (one.type, one.name) not in state.resources]
        return self._import(stack, missing) if missing else Outcome((), (), tuple(self._notices), {}, 0.0)

    def secret_outputs(self) -> dict[str, Any]:
        """The stack's outputs, secret ones in plain text: for whoever hands tokens on, never for a log."""
        stack = self._selected()
        return {name: output.value for name, output in stack.outputs().items()} if stack else {}

    # --- what it takes ---

    def _preview(self, stack: automation.Stack, state: State) -> Outcome:
        """The plan; tokens that the stack does not know are told."""
        with self._api() as api:
            leftovers = Leftovers(api, self.settings(), self.gateway_id)
            self._notices.extend(map(leftovers.told, leftovers.unknown(state)))
        return self._planned(stack, state, self._existing_unknown(state))

    def _planned(self, stack: automation.Stack, state: State, found: Sequence[Existing]) -> Outcome:
        """The plan where `found` is taken in, with what the stage's thresholds refuse."""
        safety = self.settings().safety
        with _unprotected(stack):  # so that what would be lost is refused in our words, with the whole plan
            outcome = self._run(stack, "preview", program=self._program(_taken(found)))
        if safety is None:
            return outcome
        door = self._loaded.file.front_door
        routes = sum(type == ROUTE_TYPE for type, _ in state.resources)
        return replace(outcome, refusals=refusals(outcome.advances, safety, routes, door.name if door else None))

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

    def _api(self) -> ControlPlane:
        return ControlPlane.from_environment(self._environment, attempts=3)

    def _existing_unknown(self, state: State) -> list[Existing]:
        with self._api() as api:
            found = list(existing(api, self.settings(), self.gateway_id, state))
        for one in found:
            self._notice(f"{one.called} exists already and is not in this stack: taken in")
        return found

    def _tokens_before(self, state: State) -> frozenset[str]:
        """Removes what a killed run left; the ids of tokens that the stack does not know, which are told."""
        with self._api() as api:
            known, said = Leftovers(api, self.settings(), self.gateway_id).settled_before(state)
        self._notices.extend(said)
        return known

    def _made_after_all(self, stack: automation.Stack, known: frozenset[str]) -> list[str]:
        """Settles what this run made although it was answered otherwise, and says it.

        A bucket of logs is taken in at once: the next run could not tell whose it is.
        """
        try:
            state = self._whole(stack)
            with self._api() as api:
                said = Leftovers(api, self.settings(), self.gateway_id).settled_after(state, known)
                logs = self._own_logs(api, state)
            if logs:
                self._import(stack, [logs])
                said.append(f"{logs.called} was made by this run after all: taken in")
        except GatewrightError as error:
            return [f"could not look for what this run made although it was answered otherwise: {error}"]
        return said

    def _own_logs(self, api: ControlPlane, state: State) -> Existing | None:
        """The bucket of logs, if it is there and unknown; before the run it was not, or it would be in the state."""
        if self.settings().buckets is None or (BUCKET_TYPE, LOGS) in state.resources:
            return None
        made_by_us = replace(state, interrupted=(MAKING_LOGS,))
        found = existing(api, self.settings(), self.gateway_id, made_by_us)
        return next((one for one in found if one.name == LOGS), None)

    def _import(self, stack: automation.Stack, found: Sequence[Existing]) -> Outcome:
        """Makes what exists part of the stack, as it is.

        The engine keeps the inputs that it reads in plain text, a collector's authorization among them: so it reads
        them into a copy of the state.
        """
        with project_aside(self._project, self.stage) as folder:
            copy = self._made_aside(folder)
            before = stack.export_stack()
            copy.import_stack(without_refresh(before))
            program = self._program(_taken(found, as_is=True))
            urns = [f"urn:pulumi:{self.stage}::{self._project_name()}::{one.type}::{one.name}" for one in found]
            outcome = self._run(copy, "up", program=program, target=urns)
            if stack.export_stack().deployment != before.deployment:
                raise busy(self.stage, None)  # what they wrote into the state must not be lost
            stack.import_stack(with_what_is_new(before, copy.export_stack(), GATEWAY_TYPE, SECRET))
        return outcome


def _taken(found: Sequence[Existing], *, as_is: bool = False) -> TakeIn:
    return TakeIn({one.name: one.import_id for one in found}, as_is)


@contextmanager
def _unprotected(stack: automation.Stack) -> Iterator[None]:
    """Lets the engine replace and delete what is protected, for one run: `--ignore-protect`, which the SDK lacks."""
    before = stack.workspace.env_vars
    stack.workspace.env_vars = {**before, _IGNORE_PROTECT: "true"}
    try:
        yield
    finally:
        stack.workspace.env_vars = before
