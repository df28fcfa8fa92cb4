"""Running the emulator: in a thread of a test, or as a process.

with running_emulator(seed=7) as emulator:
    httpx.get(f"{emulator.control_plane}/accounts/test-account/ai-gateway/gateways", headers=emulator.auth)
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn

from tests.emulator.app import Emulator
from tests.emulator.control.r2.objects import ObjectsInS3
from tests.emulator.world import World

STANDING = "EMULATOR_ASSUME"  # NAME=CHOICE,… for a whole test run
TEST_TOKEN = "test-" * 8  # 40 characters, the least a Cloudflare token has


@dataclass(frozen=True)
class Running:
    """A running emulator: where it listens, and short ways to its admin surface."""

    url: str

    @property
    def control_plane(self) -> str:
        return f"{self.url}/client/v4"

    @property
    def data_plane(self) -> str:
        return f"{self.url}/v1"

    @property
    def auth(self) -> dict[str, str]:
        """A header with a token that may do everything."""
        return {"Authorization": f"Bearer {TEST_TOKEN}"}

    def admin(self, method: str, path: str, body: Any = None, *, query: dict[str, Any] | None = None) -> Any:
        """Call `/_emulator{path}`; raises httpx.HTTPStatusError with the emulator's words."""
        url = f"{self.url}/_emulator{path}"
        # plain HTTP: verify=False spares loading certificates, some 20 ms each time
        reply = httpx.request(method, url, json=body, params=query, timeout=10, verify=False)
        if reply.is_error:
            raise httpx.HTTPStatusError(reply.text, request=reply.request, response=reply)
        return reply.json()

    def reset(self) -> None:
        self.admin("POST", "/reset")

    def journal(self, path: str = "", limit: int = 1000) -> list[dict[str, Any]]:
        """The newest requests whose path contains `path`, oldest first."""
        requests: list[dict[str, Any]] = self.admin("GET", "/journal", query={"path": path, "limit": limit})["requests"]
        return requests

    def draw(self, *draws: int) -> None:
        """What percentage elements draw next, each 0…99."""
        self.admin("POST", "/draws", {"draws": draws})

    def fault(self, path: str, **fault: Any) -> None:
        """Let requests to a path (shell pattern) fail; the fields are those of faults.Fault."""
        self.admin("POST", "/faults", {"path": path, **fault})

    def programme(self, model: str, **programme: Any) -> None:
        """How a model behaves; the fields are those of upstreams.programme.Programme."""
        self.admin("POST", "/models", {"model": model, **programme})

    def assume(self, **choices: str) -> None:
        """Switch assumptions; `missing_key="…"` is the one named missing-key."""
        self.admin("POST", "/assumptions", {name.replace("_", "-"): choice for name, choice in choices.items()})

    def walk(self, elements: list[dict[str, Any]], **circumstances: Any) -> dict[str, Any]:
        """The way through a graph that is not stored: `path`, `tried`, `served`."""
        way: dict[str, Any] = self.admin("POST", "/walk", {"elements": elements, **circumstances})
        return way


def listening(host: str, port: int) -> socket.socket:
    """A bound socket; raises OSError where the port is taken."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def server_of(world: World) -> uvicorn.Server:
    config = uvicorn.Config(
        Emulator(world),
        lifespan="off",
        ws="none",
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        backlog=2048,
    )
    return uvicorn.Server(config)


@contextmanager
def running_emulator(seed: int = 0, token: str | None = None, s3_url: str | None = None) -> Iterator[Running]:
    """An emulator in a thread on a free port of 127.0.0.1, gone when the block ends.

    The environment's EMULATOR_ASSUME (NAME=CHOICE,…) switches assumptions for a whole test run.
    """
    bound = listening("127.0.0.1", 0)
    bound.listen(2048)
    world = World(seed, token)
    world.assumes.stand(os.environ.get(STANDING, ""))
    if s3_url:
        world.objects = ObjectsInS3(s3_url)
    server = server_of(world)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, name="emulator")
    thread.start()
    try:
        yield Running(f"http://127.0.0.1:{bound.getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        bound.close()
