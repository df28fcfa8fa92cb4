"""What the heart costs, as ratios in one run on this machine: deciding, loading with compiling, and `gatewright check`.

Rounds of the contenders take turns, so that a slow moment meets all of them. Of each, the best round counts; how many
times the bare YAML parse loading takes is the median of the rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from gateway_config.compile import compile_config
from gateway_config.decide import decide
from gateway_config.load import load

ROOT = Path(__file__).parent.parent
OWN = ROOT / "gateway_config"
LITELLM = ROOT / ".tools" / "bench-venv" / "bin" / "python"

Result = dict[str, Any]


def routes_like_ours(folder: Path, count: int, front_door: bool = False) -> Path:
    """A config of this many routes: the repository's own, again and again, each with an intent of its own."""
    (folder / "routes").mkdir(parents=True)
    gateway = (OWN / "gateway.yaml").read_text().partition("\nprojects:")[0]
    (folder / "gateway.yaml").write_text(gateway + ("\nfront_door: ask\n" if front_door else "\n"))
    texts = [path.read_text() for path in sorted((OWN / "routes").glob("*.yaml"))]
    routed = [text for text in texts if "kind: image" not in text] if front_door else texts
    for number in range(count):
        text = routed[number % len(routed)]
        lines = [f"intents: [intent-{number}]" if line.startswith("intents:") else line for line in text.split("\n")]
        (folder / "routes" / f"route-{number}.yaml").write_text("\n".join(lines))
    return folder


def timed(rounds: int, *contenders: Callable[[], object]) -> list[list[float]]:
    """How long each contender took in each round, in seconds of this process."""
    found: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for own, contender in zip(found, contenders, strict=True):
            began = time.process_time()
            contender()
            own.append(time.process_time() - began)
    return found


def bench_decide(folder: Path, rounds: int) -> Result:
    """One decision through a front door of 20 routes, against litellm's pick between two deployments."""
    config = compile_config(load(routes_like_ours(folder / "door", 20, front_door=True), "dev"))
    door, times = config.routes["ask"].graph, 20_000
    requests = [{"intent": f"intent-{number % 20}", "bucket": f"{number % 100:02d}"} for number in range(times)]

    def ours() -> None:
        for request in requests:
            decide(door, request)

    ours_us = min(timed(rounds, ours)[0]) / times * 1e6
    litellm_us = _litellm_us(rounds)
    ratio = litellm_us / ours_us if litellm_us is not None else None
    return {"name": "decide", "ours_us": ours_us, "litellm_us": litellm_us, "times_faster": ratio, "wanted": 10}


def _litellm_us(rounds: int) -> float | None:
    """Unknown where its environment is not there; scripts/bench makes it."""
    if not LITELLM.exists():
        return None
    command = [str(LITELLM), str(ROOT / "benchmarks" / "litellm_pick.py"), str(rounds), "5000"]
    # Without this it asks the network for its price list.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return float(min(json.loads(done.stdout)))


def bench_load(folder: Path, rounds: int, count: int) -> Result:
    """Load, check and compile so many routes, against the bare YAML parse of the same files with the C loader."""
    config = routes_like_ours(folder / f"routes-{count}", count)
    files = [config / "gateway.yaml", *sorted((config / "routes").iterdir())]

    def bare() -> object:
        return [yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) for file in files]

    def ours() -> object:
        return compile_config(load(config, "dev"))

    bare_rounds_s, ours_rounds_s = timed(rounds, bare, ours)
    ratio = statistics.median(own / other for own, other in zip(ours_rounds_s, bare_rounds_s, strict=True))
    ours_s, bare_s = min(ours_rounds_s), min(bare_rounds_s)
    tracemalloc.start()
    kept = ours()
    memory_mb = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    del kept
    return {
        "name": f"load {count:,} routes",
        "ours_s": ours_s,
        "yaml_s": bare_s,
        "times_yaml": ratio,
        "us_a_route": ours_s / count * 1e6,
        "peak_mb": memory_mb,
        "wanted": 2,
    }


def bench_check(rounds: int) -> Result:
    """`gatewright check` on the repository's config, as a process, by the clock."""
    command = [str(Path(sys.executable).parent / "gatewright"), "check", "--config", str(OWN)]
    bare = [sys.executable, "-c", "import httpx, pydantic, yaml"]

    def seconds(arguments: list[str]) -> float:
        began = time.perf_counter()
        subprocess.run(arguments, check=True, capture_output=True)
        return time.perf_counter() - began

    pairs = [(seconds(command), seconds(bare)) for _ in range(max(rounds, 5))]
    ours_s, bare_s = min(own for own, _ in pairs), min(own for _, own in pairs)
    return {"name": "check", "ours_s": ours_s, "bare_imports_s": bare_s, "wanted": 0.3}


def main() -> int:
    others = "scripts/bench client: what calls cost; scripts/bench previews: what the engine adds."
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__, epilog=others)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each contender (5)")
    parser.add_argument("--routes", type=int, nargs="*", default=[1000, 10_000], help="sizes to load (1000 10000)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results = [bench_decide(folder, arguments.rounds)]
        results += [bench_load(folder, arguments.rounds, count) for count in arguments.routes]
        results.append(bench_check(arguments.rounds))
    print(json.dumps(results, indent=1) if arguments.json else "\n".join(_words(result) for result in results))
    return 0


def _words(result: Result) -> str:
    values = (f"{key} {_shown(value)}" for key, value in result.items() if key != "name")
    return f"{result['name']:<20} " + "  ".join(values)


def _shown(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.3g}" if value < 1000 else f"{value:,.0f}"


if __name__ == "__main__":
    sys.exit(main())
