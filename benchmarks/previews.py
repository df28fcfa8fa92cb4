"""What a preview of many routes costs, against as many resources of a provider that does nothing.

    scripts/bench previews [--routes 100] [--rounds 5] [--pace 4]

Both stacks have the same gateway of Cloudflare's own provider (here the stand-in), the same inputs, the same engine,
and are refreshed at each run. They take turns, each is first in turn, and the emulator is a process of its own. A ratio
is that of one round; told are medians. `ours_s` and `nothing_s` are the engine's run, loading and compiling the YAML
included, `…_cpu_s` what a whole command takes of the processors, all of its processes together but not the emulator.
`command_s` adds what `gatewright preview` does before: it reads the stack's state and looks at the gateway.
With `--pace`, our calls are spread as Cloudflare's limit asks for (1,200 in five minutes: 4 a second).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pulumi
import yaml
from pulumi import automation

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledRoute
from gateway_config.load import load
from gateway_config.splits import split_of
from infra.engine import Engine
from infra.engine_setup import pulumi_command
from infra.gateway_inputs import plain_inputs
from infra.provider.elements import elements_input
from infra.resources import AiGateway
from tests.emulator.server import Running
from tests.small_config import GATEWAY, QUICK_CHAT
from tests.stand_in.project import ROOT, STAND_IN, TEST_ACCOUNT, project_environment, write_project

Result = dict[str, Any]
API = "/client/v4"
PACE = "GATEWRIGHT_CALLS_PER_S"


class Thing(pulumi.CustomResource):
    """A resource of the provider that does nothing."""

    def __init__(self, name: str, properties: Mapping[str, Any]) -> None:
        super().__init__("nothing:index:Thing", name, dict(properties))


def project_with_routes(folder: Path, count: int) -> Path:
    """A project with so many routes, each with an intent of its own, and a gateway."""
    write_project(folder)
    config = folder / "gateway_config"
    for old in (config / "routes").glob("*.yaml"):
        old.unlink()
    before, _, after = GATEWAY.partition("projects:")
    (config / "gateway.yaml").write_text(before + after.split("\n", 2)[2])
    for number in range(count):
        text = QUICK_CHAT.replace("intents: [sprinter]", f"intents: [intent-{number}]")
        (config / "routes" / f"route-{number}.yaml").write_text(text)
    return folder


def stack_of_nothing(folder: Path, config: Path, environment: Mapping[str, str]) -> automation.Stack:
    """A stack with a gateway, and a Thing for each route of a config, with that route's inputs as its own."""
    folder.mkdir()
    plugins = [
        {"name": "nothing", "path": str(ROOT / "benchmarks" / "bin")},
        {"name": "cloudflare", "path": str(STAND_IN)},
    ]
    project = {"name": "nothing", "runtime": "python", "options": {"refresh": "always"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**project, "plugins": {"providers": plugins}}))
    loaded = load(config, "dev")
    settings, routes = plain_inputs(loaded.file), compile_config(loaded).routes.values()
    inputs = {route.name: inputs_of(route) for route in routes}

    def program() -> None:
        AiGateway("gateway", account_id=TEST_ACCOUNT, ai_gateway_id="nothing", settings=settings)
        for name, properties in inputs.items():
            Thing(name, properties)

    options = automation.LocalWorkspaceOptions(
        work_dir=str(folder), env_vars=dict(environment), pulumi_command=pulumi_command(ROOT)
    )
    return automation.create_or_select_stack(
        "dev", project_name="nothing", program=program, work_dir=str(folder), opts=options
    )


def inputs_of(route: CompiledRoute) -> dict[str, Any]:
    """What a Route is declared with."""
    split = split_of(route.graph, route.name)
    where = {"accountId": TEST_ACCOUNT, "gatewayId": "nothing", "name": route.name}
    return {**where, "elements": elements_input(route.graph), "split": split}


