"""Many calls for a long time against the emulator in another process; memory and descriptors must stay flat.

    scripts/soak [--minutes 10] [--threads 4] [--calls-per-s 40]

Asks, streams, leaves streams early, meets every sort of failure, follows a config that is published anew and
broken now and then, keeps records. Ends with 1 where something grows, or a record was lost.

Looked at are the blocks of memory that Python holds after a collection, in which anything that is kept is seen at
once, and the resident memory after the allocator gave back what it could: between threads, it keeps free some MB.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import itertools
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gateway_config.cloudflare.r2 import Bucket, Keys
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import CallError, Client, Settings
from gateway_config.runtime.base import config_of_files
from gateway_config.runtime.following import Publication
from gateway_config.runtime.records.reader import RecordReader
from tests.emulator.server import TEST_TOKEN, Running
from tests.runtime.deployed import ACCOUNT, deploy

PARTS = 10
MOST_GROWTH = 1.02  # resident; what the allocator cannot give back lies between
MOST_MORE_BLOCKS = 1.005
DEADLINE_MS = 1500
POLL_S = 1.0
PAUSE_S = 0.5  # between one fault and the next
FAULTS: tuple[dict[str, Any], ...] = (
    {"status": 429, "body": "{}"},
    {"status": 401, "body": '{"error":[{"code":2009}]}'},
    {"status": 500, "body": "<h1>Bad gateway</h1>"},
    {"status": 200, "body": "half a {"},
    {"reset": True},
    {"truncate": 0},
    {"truncate": 60},
    {"delay_ms": 2 * DEADLINE_MS},
)


def blocks() -> int:
    """How many blocks of memory Python holds, without garbage."""
    gc.collect()
    return sys.getallocatedblocks()


def memory_mb() -> float:
    """Resident memory now, where the system tells it; else the most there ever was."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # glibc's
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def descriptors() -> int:
    return len(os.listdir("/dev/fd"))


@contextlib.contextmanager
def emulator() -> Iterator[Running]:
    """An emulator in a process of its own, whose memory is not measured."""
    command = (sys.executable, "-m", "tests.emulator", "--port", "0")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Running(process.stdout.readline().split()[-1])
        finally:
            process.terminate()


@contextlib.contextmanager
def published(config: CompiledConfig) -> Iterator[Publication]:
    """A bucket whose config is published anew for every look, and is none each third time."""
    body = config.to_json().encode()
    bodies = itertools.cycle((body, body + b"\n", b"no config"))

    class Stored(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = next(bodies)
            self.send_response(200)
            self.send_header("ETag", f'"{hash(body)}"')
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Stored) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        keys = Keys.of_token("id", TEST_TOKEN)
        yield Publication(Bucket(f"http://127.0.0.1:{server.server_port}", "config", keys), "dev.json")
        server.shutdown()


def trouble(running: Running, until: float, chance: random.Random) -> None:
    """One fault after the other, each for a few calls, until the time is over."""
    while time.monotonic() < until:
        running.admin("DELETE", "/faults")
        running.fault("/v1/*", times=3, **chance.choice(FAULTS))
        time.sleep(PAUSE_S)
    running.admin("DELETE", "/faults")


def call(client: Client, chance: random.Random) -> str:
    """A call of any sort, and what came of it."""
    user = str(chance.random())
    if chance.random() < 0.8:
        client.ask("sage", "Hi", user=user, deadline_ms=DEADLINE_MS)
        return "answers"
    with client.stream("sage", "Tell me", user=user, deadline_ms=DEADLINE_MS) as stream:
        for number, _ in enumerate(stream):
            if number == 3 and chance.random() < 0.3:
                return "left early"
    return "streams"


def work(client: Client, until: float, counts: Counter[str], pause_s: float, chance: random.Random) -> None:
    """Calls until the time is over, the failures among them counted by their names."""
    while time.monotonic() < until:
        try:
            came = call(client, chance)
        except CallError as error:
            came = type(error).__name__
        counts[came] += 1
        time.sleep(pause_s * chance.uniform(0.5, 1.5))


def soak(client: Client, running: Running, chosen: argparse.Namespace) -> bool:
    """Whether memory and descriptors stayed flat."""
    counts, rows, pause_s = Counter[str](), [], chosen.threads / chosen.calls_per_s
    for part in range(PARTS):
        until = time.monotonic() + chosen.minutes * 60 / PARTS
        threads = [threading.Thread(target=trouble, args=(running, until, random.Random(part)))]
        for number in range(chosen.threads):
            chance = random.Random(part * 100 + number)
            threads.append(threading.Thread(target=work, args=(client, until, counts, pause_s, chance)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows.append((blocks(), memory_mb(), descriptors()))
        held, resident_mb, opened = rows[-1]
        print(f"{held:9,} blocks {resident_mb:7.1f} MB {opened:4} descriptors  {dict(counts)}", flush=True)
    # The first parts fill pools and caches, so growth is counted from the middle.
    middle, end = rows[PARTS // 2 - 1], rows[-1]
    return (
        end[0] <= middle[0] * MOST_MORE_BLOCKS
        and end[1] <= middle[1] * MOST_GROWTH
        and end[2] <= middle[2] + 2 * chosen.threads
    )


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    arguments = argparse.ArgumentParser(prog="scripts/soak", description=__doc__, formatter_class=shape)
    arguments.add_argument("--minutes", type=float, default=10, help="how long (10)")
    arguments.add_argument("--threads", type=int, default=4, help="how many call at the same time (4)")
    arguments.add_argument("--calls-per-s", type=float, default=40, help="how often all of them together do (40)")
    chosen = arguments.parse_args()
    logging.getLogger("gatewright").setLevel(logging.ERROR)  # a broken config is warned of each time
    config = config_of_files()
    with tempfile.TemporaryDirectory() as folder, emulator() as running, published(config) as publication:
        deploy(running, config)
        settings = Settings(ACCOUNT, TEST_TOKEN, running.data_plane, Path(folder))
        with Client.from_published(publication, poll_s=POLL_S, settings=settings) as client:
            flat = soak(client, running, chosen)
            state = client.config_state
        records = RecordReader(Path(folder))
        count = sum(1 for _ in records)
    print(f"{'flat' if flat else 'GROWN'}; {count} records, {records.odd} odd, {client.lost_records} lost; {state}")
    sys.exit(0 if flat and not records.odd and not client.lost_records else 1)


if __name__ == "__main__":
    main()
