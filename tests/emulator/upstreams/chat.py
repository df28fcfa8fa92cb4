"""A text model: messages in, a completion out, in no particular dialect."""

from __future__ import annotations

import json
from typing import Any

from tests.emulator.evidence import behaviour
from tests.emulator.schema import Field, any_of, list_of, nullable, number, object_of, text
from tests.emulator.upstreams.answers import Completion
from tests.emulator.upstreams.catalogue import CatalogueModel
from tests.emulator.upstreams.json_shape import fitting
from tests.emulator.upstreams.kinds import bad_input
from tests.emulator.upstreams.programme import Programme
from tests.emulator.upstreams.text import (
    TOKENS_PER_MESSAGE,
    answer_text,
    content_text,
    cut_to_tokens,
    prompt_of,
    token_count,
)

DEFAULT_MAX_TOKENS = 256
REASONING_TOKENS = {"minimal": 4, "low": 16, "medium": 48, "high": 128}


some_object = nullable(object_of({}))
CHAT_INPUT = object_of(
    {
        "messages": Field(nullable(list_of(object_of({"role": Field(text(1), required=True)})))),
        "prompt": Field(nullable(text())),
        "max_tokens": Field(nullable(number(0))),
        "max_completion_tokens": Field(nullable(number(0))),
        "max_output_tokens": Field(nullable(number(0))),
        "tools": Field(nullable(list_of(object_of({})))),
        "tool_choice": Field(nullable(any_of(text(), object_of({})))),
        "response_format": Field(some_object),
        "reasoning": Field(some_object),
        "reasoning_effort": Field(nullable(text())),
        "chat_template_kwargs": Field(some_object),
    }
)


def complete(model: CatalogueModel, body: dict[str, Any], programme: Programme) -> Completion:
    """The answer of a model to a chat body; a programmed answer comes before the usual one."""
    messages = body.get("messages")
    prompt = prompt_of(messages) if isinstance(messages, list) else str(body.get("prompt", ""))
    count = len(messages) if isinstance(messages, list) else 1
    completion = Completion(model.id, "", token_count(prompt) + TOKENS_PER_MESSAGE * count, 0, pace=programme)
    _think(completion, model, body, prompt)
    _say(completion, model, body, prompt, programme)
    completion.cost_usd = model.cost_usd(completion.tokens_in, completion.tokens_out)
    return completion


def _think(completion: Completion, model: CatalogueModel, body: dict[str, Any], prompt: str) -> None:
    template = body.get("chat_template_kwargs")
    if "reasoning" not in model.traits or (isinstance(template, dict) and template.get("enable_thinking") is False):
        return
    effort = body.get("reasoning_effort") or (body.get("reasoning") or {}).get("effort") or "medium"
    thought = " ".join([answer_text(model.id, f"think {prompt}")] * 8)
    completion.reasoning = cut_to_tokens(thought, REASONING_TOKENS.get(effort, REASONING_TOKENS["medium"]))


@behaviour("a reasoning model with low max_tokens can return empty visible content", "DOC", "Workers AI model pages")
def _say(
    completion: Completion, model: CatalogueModel, body: dict[str, Any], prompt: str, programme: Programme
) -> None:
    most = body.get("max_tokens") or body.get("max_completion_tokens") or body.get("max_output_tokens")
    left = (most if isinstance(most, int) else DEFAULT_MAX_TOKENS) - token_count(completion.reasoning or "")
    programmed = programme.answers.popleft() if programme.answers else programme.always
    try:
        completion.tool_calls = _tool_calls(body, prompt, programmed)
        said = "" if completion.tool_calls else _text(model, body, prompt, programmed)
    except ValueError as error:
        raise bad_input(str(error)) from error
    completion.text = cut_to_tokens(said, left)
    spoken = json.dumps(completion.tool_calls) if completion.tool_calls else completion.text
    completion.tokens_out = token_count(completion.reasoning or "") + token_count(spoken)
    cut = len(completion.text) < len(said)
    completion.finish_reason = "tool_calls" if completion.tool_calls else "length" if cut else "stop"


def _text(model: CatalogueModel, body: dict[str, Any], prompt: str, programmed: Any) -> str:
    if programmed is not None:
        return programmed if isinstance(programmed, str) else json.dumps(programmed)
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and wanted.get("type") in ("json_object", "json_schema"):
        schema = wanted.get("json_schema") or {"type": "object", "properties": {"answer": {"type": "string"}}}
        return json.dumps(fitting(schema.get("schema", schema), f"{model.id} {prompt}"))
    text = answer_text(model.id, prompt)
    return f"<think>{answer_text(model.id, 'think')}</think>{text}" if "think" in model.traits else text


def _tool_calls(body: dict[str, Any], prompt: str, programmed: Any) -> list[dict[str, Any]]:
    """A call where one was programmed, is required, or where the last user message names the tool."""
    if isinstance(programmed, dict) and "tool" in programmed:
        return [{"name": programmed["tool"], "arguments": programmed.get("arguments", {})}]
    tools = [_function(tool) for tool in body.get("tools") or () if isinstance(tool, dict)]
    choice = body.get("tool_choice")
    if programmed is not None or not tools or choice == "none":
        return []
    named = _function(choice).get("name") if isinstance(choice, dict) else None
    last = body["messages"][-1] if body.get("messages") else {}
    asked = content_text(last.get("content")) if last.get("role") == "user" else ""
    called = [tool for tool in tools if tool.get("name") == named or str(tool.get("name")) in asked]
    if not called and choice == "required":
        called = tools[:1]
    return [{"name": tool["name"], "arguments": fitting(tool.get("parameters"), prompt)} for tool in called]


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """OpenAI wraps a tool in `function`; Workers AI takes it bare as well."""
    inner = tool.get("function", tool)
    return inner if isinstance(inner, dict) else {}
