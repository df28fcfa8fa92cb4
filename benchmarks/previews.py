"""What a preview of many routes costs, against as many resources of a provider that does nothing.

    scripts/bench previews [--routes 100] [--rounds 3]

Both have the same inputs, the same engine, and are refreshed at each run; they take turns, and the best round counts.
`ours_s` and `nothing_s` are the engine's run; `command_s` adds what `gatewright preview` does before: it reads the
stack's state and looks at the gateway.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi import automation

from gateway_config.compile import compile_config
from gateway_config.load import load
from infra.engine import Engine
from infra.engine_setup import pulumi_command
from infra.provider.elements import elements_input
from tests.emulator.server import Running, running_emulator
from tests.small_config import GATEWAY, QUICK_CHAT
from tests.stand_in.project import ROOT, project_environment, write_project

Result = dict[str, Any]
API = "/client/v4"


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
    """A stack with a Thing for each route of a config, with that route's elements as its own."""
    folder.mkdir()
    plugin = {"name": "nothing", "path": str(ROOT / "benchmarks" / "bin")}
    project = {"name": "nothing", "runtime": "python", "options": {"refresh": "always"}}
    (folder / "Pulumi.yaml").write_text(yaml.safe_dump({**project, "plugins": {"providers": [plugin]}}))
    routes = compile_config(load(config, "dev")).routes.values()
    inputs = {route.name: {"name": route.name, "elements": elements_input(route.graph)} for route in routes}

    def program() -> None:
        for name, properties in inputs.items():
            Thing(name, properties)

    options = automation.LocalWorkspaceOptions(
        work_dir=str(folder), env_vars=dict(environment), pulumi_command=pulumi_command(ROOT)
    )
    return automation.create_or_select_stack(
        "dev", project_name="nothing", program=program, work_dir=str(folder), opts=options
    )


def seconds(call: Callable[[], object]) -> float:
    """How long a call takes, by the clock."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def bench_previews(folder: Path, count: int, rounds: int) -> Result:
    """A preview without changes, ours and of nothing; and how many calls a route takes."""
    with running_emulator(seed=1) as emulator:
        project = project_with_routes(folder / f"ours-{count}", count)
        environment = {**os.environ, **project_environment(project, emulator.url)}
        nothing = stack_of_nothing(folder / f"nothing-{count}", project / "gateway_config", environment)
        engine = Engine(project, "dev", environment=environment)
        up_s, up_calls = seconds(engine.up), calls_of_routes(emulator)
        nothing.up()
        ours_s, nothing_s, command_s = [], [], []
        before = calls_of_routes(emulator)
        for _ in range(rounds):
            began = time.perf_counter()
            ours_s.append(engine.preview().duration_s)
            command_s.append(time.perf_counter() - began)
            nothing_s.append(seconds(nothing.preview))
        preview_calls = (calls_of_routes(emulator) - before) / rounds
    return {
        "name": f"preview {count:,} routes",
        "ours_s": min(ours_s),
        "nothing_s": min(nothing_s),
        "times_nothing": min(ours_s) / min(nothing_s),
        "wanted": 1.5,
        "command_s": min(command_s),
        "preview_calls_a_route": preview_calls / count,
        "first_up_s": up_s,
        "first_up_calls_a_route": up_calls / count,
    }


def calls_of_routes(emulator: Running) -> int:
    """The calls of the control plane since the emulator began."""
    newest = emulator.journal(API, limit=1)
    return int(newest[-1]["number"]) if newest else 0


def main() -> int:
    parser = argparse.ArgumentParser(
        "scripts/bench previews", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--routes", type=int, nargs="*", default=[100], help="how many routes (100)")
    parser.add_argument("--rounds", type=int, default=3, help="previews of each (3)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = [bench_previews(Path(folder), count, arguments.rounds) for count in arguments.routes]
    for result in [] if arguments.json else results:
        print(
            "  ".join(f"{key} {value:.3g}" if isinstance(value, float) else f"{value}" for key, value in result.items())
        )
    if arguments.json:
        print(json.dumps(results, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
