"""What a process pays before its first call and holds after it: import times and resident memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.client_contenders import LITELLM
from benchmarks.client_timing import Measure

OURS = "from gateway_config.runtime import Client, Settings\nfrom gateway_config.runtime.base import config_of_files\n"
IMPORTS = {
    "httpx, pydantic, yaml": "import httpx, pydantic, yaml",
    "gateway_config.runtime": "import gateway_config.runtime",
    "… and its Client": "from gateway_config.runtime import Client",
    "… and AsyncClient": "from gateway_config.runtime import AsyncClient, Client",
    "openai": "import openai",
}
# The memory now, not the most there ever was: what is read for the import alone is given back.
RESIDENT = "\nimport resource\nprint(int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize() / 1e6)"


def imports(folder: Path) -> dict[str, Measure]:
    """Seconds of a whole process that imports; litellm's own environment where it is there.

    The bytecode of all is kept in `folder`: an import that compiles its source each time measures the compiler.
    """
    # Without the first, litellm asks the network for its price list.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    commands = {name: [sys.executable, "-c", statement] for name, statement in IMPORTS.items()}
    if LITELLM.exists():
        commands["litellm"] = [str(LITELLM), "-c", "import litellm"]
    return {name: _seconds(command, environment) for name, command in commands.items()}


def _seconds(command: list[str], environment: Mapping[str, str]) -> Measure:

    def measure(times: int) -> float:
        began = time.perf_counter()
        for _ in range(times):
            subprocess.run(command, check=True, capture_output=True, env=environment)
        return (time.perf_counter() - began) / times

    return measure


def resident(base: str) -> dict[str, Measure]:
    """MB of a process after one call, in which it also read our YAML where it is ours."""
    url = f"{base}/account/inference-dev/compat"
    programs = {
        "httpx": f"import httpx\nhttpx.Client().post('{url}', json={{}}).json()",
        "gatewright": f"{OURS}Client(config_of_files(), Settings('account', 'test-' * 8, '{base}')).ask('sage', 'Hi')",
        "openai": (
            f"import openai\nopenai.OpenAI(base_url='{url}', api_key='x').chat.completions.create("
            "model='dynamic/reasoning', messages=[{'role': 'user', 'content': 'Hi'}])"
        ),
    }
    return {name: _megabytes(program + RESIDENT) for name, program in programs.items()}


def _megabytes(program: str) -> Measure:
    def measure(_: int) -> float:
        done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
        return float(done.stdout)

    return measure
