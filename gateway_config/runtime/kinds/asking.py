"""One question to a text model, as it was meant; and the body that it becomes for a target."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from gateway_config.compiled import CompiledTarget
from gateway_config.runtime.bodies.chat import Message, encoded, messages_of
from gateway_config.runtime.errors import InputError
from gateway_config.runtime.facts import mapping_of, shown
from gateway_config.runtime.kinds.fitting import Shape, shape_of
from gateway_config.runtime.kinds.payload import Payload, file_of, media_type
from gateway_config.runtime.options import EFFORTS, SUMMARIES, files_of, number_between, one_of, whole_number
from gateway_config.runtime.sending.door import COMPAT

_OF_THE_CLIENT = frozenset({"model", "messages", "stream", "stream_options"})
# Only these think in the Responses shape, which alone has a summary (facts section 8).
_SUMMARIZING = "@cf/openai/gpt-oss"
_OF_REASONING = frozenset({"reasoning_effort", "reasoning_summary"})
# Usage comes only where it is asked for (facts 3.5).
STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked, whichever model answers."""

    messages: Sequence[Message]
    parameters: Mapping[str, Any]
    shape: Shape | None = None
    summary: str | None = None
    streamed: bool = False
    pictured: bool = False

    def also(self, *messages: Message) -> Asking:
        """The same with more messages at its end."""
        return replace(self, messages=[*self.messages, *messages])


def asking_of(text: str | Sequence[Message], options: Mapping[str, Any], streamed: bool = False) -> Asking:
    """The question that input and options make. Raises InputError."""
    messages, images = messages_of(text), files_of("images", options.get("images"))
    if images:
        messages = [*messages[:-1], _with_images(messages[-1], images)]
    summary = one_of("summary", options.get("summary"), SUMMARIES)
    shape = shape_of(options["schema"]) if options.get("schema") is not None else None
    if streamed and (summary or shape):
        raise InputError("a summary and a schema need the whole answer: use ask instead of stream.")
    return Asking(messages, _parameters(options, shape), shape, summary, streamed, bool(images))


def _tools(name: str, value: object) -> Any:
    if not isinstance(value, list | tuple) or not all(isinstance(tool, Mapping) for tool in value):
        raise InputError(f"{name} is a list of mappings, as in the OpenAI chat shape; found {shown(value)}.")
    return value


def _tool_choice(name: str, value: object) -> Any:
    if not isinstance(value, str | Mapping):
        raise InputError(f'{name} is "auto", "none", "required" or a mapping; found {shown(value)}.')
    return value


_CHECKS: Mapping[str, Callable[[str, Any], Any]] = {
    "temperature": partial(number_between, least=0, most=5),
    "max_tokens": partial(whole_number, least=1, most=10_000_000),
    "tools": _tools,
    "tool_choice": _tool_choice,
}


def _parameters(options: Mapping[str, Any], shape: Shape | None) -> dict[str, Any]:
    parameters = dict(mapping_of("parameters", options.get("parameters")))
    if taken := _OF_THE_CLIENT & parameters.keys():
        raise InputError(f"`parameters` cannot set {min(taken)!r}: the client does.")
    for key, check in _CHECKS.items():
        if options.get(key) is not None:
            parameters[key] = check(key, options[key])
    if one_of("effort", options.get("effort"), EFFORTS) is not None:
        parameters["reasoning_effort"] = options["effort"]
    if shape is not None:
        parameters["response_format"] = shape.response_format
    return parameters


def _with_images(message: Message, images: Sequence[bytes | str]) -> Message:
    content = message.get("content")
    parts = content if isinstance(content, list) else [{"type": "text", "text": content}]
    pictures = [{"type": "image_url", "image_url": {"url": _address(image)}} for image in images]
    return {**message, "content": [*parts, *pictures]}


def _address(image: bytes | str) -> str:
    if isinstance(image, str):
        if not image.startswith(("https://", "data:image/")):
            raise InputError(f"an image is bytes, an https:// URL or a data:image/ URI; found {image!r:.60}.")
        return image
    content = file_of("an image", image)
    return f"data:{media_type(content)};base64,{base64.b64encode(content).decode()}"


# --- bodies -------------------------------------------------------------------------------------------------------


def routed_payload(asking: Asking, route: str, target: CompiledTarget | None) -> Payload:
    """The body for a dynamic route; `target` is the assigned one, whose declared parameters go along."""
    return Payload(COMPAT, encoded({"model": f"dynamic/{route}", **chat_body(asking, target)}))


def direct_payload(asking: Asking, target: CompiledTarget, adapter: str | None) -> Payload:
    """The body for one model, at the endpoint that takes what is asked."""
    summary = _summary(asking, target)
    if summary is not None:
        return Payload(f"{target.upstream}/{target.model}", encoded(_responses(asking, target, summary)))
    body = own_body(asking, target, adapter)
    if adapter is not None:
        # No chat-completions endpoint is known to pass `lora` on (facts 1.4), the model's own is.
        return Payload(f"{target.upstream}/{target.model}", encoded(body))
    if target.upstream == "workers-ai":
        return Payload("workers-ai/v1/chat/completions", encoded({"model": target.model, **body}))
    return Payload(COMPAT, encoded({"model": f"{target.upstream}/{target.model}", **body}))


def _summary(asking: Asking, target: CompiledTarget) -> str | None:
    """Which summary this model is asked for, if any."""
    if target.upstream != "workers-ai" or not target.model.startswith(_SUMMARIZING):
        return None
    return asking.summary or target.parameters.get("reasoning_summary")


def chat_body(asking: Asking, target: CompiledTarget | None) -> dict[str, Any]:
    """What every chat body has: messages and parameters; what the caller says comes before what the arm declares."""
    declared = dict(target.parameters) if target is not None else {}
    declared.pop("reasoning_summary", None)  # no chat body has it
    streamed = STREAMED if asking.streamed else {}
    return {"messages": _prompted(asking.messages, target), **declared, **asking.parameters, **streamed}


def own_body(asking: Asking, target: CompiledTarget, adapter: str | None) -> dict[str, Any]:
    """The same for the model's own endpoint, which takes an adapter, too."""
    return {**chat_body(asking, target), **({"raw": True, "lora": adapter} if adapter is not None else {})}


def _prompted(messages: Sequence[Message], target: CompiledTarget | None) -> Sequence[Message]:
    if target is None or target.prompt is None:
        return messages
    return [{"role": "system", "content": target.prompt}, *messages]


_IN_RESPONSES = {"max_tokens": "max_output_tokens", "temperature": "temperature", "top_p": "top_p"}


def _responses(asking: Asking, target: CompiledTarget, summary: str) -> dict[str, Any]:
    """The Responses shape of gpt-oss: `input` and `reasoning`, and no chat keys beside them (facts section 8)."""
    known = {**target.parameters, **asking.parameters}
    effort = known.get("reasoning_effort")
    reasoning = {"summary": summary, **({"effort": effort} if effort else {})}
    kept = {_IN_RESPONSES[key]: value for key, value in known.items() if key in _IN_RESPONSES}
    return {"input": _prompted(asking.messages, target), "reasoning": reasoning, **kept}


def check_summary(asking: Asking, target: CompiledTarget) -> None:
    """Raises InputError for what would be lost where a summary is wanted: its shape is not known to carry more."""
    if _summary(asking, target) is None:
        return
    lost = {**target.parameters, **asking.parameters}.keys() - _IN_RESPONSES.keys() - _OF_REASONING
    if lost:
        said = "schema" if min(lost) == "response_format" else min(lost)
        raise InputError(f"a reasoning summary cannot be had together with {said!r}: leave one of them out.")