@contextmanager
def emulator_process() -> Iterator[Running]:
    """An emulator beside us, gone when the block ends."""
    command = [sys.executable, "-m", "tests.emulator", "--port", "0", "--seed", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    try:
        yield Running(process.stdout.readline().split()[-1])
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds by the clock and of the processors; `command_s` is our whole command."""

    ours_s: float
    ours_cpu_s: float
    command_s: float
    nothing_s: float
    nothing_cpu_s: float


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """How long a call takes, by the clock and of the processors, its child processes included."""
    began, cpu = time.perf_counter(), cpu_s()
    call()
    return time.perf_counter() - began, cpu_s() - cpu


def cpu_s() -> float:
    """What this process has taken of the processors, with the children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def bench_previews(folder: Path, count: int, rounds: int, pace: float | None = None) -> Result:
    """A preview without changes, ours and of nothing; and how many calls a route takes."""
    with emulator_process() as emulator:
        project = project_with_routes(folder / f"ours-{count}", count)
        environment = {**os.environ, **project_environment(project, emulator.url)}
        nothing = stack_of_nothing(folder / f"nothing-{count}", project / "gateway_config", environment)
        engine = Engine(project, "dev", environment={**environment, **({PACE: str(pace)} if pace else {})})
        (up_s, _), up_calls = seconds(engine.up), calls_of_routes(emulator)
        nothing.up()
        found = [one_round(engine, nothing, number % 2 == 0) for number in range(rounds)]
        before = calls(emulator)
        engine.preview()
        preview_calls = calls_of_routes(emulator, after=before)

    def middle(value: Callable[[Round], float]) -> float:
        return median(map(value, found))

    return {
        "name": f"preview {count:,} routes" + (f", {pace:g} calls a second" if pace else ""),
        "ours_s": middle(lambda one: one.ours_s),
        "nothing_s": middle(lambda one: one.nothing_s),
        "times_nothing": middle(lambda one: one.ours_s / one.nothing_s),
        "wanted": 1.5,
        "ours_cpu_s": middle(lambda one: one.ours_cpu_s),
        "nothing_cpu_s": middle(lambda one: one.nothing_cpu_s),
        "command_s": middle(lambda one: one.command_s),
        "preview_calls_a_route": preview_calls / count,
        "first_up_s": up_s,
        "first_up_calls_a_route": up_calls / count,
    }


def one_round(engine: Engine, nothing: automation.Stack, ours_first: bool) -> Round:
    """One preview of each."""
    run_s = []

    def ours() -> tuple[float, float]:
        return seconds(lambda: run_s.append(engine.preview().duration_s))

    first = ours() if ours_first else None
    # Events are listened to, as ours are.
    nothing_s, nothing_cpu_s = seconds(lambda: nothing.preview(on_event=lambda _: None))
    command_s, ours_cpu_s = first or ours()
    return Round(run_s[0], ours_cpu_s, command_s, nothing_s, nothing_cpu_s)


def calls(emulator: Running) -> int:
    """The calls of the control plane since the emulator began."""
    newest = emulator.journal(API, limit=1)
    return int(newest[-1]["number"]) if newest else 0


def calls_of_routes(emulator: Running, after: int = 0) -> int:
    """The calls about routes since that call."""
    return sum(call["number"] > after for call in emulator.journal("/routes", limit=10_000))


def main() -> int:
    parser = argparse.ArgumentParser(
        "scripts/bench previews", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--routes", type=int, nargs="*", default=[100], help="how many routes (100)")
    parser.add_argument("--rounds", type=int, default=5, help="previews of each (5)")
    parser.add_argument("--pace", type=float, metavar="CALLS", help="our calls a second (as fast as they are answered)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [bench_previews(Path(folder), count, arguments.rounds, arguments.pace) for count in arguments.routes]
    for result in [] if arguments.json else results:
        print(
            "  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in result.items())
        )
    if arguments.json:
        print(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
