"""Elements, bodies and names that tests of the emulator speak of."""

from __future__ import annotations

from typing import Any

ACCOUNT = "test-account"
LLAMA, GPT_OSS = "@cf/meta/llama-3.1-8b-instruct-fast", "@cf/openai/gpt-oss-120b"
MINIMAL: dict[str, Any] = {
    "cache_invalidate_on_update": False,
    "cache_ttl": 0,
    "collect_logs": True,
    "rate_limiting_interval": 0,
    "rate_limiting_limit": 0,
}
Elements = list[dict[str, Any]]


def edge(to: str) -> dict[str, str]:
    return {"elementId": to}


def start(to: str) -> dict[str, Any]:
    return {"id": "start", "type": "start", "outputs": {"next": edge(to)}}


def end() -> dict[str, Any]:
    return {"id": "end", "type": "end", "outputs": {}}


def model(name: str, model_id: str, fallback: str = "end", **properties: Any) -> dict[str, Any]:
    given = {"provider": "workers-ai", "model": model_id, "timeout": 0, "retries": 0, **properties}
    outputs = {"success": edge("end"), "fallback": edge(fallback)}
    return {"id": name, "type": "model", "properties": given, "outputs": outputs}


def percentage(name: str, **ways: str) -> dict[str, Any]:
    """`p10="a"` is the output 10% to a."""
    outputs = {f"{share.removeprefix('p')}%": edge(to) for share, to in ways.items()}
    return {"id": name, "type": "percentage", "outputs": outputs}


def conditional(name: str, conditions: Any, true: str, false: str) -> dict[str, Any]:
    outputs = {"true": edge(true), "false": edge(false)}
    return {"id": name, "type": "conditional", "properties": {"conditions": conditions}, "outputs": outputs}


def rate(name: str, success: str, fallback: str, **properties: Any) -> dict[str, Any]:
    given = {"limitType": "count", "key": "metadata.user", "limit": 2, "window": 60, **properties}
    return {
        "id": name,
        "type": "rate",
        "properties": given,
        "outputs": {"success": edge(success), "fallback": edge(fallback)},
    }


def chat_body(model_name: str = "dynamic/chat", text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"model": model_name, "messages": [{"role": "user", "content": text}], **more}
