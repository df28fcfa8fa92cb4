"""Many calls for a long time against a bare mock; memory and descriptors must stay flat.

    python scripts/soak_client.py [--minutes 10] [--threads 4]

Asks, streams, leaves streams early, keeps records. Ends with 1 where something grows.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import random
import resource
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from benchmarks.client_mock import running_mock
from gateway_config.runtime import Client, Settings
from gateway_config.runtime.base import config_of_files

MOST_GROWTH = 1.10


def memory_mb() -> float:
    """Resident memory now, where the system tells it; else the most there ever was."""
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


def work(client: Client, until: float, counts: Counter[str], seed: int) -> None:
    """Calls of every sort until the time is over."""
    chance = random.Random(seed)
    while time.monotonic() < until:
        if chance.random() < 0.1:
            with client.stream("sage", "Tell me", user=str(chance.random())) as stream:
                for number, _ in enumerate(stream):
                    if number == 3 and chance.random() < 0.3:
                        break
            counts["streams"] += 1
        else:
            client.ask("sage", "Hi", user=str(chance.random()))
            counts["answers"] += 1


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--minutes", type=float, default=10)
    arguments.add_argument("--threads", type=int, default=4)
    chosen = arguments.parse_args()
    config, counts = config_of_files(), Counter[str]()
    with socket.create_server(("127.0.0.1", 0)) as bound, tempfile.TemporaryDirectory() as records:
        mock = multiprocessing.get_context("fork").Process(target=serve, args=(bound,), daemon=True)
        mock.start()
        settings = Settings("account", "test-" * 8, f"http://127.0.0.1:{bound.getsockname()[1]}")
        with Client(config, settings, records=Path(records)) as client:
            rows = []
            for part in range(10):
                until = time.monotonic() + chosen.minutes * 6
                threads = [
                    threading.Thread(target=work, args=(client, until, counts, part * 100 + number))
                    for number in range(chosen.threads)
                ]
                for thread in threads:
                    thread.start()
                for thread in threads:
                    thread.join()
                rows.append((memory_mb(), descriptors()))
                print(f"{rows[-1][0]:7.1f} MB  {rows[-1][1]:4} descriptors  {dict(counts)}", flush=True)
        mock.terminate()
    # The first parts fill pools and caches, so growth is counted from the middle.
    grown = rows[-1][0] > rows[4][0] * MOST_GROWTH or rows[-1][1] > rows[4][1] + 2 * chosen.threads
    sys.exit(1 if grown else 0)


if __name__ == "__main__":
    main()
