"""How much the client adds to raw httpx, as ratios in one run against a bare mock on this machine.

    python scripts/bench_client.py [--rounds 9] [--calls 200]

Each round measures every contender once, in turn, so that a slow moment of the machine meets all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import multiprocessing
import socket
import statistics
import threading
import time
from collections.abc import Awaitable, Callable

import httpx

from gateway_config.runtime import AsyncClient, Client, Settings
from gateway_config.runtime.base import config_of_files

CHUNKS = 400
AT_A_TIME = 64
MESSAGES = [{"role": "user", "content": "Tell me about the tides. " * 8}]
ANSWER = json.dumps(
    {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "@cf/openai/gpt-oss-120b",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 200}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 50, "completion_tokens": 200, "total_tokens": 250},
    }
).encode()
CHUNK = {
    "id": "chatcmpl-1",
    "object": "chat.completion.chunk",
    "created": 1,
    "model": "@cf/openai/gpt-oss-120b",
    "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}],
}
STREAM = f"data: {json.dumps(CHUNK)}\n\n".encode() * CHUNKS + b"data: [DONE]\n\n"
HEADERS = (
    "HTTP/1.1 200 OK\r\ncf-aig-provider: workers-ai\r\ncf-aig-model: @cf/openai/gpt-oss-120b\r\ncf-aig-log-id: x\r\n"
)


def reply(kind: str, body: bytes) -> bytes:
    return f"{HEADERS}content-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def serve(bound: socket.socket) -> None:
    """A mock that only counts bytes: it parses no HTTP beyond the length of a request."""
    plain, stream = reply("application/json", ANSWER), reply("text/event-stream", STREAM)
    while True:
        threading.Thread(target=converse, args=(bound.accept()[0], plain, stream), daemon=True).start()


def converse(connection: socket.socket, plain: bytes, stream: bytes) -> None:
    buffer = b""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while part := received(connection):
        buffer += part
        head, found, body = buffer.partition(b"\r\n\r\n")
        if not found:
            continue
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        if len(body) >= length:
            connection.sendall(stream if b'"stream":true' in body.replace(b" ", b"") else plain)
            buffer = b""


def received(connection: socket.socket) -> bytes:
    """The next bytes; nothing where the client has gone."""
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def timed(call: Callable[[], object], times: int) -> float:
    """Microseconds for one call."""
    started = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - started) / times * 1e6


def chat_contenders(base: str, client: Client, http: httpx.Client) -> dict[str, Callable[[], object]]:
    url = f"{base}/account/inference-dev/compat/chat/completions"
    headers = {"cf-aig-authorization": "Bearer x", "cf-aig-metadata": json.dumps({"trace": "x", "bucket": "07"})}
    body = {"model": "dynamic/reasoning", "messages": MESSAGES}
    contenders: dict[str, Callable[[], object]] = {
        "httpx": lambda: http.post(url, json=body, headers=headers).json()["choices"][0]["message"]["content"],
        "gatewright": lambda: client.ask("sage", MESSAGES, user="ada", tenant="acme").text,
    }
    if importlib.util.find_spec("openai"):
        import openai

        sdk = openai.OpenAI(base_url=f"{base}/account/inference-dev/compat", api_key="x", max_retries=0)
        contenders["openai"] = lambda: sdk.chat.completions.create(**body)  # type: ignore[call-overload]
    return contenders


def stream_contenders(base: str, client: Client, http: httpx.Client) -> dict[str, Callable[[], object]]:
    url = f"{base}/account/inference-dev/compat/chat/completions"
    body = {"model": "dynamic/reasoning", "messages": MESSAGES, "stream": True}

    def raw() -> int:
        count = 0
        with http.stream("POST", url, json=body) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    count += bool(json.loads(line[6:])["choices"][0]["delta"]["content"])
        return count

    contenders: dict[str, Callable[[], object]] = {
        "httpx": raw,
        "gatewright": lambda: sum(1 for _ in client.stream("sage", MESSAGES, user="ada")),
    }
    if importlib.util.find_spec("openai"):
        import openai

        sdk = openai.OpenAI(base_url=f"{base}/account/inference-dev/compat", api_key="x", max_retries=0)
        contenders["openai"] = lambda: sum(1 for _ in sdk.chat.completions.create(**body))  # type: ignore[call-overload]
    return contenders


async def together(base: str, settings: Settings, rounds: int, calls: int) -> dict[str, list[float]]:
    """Microseconds for one call where 64 are made at a time, with asyncio."""
    url = f"{base}/account/inference-dev/compat/chat/completions"
    headers = {"cf-aig-authorization": "Bearer x", "cf-aig-metadata": json.dumps({"trace": "x", "bucket": "07"})}
    body = {"model": "dynamic/reasoning", "messages": MESSAGES}
    times: dict[str, list[float]] = {"httpx": [], "gatewright": []}
    limits = httpx.Limits(max_connections=AT_A_TIME)
    async with (
        httpx.AsyncClient(trust_env=False, limits=limits) as http,
        AsyncClient(config_of_files(), settings) as own,
    ):
        asks: dict[str, Callable[[], Awaitable[object]]] = {
            "httpx": lambda: http.post(url, json=body, headers=headers),
            "gatewright": lambda: own.ask("sage", MESSAGES, user="ada", tenant="acme"),
        }
        for _ in range(rounds):
            for name, call in asks.items():
                started = time.perf_counter()
                for _ in range(max(1, calls // AT_A_TIME)):
                    await asyncio.gather(*(call() for _ in range(AT_A_TIME)))
                times[name].append((time.perf_counter() - started) / (max(1, calls // AT_A_TIME) * AT_A_TIME) * 1e6)
    return times


def measured(contenders: dict[str, Callable[[], object]], rounds: int, calls: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        timed(call, max(1, calls // 10))
    for _ in range(rounds):
        for name, call in contenders.items():
            times[name].append(timed(call, calls))
    return times


def table(title: str, times: dict[str, list[float]], per_chunk: bool) -> None:
    base = statistics.median(times["httpx"])
    print(f"{title:<12} {'µs':>9} {'spread':>15} {'ratio':>7}" + (f" {'added a chunk':>14}" if per_chunk else ""))
    for name, found in times.items():
        median = statistics.median(found)
        spread = f"{min(found):.0f}…{max(found):.0f}"
        added = f" {(median - base) / CHUNKS:>11.2f} µs" if per_chunk else ""
        print(f"{name:<12} {median:>9.1f} {spread:>15} {median / base:>7.2f}{added}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--calls", type=int, default=200)
    chosen = arguments.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as bound:
        mock = multiprocessing.get_context("fork").Process(target=serve, args=(bound,), daemon=True)
        mock.start()
        base = f"http://127.0.0.1:{bound.getsockname()[1]}"
        settings = Settings("account", "test-" * 8, base)
        with Client(config_of_files(), settings) as client, httpx.Client(trust_env=False) as http:
            table("chat", measured(chat_contenders(base, client, http), chosen.rounds, chosen.calls), False)
            table("64 asyncio", asyncio.run(together(base, settings, chosen.rounds, chosen.calls)), False)
            table("stream", measured(stream_contenders(base, client, http), chosen.rounds, chosen.calls // 10), True)
        mock.terminate()


if __name__ == "__main__":
    main()
