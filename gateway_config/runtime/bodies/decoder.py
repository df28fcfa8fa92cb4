"""Bytes of a streamed answer → events, cut at any byte. Pure: no I/O, no clock.

It reads OpenAI's chunks and Workers AI's own (facts 3.5), and a whole JSON answer where a guardrail unstreamed it.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from typing import Any

from gateway_config.runtime.answer import ToolCall, Usage
from gateway_config.runtime.bodies.characters import Halves, whole_characters
from gateway_config.runtime.bodies.chat import LARGEST_ANSWER, MalformedError, Spoken, read_chat, text_of, usage_of
from gateway_config.runtime.bodies.refusals import complaint_in
from gateway_config.runtime.bodies.thinking import ThinkingFilter
from gateway_config.runtime.events import Event, ReasoningEvent, TextEvent, ToolCallEvent, UsageEvent

_DONE = b"[DONE]"
LARGEST_LINE = 1_000_000


def _is_another(index: Any) -> bool:
    """Whether this is the place of a choice beside the first, whose own is spelled 0, "0", null or not at all."""
    if isinstance(index, str):
        return index.lstrip("0").isdecimal()
    return isinstance(index, int | float) and index > 0


class ChatDecoder:
    """Feed it bytes, take its events; then `finish`. Raises MalformedError for what no dialect says."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.thoughts: list[str] = []
        self.calls: list[ToolCall] = []
        self.usage: Usage | None = None
        self.finish_reason: str | None = None
        self._rest = b""  # bytes of a line whose end has not come
        self._data: list[bytes] = []  # data lines of an event whose JSON is not whole yet
        self._joined = 0  # their bytes
        self._whole: list[bytes] | None = None  # the bytes of one JSON object, where this is no stream
        self._begun = self._ended = False
        self._size = 0
        self._spoke = False  # whether any content came
        self._text_halves, self._thought_halves = Halves(), Halves()
        self._filter = ThinkingFilter()
        self._open_calls: dict[int, dict[str, str]] = {}

    @property
    def text(self) -> str:
        """All text until now."""
        return "".join(self.parts)

    def feed(self, part: bytes, events: list[Event]) -> None:
        """Adds the events that these bytes complete, also those before a MalformedError."""
        self._size += len(part)
        if self._size > LARGEST_ANSWER:
            raise MalformedError(f"more than {LARGEST_ANSWER:,} bytes")
        data = self._rest + part if self._rest else part
        if not self._begun:
            data = self._begin(data)
        if self._whole is not None:
            self._whole.append(data)
            return
        lines = data.split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > LARGEST_LINE:
            raise MalformedError(f"a line of more than {LARGEST_LINE:,} bytes")
        for line in lines:
            self._line(line, events)

    def _begin(self, data: bytes) -> bytes:
        """The data from the first byte that means something; it tells a stream from a whole JSON object."""
        if not BOM_UTF8.startswith(data):
            data = data.removeprefix(BOM_UTF8).lstrip()
            self._begun = bool(data)
            if data.startswith(b"{"):
                self._whole, self._rest = [], b""
        return data

    def _line(self, line: bytes, events: list[Event]) -> None:
        if line.startswith(b"data:"):
            self._payload(line[5:].strip(), events)
        elif self._data and not line.strip():
            if not self._whole_event(events):
                raise MalformedError("an event that is no JSON")
        elif line.lstrip().startswith(b"<"):
            raise MalformedError("a page instead of a stream")

    def _payload(self, payload: bytes, events: list[Event]) -> None:
        if payload == _DONE or self._ended:
            self._ended = True
            return
        if self._data or not self._read(payload, events):
            self._joined += len(payload)
            if self._joined > LARGEST_LINE:
                raise MalformedError(f"an event of more than {LARGEST_LINE:,} bytes")
            self._data.append(payload)

    def _whole_event(self, events: list[Event]) -> bool:
        """Whether the data lines until now are JSON together; they are read once, where their event ends."""
        payload, self._data, self._joined = b"\n".join(self._data), [], 0
        return self._read(payload, events)

    def _read(self, payload: bytes, events: list[Event]) -> bool:
        """Whether this is JSON; if so, its events are added."""
        try:
            # Half a character is not replaced here: its other half may be in the next chunk.
            chunk = json.loads(payload.decode()) if payload else None
        except (ValueError, RecursionError):
            return False
        if isinstance(chunk, dict):
            self._chunk(chunk, events)
        return True

    def _chunk(self, chunk: dict[str, Any], events: list[Event]) -> None:
        if chunk.get("error") or chunk.get("errors"):
            said = whole_characters(complaint_in(chunk).said)
            raise MalformedError(f"an error: {said or 'without a reason'}")
        choices = chunk.get("choices")
        if choices and isinstance(choices, list):
            own = (one for one in choices if isinstance(one, dict) and not _is_another(one.get("index")))
            self._choice(next(own, {}), events)
        elif "response" in chunk or "tool_calls" in chunk:
            self._native(chunk, events)
        if "usage" in chunk:
            self._count(chunk["usage"])

    def _choice(self, choice: dict[str, Any], events: list[Event]) -> None:
        delta = choice.get("delta")
        if isinstance(delta, dict):
            self._delta(delta, events)
        if isinstance(message := choice.get("message"), dict):
            self._delta(self._untold(message), events)
        reason = choice.get("finish_reason")
        if isinstance(reason, str):
            self.finish_reason = whole_characters(reason)

    def _delta(self, delta: dict[str, Any], events: list[Event]) -> None:
        content = delta.get("content")
        if content is not None:
            # Workers AI was seen to stream a JSON number as content (facts 1.4).
            self._said(content if type(content) is str else text_of(content), events)
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str):
            self._thought(self._thought_halves.feed(thought), events)
        if "tool_calls" in delta:
            self._call_parts(delta["tool_calls"], events)

    def _untold(self, message: dict[str, Any]) -> dict[str, Any]:
        """Of a whole message, what no delta has told before."""
        told = {"content"} if self._spoke else set()
        if self.thoughts:
            told |= {"reasoning_content", "reasoning"}
        if self._open_calls:
            told.add("tool_calls")
        return {key: value for key, value in message.items() if key not in told}

    def _native(self, chunk: dict[str, Any], events: list[Event]) -> None:
        if (response := chunk.get("response")) is not None:
            self._said(text_of(response), events)
        self._call_parts(chunk.get("tool_calls"), events)

    def _said(self, text: str, events: list[Event]) -> None:
        self._spoke = self._spoke or text != ""
        said, thought = self._filter.feed(self._text_halves.feed(text))
        if thought:
            self._thought(thought, events)
        if said:
            self.parts.append(said)
            events.append(TextEvent(said))

    def _thought(self, text: str, events: list[Event]) -> None:
        self.thoughts.append(text)
        events.append(ReasoningEvent(text))

    def _count(self, found: Any) -> None:
        """The last counts that say something: Workers AI ends with a chunk whose counts are all zero (facts 3.5)."""
        usage = usage_of(found)
        if usage is not None and (usage.tokens_in or usage.tokens_out):
            self.usage = usage

    def _call_parts(self, parts: Any, events: list[Event]) -> None:
        """OpenAI sends a call in parts that share an index; Workers AI sends whole calls, without one."""
        for part in parts if isinstance(parts, list) else []:
            if not isinstance(part, dict):
                continue
            index = part["index"] if isinstance(part.get("index"), int) else len(self._open_calls)
            if index not in self._open_calls:
                self._close_calls(events)
                self._open_calls[index] = {"id": "", "name": "", "arguments": "", "told": ""}
            self._add(self._open_calls[index], part, index)

    def _add(self, call: dict[str, str], part: dict[str, Any], index: int) -> None:
        inner = part.get("function")
        function = inner if isinstance(inner, dict) else part
        arguments = function.get("arguments")
        text = "" if arguments is None else arguments if isinstance(arguments, str) else json.dumps(arguments)
        call["id"] = call["id"] or str(part.get("id") or f"call_{index}")
        call["name"] += str(function.get("name") or "")
        call["arguments"] += text

    def _close_calls(self, events: list[Event]) -> None:
        for call in self._open_calls.values():
            if not call["told"]:
                call["told"] = "yes"
                id, name, arguments = (whole_characters(call[key]) for key in ("id", "name", "arguments"))
                self.calls.append(ToolCall(id, name, arguments or "{}"))
                events.append(ToolCallEvent(self.calls[-1]))

    def finish(self, events: list[Event]) -> None:
        """Adds the events that the end of the bytes completes; MalformedError where the end came too early."""
        if self._whole is not None:
            self._unstreamed(read_chat(b"".join(self._whole)), events)
            return
        self._line(self._rest, events)
        whole = not self._data or self._whole_event(events)
        self._flush(events)
        if not whole or not (self._ended or self.finish_reason is not None):
            raise MalformedError("no end of it" if self.parts else "nothing")
        self._close_calls(events)
        if self.usage is not None:
            events.append(UsageEvent(self.usage))

    def _flush(self, events: list[Event]) -> None:
        self._said(self._text_halves.flush(), events)
        said, thought = self._filter.flush()
        if thought := thought + self._thought_halves.flush():
            self._thought(thought, events)
        if said:
            self.parts.append(said)
            events.append(TextEvent(said))

    def _unstreamed(self, spoken: Spoken, events: list[Event]) -> None:
        self.finish_reason, self.usage, self.calls = spoken.finish_reason, spoken.usage, list(spoken.tool_calls)
        if spoken.reasoning:
            self._thought(spoken.reasoning, events)
        if spoken.text:
            self.parts.append(spoken.text)
            events.append(TextEvent(spoken.text))
        events.extend(ToolCallEvent(call) for call in self.calls)
        if spoken.usage is not None:
            events.append(UsageEvent(spoken.usage))

    def spoken(self) -> Spoken:
        """The whole answer, after `finish`."""
        reasoning = "".join(self.thoughts).strip() or None
        return Spoken(self.text, reasoning, tuple(self.calls), self.finish_reason, self.usage)
