"""Who asks the mock: raw httpx, our client, the openai SDK, and litellm in a process of its own environment."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai

from benchmarks.client_mock import MESSAGES
from benchmarks.client_timing import AT_A_TIME, Call, Measure, awaited, by_threads, one_at_a_time
from gateway_config.runtime import AsyncClient, Client, Settings
from gateway_config.runtime.base import config_of_files

ROOT = Path(__file__).parent.parent
LITELLM = ROOT / ".tools" / "bench-venv" / "bin" / "python"
HEADERS = {"cf-aig-authorization": "Bearer x", "cf-aig-metadata": json.dumps({"trace": "x", "bucket": "07"})}
BODY: dict[str, Any] = {"model": "dynamic/reasoning", "messages": MESSAGES}
STREAMED = {**BODY, "stream": True}
WAYS = ("chat", "threads", "async", "async 64", "stream")


def settings_of(base: str) -> Settings:
    return Settings("account", "test-" * 8, base)


@contextmanager
def contenders(base: str) -> Iterator[dict[str, dict[str, Measure]]]:
    """`{way: {name: measure}}`; the first of each way is what the others are compared with."""
    with ExitStack() as stack:
        loop, pool = stack.enter_context(asyncio.Runner()), stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        found: dict[str, dict[str, Measure]] = {way: {} for way in WAYS}
        _add(found, "httpx", _httpx(base, stack, loop, pool))
        _add(found, "gatewright", _gatewright(base, stack, loop, pool))
        _add(found, "openai", _openai(base, stack, loop, pool))
        if LITELLM.exists():
            _add(found, "litellm", stack.enter_context(_litellm(base)))
        yield found


def _add(found: dict[str, dict[str, Measure]], name: str, ways: Mapping[str, Measure]) -> None:
    for way, measure in ways.items():
        found[way][name] = measure


def _ways(
    chat: Call, achat: Callable[[], Any], stream: Call, loop: asyncio.Runner, pool: ThreadPoolExecutor
) -> dict[str, Measure]:
    sync = {"chat": one_at_a_time(chat), "threads": by_threads(chat, pool), "stream": one_at_a_time(stream)}
    return {**sync, "async": awaited(achat, loop, 1), "async 64": awaited(achat, loop, AT_A_TIME)}


def _httpx(base: str, stack: ExitStack, loop: asyncio.Runner, pool: ThreadPoolExecutor) -> dict[str, Measure]:
    url, limits = f"{base}/account/inference-dev/compat/chat/completions", httpx.Limits(max_connections=AT_A_TIME)
    http = stack.enter_context(httpx.Client(trust_env=False, limits=limits))
    ahttp = httpx.AsyncClient(trust_env=False, limits=limits)
    stack.callback(lambda: loop.run(ahttp.aclose()))

    def chat() -> object:
        return http.post(url, json=BODY, headers=HEADERS).json()["choices"][0]["message"]["content"]

    async def achat() -> object:
        return (await ahttp.post(url, json=BODY, headers=HEADERS)).json()["choices"][0]["message"]["content"]

    def stream() -> int:
        count = 0
        with http.stream("POST", url, json=STREAMED, headers=HEADERS) as response:
            for line in response.iter_lines():
                if line.startswith("data: {"):
                    count += bool(json.loads(line[6:])["choices"][0]["delta"]["content"])
        return count

    return _ways(chat, achat, stream, loop, pool)


def _gatewright(base: str, stack: ExitStack, loop: asyncio.Runner, pool: ThreadPoolExecutor) -> dict[str, Measure]:
    config, settings = config_of_files(), settings_of(base)
    client, aclient = stack.enter_context(Client(config, settings)), AsyncClient(config, settings)
    stack.callback(lambda: loop.run(aclient.close()))

    def chat() -> object:
        return client.ask("sage", MESSAGES, user="ada", tenant="acme").text

    async def achat() -> object:
        return (await aclient.ask("sage", MESSAGES, user="ada", tenant="acme")).text

    return _ways(chat, achat, lambda: sum(1 for _ in client.stream("sage", MESSAGES, user="ada")), loop, pool)


def _openai(base: str, stack: ExitStack, loop: asyncio.Runner, pool: ThreadPoolExecutor) -> dict[str, Measure]:
    options: dict[str, Any] = {"base_url": f"{base}/account/inference-dev/compat", "api_key": "x", "max_retries": 0}
    sdk, asdk = stack.enter_context(openai.OpenAI(**options)), openai.AsyncOpenAI(**options)
    stack.callback(lambda: loop.run(asdk.close()))

    def chat() -> object:
        return sdk.chat.completions.create(**BODY).choices[0].message.content

    async def achat() -> object:
        return (await asdk.chat.completions.create(**BODY)).choices[0].message.content

    return _ways(chat, achat, lambda: sum(1 for _ in sdk.chat.completions.create(**STREAMED)), loop, pool)


@contextmanager
def _litellm(base: str) -> Iterator[dict[str, Measure]]:
    command = [str(LITELLM), str(ROOT / "benchmarks" / "client_litellm.py"), base]
    # Without the first it asks the network for its price list.
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, bufsize=1, env=environment) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        tell, hear = process.stdin, process.stdout
        print(json.dumps(MESSAGES), file=tell, flush=True)

        def measure_of(way: str) -> Measure:
            def measure(times: int) -> float:
                print(json.dumps({"way": way, "calls": times}), file=tell, flush=True)
                return float(hear.readline())

            return measure

        yield {way: measure_of(way) for way in WAYS}
        tell.close()
