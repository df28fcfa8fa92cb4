"""How long litellm's Router takes to pick one of two deployments; runs in an environment of its own (scripts/bench)."""

import json
import sys
import time

import litellm

litellm.suppress_debug_info = True
litellm.telemetry = False


def main(rounds: int, times: int) -> None:
    deployments = [
        {
            "model_name": "chat",
            "litellm_params": {"model": f"openai/model-{name}", "api_key": "test-none", "weight": weight},
        }
        for name, weight in (("champion", 90), ("challenger", 10))
    ]
    router = litellm.Router(model_list=deployments, num_retries=0)
    messages = [{"role": "user", "content": "hello"}]
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(times):
            router.get_available_deployment(model="chat", messages=messages)
        found.append((time.perf_counter() - began) / times * 1e6)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
