"""One client in several processes, threads and event loops: nobody uses the connections or locks of another."""

import asyncio
import gc
import json
import multiprocessing
import os
import socketserver
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import AsyncClient, Client, Settings
from tests.runtime.world import LLAMA, TOKEN, completion

pytestmark = [pytest.mark.http, pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")]
BODY = json.dumps(completion()).encode()


class Gateway(socketserver.ThreadingTCPServer):
    """Answers every question, and notes by which connection each user asked."""

    daemon_threads, allow_reuse_address = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.users: defaultdict[int, set[str]] = defaultdict(set)

    @property
    def settings(self) -> Settings:
        return Settings("account", TOKEN, f"http://127.0.0.1:{self.server_address[1]}/v1")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gateway

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.users[self.client_address[1]].add(json.loads(self.headers["cf-aig-metadata"])["tenant_id"])
        self.send_response(200)
        self.send_header("content-length", str(len(BODY)))
        self.send_header("cf-aig-provider", "workers-ai")
        self.send_header("cf-aig-model", LLAMA)
        self.end_headers()
        self.wfile.write(BODY)

    def log_message(self, *_: object) -> None:
        """Is not told."""


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    with Gateway() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextmanager
def several_threads(work: object, count: int = 8) -> Iterator[None]:
    threads = [threading.Thread(target=work) for _ in range(count)]  # type: ignore[arg-type]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


def exit_code_of_child(work: object) -> int | None:
    child = multiprocessing.get_context("fork").Process(target=work)  # type: ignore[arg-type]
    child.start()
    child.join(20)
    if child.exitcode is None:
        child.kill()
        child.join()
    return child.exitcode


def test_no_thread_of_a_child_process_uses_a_connection_of_its_parent(gateway: Gateway, config: CompiledConfig) -> None:
    with Client(config, gateway.settings) as client:
        client.ask("sprinter", "Hi", tenant="parent")

        def work() -> None:
            sys.setswitchinterval(1e-6)  # between any two steps of a thread come those of others
            together = threading.Barrier(8)

            def ask() -> None:
                together.wait()
                client.ask("sprinter", "Hi", tenant="child")

            with several_threads(ask):
                pass

        assert exit_code_of_child(work) == 0
        client.ask("sprinter", "Hi", tenant="parent")
    assert sorted(map(sorted, gateway.users.values())) == [["child"]] * (len(gateway.users) - 1) + [["parent"]]


def test_a_lock_that_a_thread_of_the_parent_held_stops_no_child(gateway: Gateway, config: CompiledConfig) -> None:
    with Client(config, gateway.settings) as client:
        client.ask("sprinter", "Hi", tenant="parent")
        with client._core.budget._lock, client._core.drift._lock, client._transport._shards._lock:  # type: ignore[attr-defined]
            assert exit_code_of_child(lambda: client.ask("sprinter", "Hi", tenant="child")) == 0


def test_a_first_connection_imports_nothing_more_whose_lock_a_fork_could_leave_behind(
    gateway: Gateway, config: CompiledConfig, tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_text(config.to_json())
    script = f"""
import sys
from pathlib import Path
from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import Client, Settings
config = CompiledConfig.from_json(Path({str(tmp_path / "config.json")!r}).read_bytes())
client = Client(config, Settings("account", {TOKEN!r}, {gateway.settings.url!r}))
before = set(sys.modules)
client.ask("sprinter", "Hi", tenant="one")
print(sorted(set(sys.modules) - before))
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ("[]\n", "")


def descriptors() -> int:
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_an_async_client_keeps_nothing_of_an_event_loop_that_is_over(gateway: Gateway, config: CompiledConfig) -> None:
    client = AsyncClient(config, gateway.settings)

    async def ask() -> str:
        return (await client.ask("sprinter", "Hi", tenant="one")).text

    asyncio.run(ask())
    before = descriptors()
    for _ in range(5):
        asyncio.run(ask())
    assert descriptors() <= before
    assert not client._by_loop


def test_an_async_client_that_is_dropped_ends_its_connections(gateway: Gateway, config: CompiledConfig) -> None:
    async def dropping() -> tuple[int, int]:
        before = descriptors()
        client = AsyncClient(config, gateway.settings)
        await client.ask("sprinter", "Hi", tenant="one")
        del client
        descriptors()
        for _ in range(5):
            await asyncio.sleep(0.01)
        return before, descriptors()

    before, after = asyncio.run(dropping())
    assert after <= before


def test_a_client_that_is_dropped_ends_its_connections_and_no_stream(gateway: Gateway, config: CompiledConfig) -> None:
    client = Client(config, gateway.settings)
    client.ask("sprinter", "Hi", tenant="one")
    stream = client.stream("sprinter", "Hi", tenant="one")
    first = next(stream)
    before = descriptors()
    del client
    assert (first.type, [event.type for event in stream]) == ("text", ["usage", "done"])
    del stream
    assert descriptors() < before


def test_a_client_that_was_closed_asks_anew(gateway: Gateway, config: CompiledConfig) -> None:
    client = Client(config, gateway.settings)
    for _ in range(2):
        assert client.ask("sprinter", "Hi", tenant="one").text
        client.close()
        client.close()
    assert len(gateway.users) == 2
