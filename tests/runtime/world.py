"""A gateway without sockets: a function behind `transport=` that answers, and remembers what it was asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from gateway_config.compile import compile_config
from gateway_config.compiled import CompiledConfig
from gateway_config.load import load
from gateway_config.runtime import AsyncClient, Client, Settings

TOKEN = "test-" * 8
SETTINGS = Settings(account_id="account", token=TOKEN, url="https://gateway.test/v1")
LLAMA = "@cf/meta/llama-3.1-8b-instruct-fast"
GEMMA = "@cf/google/gemma-4-26b-a4b-it"
GPT_OSS = "@cf/openai/gpt-oss-120b"

GATEWAY = """
version: 1
gateway: {id: inference}
models:
  llama: {upstream: workers-ai, model: "@cf/meta/llama-3.1-8b-instruct-fast", kind: chat}
  gemma:
    upstream: workers-ai
    model: "@cf/google/gemma-4-26b-a4b-it"
    kind: chat
    price: {in_usd_per_mtok: "0.100", out_usd_per_mtok: "0.300", as_of: 2026-08-28}
  gpt-oss: {upstream: workers-ai, model: "@cf/openai/gpt-oss-120b", kind: chat}
  flux: {upstream: workers-ai, model: "@cf/black-forest-labs/flux-2-dev", kind: image}
"""
ROUTES = {
    "quick-chat": """
version: 1
intents: [sprinter]
kind: chat
arms:
  champion: {model: llama, temperature: 0.5}
  challenger: {model: gemma}
split: {champion: rest, challenger: 10}
fallback: [gpt-oss]
""",
    "reasoning": """
version: 1
intents: [sage]
kind: chat
arms:
  thinker: {model: gemma}
""",
    "painting": """
version: 1
intents: [artist]
kind: image
arms:
  flux: {model: flux}
""",
}


def compiled(folder: Path, gateway: str = GATEWAY, routes: Mapping[str, str] = ROUTES) -> CompiledConfig:
    """A compiled config of these files, which are written to the folder first."""
    (folder / "routes").mkdir(parents=True, exist_ok=True)
    (folder / "gateway.yaml").write_text(gateway)
    for name, text in routes.items():
        (folder / "routes" / f"{name}.yaml").write_text(text)
    return compile_config(load(folder, "dev"))


def completion(text: Any = "Hello.", **more: Any) -> dict[str, Any]:
    """A chat completion as the gateway answers it."""
    return {
        "id": "c",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        **more,
    }


def answering(body: Any = None, *, model: str = LLAMA, status: int = 200, **headers: str) -> httpx.Response:
    """An answer with the headers that a dynamic route adds."""
    told = {"cf-aig-provider": "workers-ai", "cf-aig-model": model, "cf-aig-log-id": "log-1"}
    told.update({name.replace("_", "-"): value for name, value in headers.items()})
    return httpx.Response(status, json=completion() if body is None else body, headers=told)


def gateway_error(status: int, code: int, message: str, **headers: str) -> httpx.Response:
    """The gateway's own refusal, in its form (facts 3.4)."""
    body = {
        "success": False,
        "result": [],
        "messages": [],
        "error": [{"code": code, "message": message}],
        "name": "AiGatewayError",
        "httpCode": status,
        "internalCode": code,
    }
    return httpx.Response(status, json=body, headers={k.replace("_", "-"): v for k, v in headers.items()})


Step = httpx.Response | BaseException | Callable[[httpx.Request], httpx.Response]


class Gateway:
    """Answers each request with the next step of its script, the last one for ever."""

    def __init__(self, *script: Step) -> None:
        self.requests: list[httpx.Request] = []
        self._script: Iterator[Step] = iter(script or (answering(),))
        self._last: Step = answering()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self._last = step = next(self._script, self._last)
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, httpx.Response):
            return httpx.Response(step.status_code, content=step.content, headers=step.headers)
        return step(request)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def metadata(self) -> list[dict[str, Any]]:
        return [json.loads(request.headers["cf-aig-metadata"]) for request in self.requests]

    def client(self, config: CompiledConfig, settings: Settings = SETTINGS, **options: Any) -> Client:
        return Client(config, settings, transport=httpx.MockTransport(self), **options)

    def async_client(self, config: CompiledConfig, **options: Any) -> AsyncClient:
        return AsyncClient(config, SETTINGS, transport=httpx.MockTransport(self), **options)
