"""`python -m tests.emulator.benchmark`: chat requests a second on one core, beside a bare ASGI handler.

The server is a process of its own; the load comes from this one, over keep-alive connections, each with one
request in flight.  Both servers answer the same number of bytes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import httpx
import uvloop

from tests.emulator.server import TEST_TOKEN

SECONDS, CONNECTIONS = 4.0, 32
ACCOUNT = "test-account"
LLAMA, GPT_OSS = "@cf/meta/llama-3.1-8b-instruct-fast", "@cf/openai/gpt-oss-120b"
BARE = """
import sys, uvicorn
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % SIZE)]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": b"x" * SIZE})
SIZE = int(sys.argv[1])
from tests.emulator.server import listening
bound = listening("127.0.0.1", 0)
bound.listen(2048)
print("emulator ready http://127.0.0.1:%d" % bound.getsockname()[1], flush=True)
settings = dict(lifespan="off", ws="none", log_level="critical", access_log=False, server_header=False)
uvicorn.Server(uvicorn.Config(app, **settings)).run(sockets=[bound])
"""


class Asker(asyncio.Protocol):
    """One connection that sends its request again as soon as it is answered."""

    def __init__(self, request: bytes, counts: list[int]) -> None:
        self.request, self.counts, self.left = request, counts, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's are of no class of asyncio's
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        if self.left == 0:
            head, _, body = data.partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), data
            self.left = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            data = body
        self.left -= len(data)
        if self.left == 0:
            self.counts[0] += 1
            self.transport.write(self.request)


async def requests_per_second(url: str, request: bytes) -> float:
    """How often a request is answered, after half a second of warming up."""
    loop, where, counts = asyncio.get_running_loop(), urlsplit(url), [0]
    made = [
        await loop.create_connection(lambda: Asker(request, counts), where.hostname or "", where.port or 0)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.sleep(0.5)
    before, began = counts[0], time.perf_counter()
    await asyncio.sleep(SECONDS)
    rate = (counts[0] - before) / (time.perf_counter() - began)
    for transport, _ in made:
        transport.abort()
    return rate


@contextmanager
def process(*command: str) -> Iterator[tuple[str, float]]:
    """A server process: its URL, and how long it took until it said so."""
    began = time.perf_counter()
    with subprocess.Popen([sys.executable, *command], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        line = server.stdout.readline()
        try:
            yield line.split()[-1], time.perf_counter() - began
        finally:
            server.terminate()


def prepared(url: str) -> None:
    """A gateway with a route like a compiled one: two conditions on a bucket, a split, a fallback."""
    client = httpx.Client(
        base_url=f"{url}/client/v4/accounts/{ACCOUNT}/ai-gateway/gateways",
        headers={"Authorization": f"Bearer {TEST_TOKEN}"},
    )
    zero = {"cache_ttl": 0, "rate_limiting_interval": 0, "rate_limiting_limit": 0}
    settings = {"id": "gw", "cache_invalidate_on_update": False, "collect_logs": True, **zero}
    client.post("", json=settings).raise_for_status()
    client.post("/gw/routes", json={"name": "chat", "elements": elements()}).raise_for_status()
    client.close()


def elements() -> list[dict[str, Any]]:
    def to(**ways: str) -> dict[str, Any]:
        return {label.strip("_"): {"elementId": target} for label, target in ways.items()}

    def bucket(name: str, values: list[str], yes: str, no: str) -> dict[str, Any]:
        wanted = {"conditions": {"metadata.bucket": {"$in": values}}}
        return {"id": name, "type": "conditional", "properties": wanted, "outputs": to(true=yes, false=no)}

    def model(name: str, model_id: str, fallback: str) -> dict[str, Any]:
        asked = {"provider": "workers-ai", "model": model_id, "timeout": 8000, "retries": 1}
        return {"id": name, "type": "model", "properties": asked, "outputs": to(success="end", fallback=fallback)}

    low, high = [f"{n:02d}" for n in range(90)], [f"{n:02d}" for n in range(90, 100)]
    split = {"10%": {"elementId": "b"}, "90%": {"elementId": "a"}}
    return [
        {"id": "start", "type": "start", "outputs": to(next="in.b")},
        bucket("in.b", [*high, "challenger"], "b", "in.a"),
        bucket("in.a", [*low, "champion"], "a", "split"),
        {"id": "split", "type": "percentage", "outputs": split},
        model("a", LLAMA, "b"),
        model("b", GPT_OSS, "end"),
        {"id": "end", "type": "end", "outputs": {}},
    ]


def chat_request() -> bytes:
    """A chat of about a kilobyte there and back."""
    messages = [{"role": "user", "content": "tell me something about rivers " * 20}]
    body = json.dumps({"model": "dynamic/chat", "messages": messages}).encode()
    metadata = json.dumps({"trace": "0123456789ab.request.1", "bucket": "42", "tenant_id": "t", "project": "p"})
    head = [
        f"POST /v1/{ACCOUNT}/gw/compat/chat/completions HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {TEST_TOKEN}",
        f"cf-aig-metadata: {metadata}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def answer_bytes(url: str) -> int:
    """The size of the answer to our request."""
    head, _, body = chat_request().partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    path = head.split()[1].decode()
    return len(httpx.post(f"{url}{path}", content=body, headers=headers).raise_for_status().content)


def main() -> None:
    """Print three lines: start time, both rates."""
    with process("-m", "tests.emulator", "--port", "0") as (url, started_s):
        prepared(url)
        programme = {"model": LLAMA, "always": "a river runs on " * 42}
        httpx.post(f"{url}/_emulator/models", json=programme).raise_for_status()
        size = answer_bytes(url)
        emulator = uvloop.run(requests_per_second(url, chat_request()))
    with process("-c", BARE, str(size)) as (url, _):
        bare = uvloop.run(requests_per_second(url, chat_request()))
    print(f"ready after {started_s:.2f} s")
    print(f"emulator {emulator:,.0f} chat requests a second, {size} bytes each, walked and logged")
    print(f"bare handler {bare:,.0f} requests a second; the emulator reaches {emulator / bare:.0%} of it")


if __name__ == "__main__":
    main()
