"""`python -m tests.demo`: tell the story. Exit code 1 as soon as something does not hold."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from gateway_config.errors import GatewrightError
from infra.changes import Outcome
from tests.demo import chapters
from tests.demo.scene import STAGE, Scene, set_up
from tests.demo.shares import LEAST_P, Observed

_Result = TypeVar("_Result")


class DoesNotHold(Exception):
    """Something that the story tells is not so."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/demo", description="From a split in YAML to a split that is served.")
    parser.add_argument("--keep", action="store_true", help="leave the emulator and the stack up at the end")
    keep = parser.parse_args().keep
    # A job in the background of a script inherits a deaf ear for interrupts; ours and the engine's shall hear them.
    for interrupt in (signal.SIGINT, signal.SIGTERM):
        signal.signal(interrupt, signal.default_int_handler)
    try:
        with set_up(keep) as scene:
            tell(scene, keep)
    except KeyboardInterrupt:
        print("\nInterrupted. Nothing is left behind.", file=sys.stderr)
        return 130
    except (DoesNotHold, GatewrightError, OSError) as error:
        print(f"\nThis does not hold: {error}", file=sys.stderr)
        return 1
    return 0


def tell(scene: Scene, keep: bool) -> None:
    """The whole story, a line or two a chapter."""
    print("\n  From a split in YAML to a split that is served\n")
    line("emulator", f"a Cloudflare on this machine: {scene.emulator.url}")
    first_deployment(scene)
    served(scene)
    the_edit(scene)
    served(scene)
    behind_our_back(scene)
    if keep:
        how_to_talk(scene)
    else:
        the_end(scene)


def first_deployment(scene: Scene) -> None:
    plan = timed("preview", scene.engine.preview, lambda plan: f"{len(plan.changes)} to create: {names(plan)}")
    hold(len(plan.changes) == 4 and not plan.drift, "a first preview creates the gateway and three routes")
    timed("up", scene.engine.up, lambda _: f"gateway {scene.compiled().gateway_id}, a version 1 of each route deployed")
    again = scene.engine.preview()
    hold(not again.changes and not again.drift, "a second preview changes nothing")


def served(scene: Scene) -> None:
    for who, ask in (("our client", chapters.ask_with_our_client), ("openai SDK", chapters.ask_with_openai)):
        for arm in timed(who, partial(ask, scene), in_words):
            hold(arm.p >= LEAST_P, f"{who}: {arm} after {arm.requests} requests, p = {arm.p:.1e}")


def in_words(arms: Sequence[Observed]) -> str:
    return f"{arms[0].requests:,} requests: {', '.join(map(str, arms))}, p = {min(arm.p for arm in arms):.2f}"


def the_edit(scene: Scene) -> None:
    chapters.edit_the_split(scene)
    line("edit", "routes/quick-chat.yaml: challenger: 10 → 20, one number in one line")
    plan = timed("preview", scene.engine.preview, difference)
    hold([change.name for change in plan.changes] == [chapters.ROUTE], f"only {chapters.ROUTE} changes")
    wanted = ["split.challenger: 10 => 20", "split.champion: 90 => 80"]
    hold(sorted(chapters.words(plan.changes[0])) == wanted, f"the input changes are {wanted}")
    timed("up", scene.engine.up, lambda _: f"version {chapters.versions(scene)} deployed in place, nothing replaced")


def behind_our_back(scene: Scene) -> None:
    before, after = chapters.tamper(scene)
    line("a hand edit", f"somebody sets the champion's time limit from {before:,} to {after:,} ms in the dashboard")
    plan = timed("preview", scene.engine.preview, difference)
    paths = [change.path for changed in plan.changes for change in changed.differences]
    hold(paths == [chapters.TIMEOUT], f"preview names {chapters.TIMEOUT}, and found {paths}")
    timed("up", scene.engine.up, lambda _: f"healed: {chapters.live_timeout_ms(scene):,} ms again")
    hold(chapters.live_timeout_ms(scene) == before, "up brings the time limit back")


def the_end(scene: Scene) -> None:
    timed("destroy", scene.engine.destroy, lambda run: f"{len(run.changes)} deleted, nothing left behind")
    hold(not chapters.left_over(scene), "no gateway is left")
    print("\n  Declared = deployed = served.\n")


def how_to_talk(scene: Scene) -> None:
    print(f"\nStill up: the emulator (process {scene.process}) and the stage {STAGE}. In this shell:\n")
    for name, value in scene.environment.items():
        print(f"  export {name}={value}")
    print(f'\n  .venv/bin/gatewright ask sprinter "Good morning" --config {scene.config}')
    print(f"  .venv/bin/gatewright preview --stage {STAGE} --project {scene.folder}")
    print(f"  kill {scene.process}; rm -r {scene.folder}        # when you are done\n")


# --- how it is told ---------------------------------------------------------------------------------------------------


def timed(what: str, do: Callable[[], _Result], say: Callable[[_Result], str]) -> _Result:
    """Do it, then say what came of it and how long it took."""
    pending(what)
    started = time.monotonic()
    result = do()
    line(what, say(result), time.monotonic() - started)
    return result


def pending(what: str) -> None:
    if sys.stdout.isatty():
        print(f"          {what} …", end="\r", flush=True)


def line(what: str, said: str, seconds: float | None = None) -> None:
    took = f"{seconds:5.1f} s" if seconds is not None else ""
    print(f"  {took:<8} {what:<12} {said}", flush=True)


def names(plan: Outcome) -> str:
    return ", ".join(change.name for change in plan.changes)


def difference(plan: Outcome) -> str:
    return "; ".join(f"{changed.name} {', '.join(chapters.words(changed))}" for changed in plan.changes)


def hold(holds: Any, sentence: str) -> None:
    if not holds:
        raise DoesNotHold(sentence)


if __name__ == "__main__":
    sys.exit(main())
