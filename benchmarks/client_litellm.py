"""litellm's completion against the mock; runs in an environment of its own (scripts/bench) and takes orders by lines.

    python benchmarks/client_litellm.py BASE_URL

A line in is `{"way": "chat", "calls": 100}`, a line out the seconds that one call took.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import litellm
from client_timing import AT_A_TIME, awaited, by_threads, one_at_a_time

litellm.suppress_debug_info = True
litellm.telemetry = False


def ways(base: str, messages: list[Any], loop: asyncio.Runner, pool: ThreadPoolExecutor) -> dict[str, Any]:
    asked: dict[str, Any] = {"model": "openai/dynamic/reasoning", "messages": messages, "max_retries": 0}
    asked |= {"api_base": f"{base}/account/inference-dev/compat", "api_key": "test-none"}

    def chat() -> object:
        return litellm.completion(**asked).choices[0].message.content

    def stream() -> int:
        return sum(1 for _ in litellm.completion(**asked, stream=True))

    def achat() -> Any:
        return litellm.acompletion(**asked)

    return {
        "chat": one_at_a_time(chat),
        "threads": by_threads(chat, pool),
        "async": awaited(achat, loop, 1),
        "async 64": awaited(achat, loop, AT_A_TIME),
        "stream": one_at_a_time(stream),
    }


def main(base: str) -> None:
    out, sys.stdout = sys.stdout, sys.stderr  # what it prints is no answer
    with asyncio.Runner() as loop, ThreadPoolExecutor(AT_A_TIME) as pool:
        known: dict[str, Callable[[int], float]] = ways(base, json.loads(sys.stdin.readline()), loop, pool)
        for line in sys.stdin:
            order = json.loads(line)
            print(json.dumps(known[order["way"]](order["calls"])), file=out, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
