"""Streams of both dialects, cut at any byte, decode to the same events; whatever else comes is one of our errors."""

import itertools
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.runtime.answer import ToolCall, Usage
from gateway_config.runtime.bodies.chat import MalformedError
from gateway_config.runtime.bodies.decoder import LARGEST_LINE, ChatDecoder
from gateway_config.runtime.bodies.thinking import ThinkingFilter, split_thinking
from gateway_config.runtime.events import Event, ReasoningEvent, TextEvent, ToolCallEvent, UsageEvent


def decoded(*parts: bytes) -> list[Event]:
    decoder = ChatDecoder()
    events: list[Event] = []
    for part in parts:
        decoder.feed(part, events)
    decoder.finish(events)
    return events


def sse(*chunks: object, end: str = "\n\n", done: bool = True) -> bytes:
    lines = [f"data: {json.dumps(chunk, ensure_ascii=False)}{end}" for chunk in chunks]
    return "".join([*lines, f"data: [DONE]{end}" if done else ""]).encode()


def delta(content: object = None, reason: str | None = None, **more: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": content, **more}, "finish_reason": reason}]}


OPENAI = sse(
    delta("Grüß"),
    delta(" dich"),
    delta(" 🌊"),
    delta("", "stop"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
)
NATIVE = sse(
    {"response": "Grüß", "p": "abcdef"},
    {"response": " dich", "p": "abc"},
    {"response": " 🌊", "usage": {"prompt_tokens": 3, "completion_tokens": 4}},
    {"response": "", "usage": {"prompt_tokens": 0, "completion_tokens": 0}},
)
WANTED = [TextEvent("Grüß"), TextEvent(" dich"), TextEvent(" 🌊"), UsageEvent(Usage(3, 4))]


@pytest.mark.parametrize("stream", [OPENAI, NATIVE], ids=["openai", "workers-ai"])
def test_both_dialects_are_the_same_events(stream: bytes) -> None:
    assert decoded(stream) == WANTED


@pytest.mark.parametrize("stream", [OPENAI, NATIVE], ids=["openai", "workers-ai"])
def test_a_cut_at_any_byte_changes_nothing(stream: bytes) -> None:
    for place in range(len(stream) + 1):
        assert decoded(stream[:place], stream[place:]) == WANTED
    assert decoded(*(stream[place : place + 1] for place in range(len(stream)))) == WANTED


def test_lines_may_end_in_crlf() -> None:
    assert decoded(OPENAI.replace(b"\n", b"\r\n")) == WANTED


def test_a_byte_order_mark_comments_and_other_fields_are_passed_over() -> None:
    assert decoded(b"\xef\xbb\xbf: keep-alive\n\nevent: message\nid: 1\nretry: 5\n" + OPENAI) == WANTED


def test_empty_events_are_passed_over() -> None:
    assert decoded(b"\n\n\ndata:\n\ndata: null\n\n" + OPENAI) == WANTED


def test_an_event_may_be_written_on_several_data_lines() -> None:
    assert decoded(b'data: {"response":\ndata: "Hi"}\n\ndata: [DONE]\n\n') == [TextEvent("Hi")]


def test_a_number_as_content_is_text() -> None:
    assert decoded(sse(delta(1), delta(2.5), {"response": 7})) == [TextEvent("1"), TextEvent("2.5"), TextEvent("7")]


def test_usage_that_is_missing_stays_unknown() -> None:
    assert decoded(sse(delta("Hi"))) == [TextEvent("Hi")]


def test_an_end_without_done_is_an_end_where_a_reason_was_given() -> None:
    assert decoded(sse(delta("Hi", "stop"), done=False)) == [TextEvent("Hi")]


def test_an_end_without_done_and_reason_is_no_end() -> None:
    with pytest.raises(MalformedError, match="no end"):
        decoded(sse(delta("Hi"), done=False))


def test_nothing_at_all_is_no_answer() -> None:
    for nothing in (b"", b"\n\n", b": hello\n\n"):
        with pytest.raises(MalformedError, match="nothing"):
            decoded(nothing)


def test_what_follows_done_is_not_read() -> None:
    assert decoded(OPENAI + sse(delta("more"))) == WANTED


def test_a_second_choice_is_not_mixed_into_the_first() -> None:
    other = {"choices": [{"index": 1, "delta": {"content": "B"}}]}
    assert decoded(sse(delta("A"), other)) == [TextEvent("A")]


def test_reasoning_has_its_own_events_however_it_is_spelled() -> None:
    stream = sse(delta(reasoning_content="Hm"), delta(reasoning="m."), delta("<think>So."), delta("</think>\n\nYes"))
    assert decoded(stream) == [ReasoningEvent("Hm"), ReasoningEvent("m."), ReasoningEvent("So."), TextEvent("Yes")]


def test_a_tool_call_in_parts_is_one_event() -> None:
    def part(arguments: str, **more: object) -> dict[str, object]:
        return delta(tool_calls=[{"index": 0, "function": {"arguments": arguments, **more}, "id": "a"}])

    stream = sse(part("", name="weather"), part('{"city":'), part('"Ulm"}'), delta(None, "tool_calls"))
    assert decoded(stream) == [ToolCallEvent(ToolCall("a", "weather", '{"city":"Ulm"}'))]


def test_two_tool_calls_of_either_dialect_are_two_events() -> None:
    openai = [{"index": n, "id": f"call_{n}", "function": {"name": f"f{n}", "arguments": "{}"}} for n in (0, 1)]
    native = [{"name": f"f{n}", "arguments": {}} for n in (0, 1)]
    wanted = [ToolCallEvent(ToolCall(f"call_{n}", f"f{n}", "{}")) for n in (0, 1)]
    assert decoded(sse(delta(tool_calls=openai[:1]), delta(tool_calls=openai[1:]))) == wanted
    assert decoded(sse({"tool_calls": native})) == wanted


def test_an_error_in_mid_stream_comes_after_the_text_before_it() -> None:
    decoder = ChatDecoder()
    events: list[Event] = []
    with pytest.raises(MalformedError, match="Capacity"):
        decoder.feed(sse(delta("Hi"), {"error": {"message": "Capacity exceeded"}}), events)
    assert events == [TextEvent("Hi")]


def test_a_whole_json_answer_is_one_text_and_its_usage() -> None:
    body = json.dumps(
        {
            "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2},
        }
    ).encode()
    for place in range(len(body)):
        assert decoded(body[:place], body[place:]) == [TextEvent("Hi"), UsageEvent(Usage(1, 2))]


@pytest.mark.parametrize(
    "stream",
    [
        b"<html><body>Bad gateway</body></html>",
        b"data: {no json\n\ndata: [DONE]\n\n",
        b"data: \xff\xfe\n\n",
        b'{"choices": [',
        b"data: " + b"[" * 200_000 + b"\n\n",
        b"data: x" + b"x" * LARGEST_LINE,
    ],
)
def test_what_is_no_stream_is_malformed(stream: bytes) -> None:
    with pytest.raises(MalformedError):
        decoded(stream)


def test_a_stream_without_end_is_cut_off() -> None:
    line = sse(delta("x" * 1000), done=False)
    with pytest.raises(MalformedError, match="more than"):
        decoded(*(line for _ in range(20_000)))


PIECES = (
    b"data: ", b"\n\n", b"\r\n", b"[DONE]", b'{"choices":[{"delta":{"content":"Hi"}}]}', b'{"response":1}', b"{", b"}",
    b"null", b'{"choices":[null]}', b'{"choices":[{"delta":[]}]}', b'{"choices":{"a":1}}', b'{"error":{}}', b"<think>",
    b'{"choices":[{"delta":{"tool_calls":[{"index":{}}, 3, {"function": 4, "index": null}]}}]}', b"\xff", b": c\n",
    b'{"tool_calls":{"a":1}}', b'{"usage":[1]}', b'{"usage":{"prompt_tokens":"x"}}', b'{"response":{"a":[1]}}',
    b'{"choices":[{"index":[],"delta":{"content":[{"text":5}, 3]}}]}', b'{"error":"x"}', b"x" * 50,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(500))
def test_a_malformed_stream_ends_in_events_or_in_our_error(seed: int) -> None:
    chance = random.Random(seed)
    decoder = ChatDecoder()
    events: list[Event] = []
    try:
        for _ in range(chance.randint(1, 30)):
            decoder.feed(chance.choice(PIECES), events)
        decoder.finish(events)
    except MalformedError:
        pass
    assert "".join(event.text for event in events if isinstance(event, TextEvent)) == decoder.text


@given(st.text(alphabet="<>/think ab", max_size=60), st.lists(st.integers(0, 60), max_size=6))
def test_thoughts_are_found_however_the_text_is_cut(text: str, places: list[int]) -> None:
    own = ThinkingFilter()
    cuts = sorted({0, len(text), *(place for place in places if place < len(text))})
    pieces = [own.feed(text[start:end]) for start, end in itertools.pairwise(cuts)]
    pieces.append(own.flush())
    whole = ThinkingFilter()
    expected = [whole.feed(text), whole.flush()]
    assert "".join(said for said, _ in pieces) == "".join(said for said, _ in expected)
    assert "".join(thought for _, thought in pieces) == "".join(thought for _, thought in expected)


@given(st.text(alphabet="<>/think ab", max_size=60))
def test_no_whole_thought_stays_in_an_answer(text: str) -> None:
    said, _ = split_thinking(f"a<think>{text}</think>b")
    assert "<think>" not in said


def test_an_event_of_very_many_lines_is_read_once_and_ends_at_a_limit() -> None:
    decoder, began = ChatDecoder(), time.process_time()
    with pytest.raises(MalformedError, match="an event of more than"):
        decoder.feed(b"data: [\n" + b"data: 1,\n" * 600_000, [])
    assert time.process_time() - began < 3


def test_half_a_character_becomes_one_that_can_be_printed() -> None:
    events: list[Event] = []
    ChatDecoder().feed(json.dumps(delta("a\ud800b")).join(["data: ", "\n\n"]).encode(), events)
    assert events == [TextEvent("a\ufffdb")]


@pytest.mark.parametrize("index", [0, None, "0", -1, [], "first"])
def test_the_first_choice_is_found_however_its_place_is_spelled(index: object) -> None:
    chunk = {"choices": [{"index": index, "delta": {"content": "A"}}]}
    assert decoded(sse(chunk)) == [TextEvent("A")]


@pytest.mark.parametrize("index", [1, "1", 1.0])
def test_another_choice_does_not_hide_the_first_behind_it(index: object) -> None:
    other, first = {"index": index, "delta": {"content": "B"}}, {"index": 0, "delta": {"content": "A"}}
    assert decoded(sse({"choices": [other, first]})) == [TextEvent("A")]


@pytest.mark.parametrize("beside", [{}, {"delta": {}}, {"delta": None}, {"delta": {"content": ""}}])
def test_a_whole_message_at_the_end_doubles_nothing(beside: dict[str, object]) -> None:
    call = {"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "Hello", "reasoning": "Hm", "tool_calls": [call]}
    last = {"choices": [{"index": 0, "message": message, "finish_reason": "stop", **beside}]}
    stream = sse(delta(reasoning="Hm"), delta("Hel"), delta("lo"), delta(tool_calls=[call]), last)
    told = ToolCallEvent(ToolCall("a", "f", "{}"))
    assert decoded(stream) == [ReasoningEvent("Hm"), TextEvent("Hel"), TextEvent("lo"), told]


@pytest.mark.parametrize("beside", [{}, {"delta": {}}, {"delta": None}])
def test_a_whole_message_is_the_text_where_nothing_came_before(beside: dict[str, object]) -> None:
    chunk = {"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop", **beside}]}
    assert decoded(sse(chunk)) == [TextEvent("Hello")]


def half(content: str) -> list[dict[str, object]]:
    """The same part of a text, a thought and a tool call, each in a chunk of its own."""
    call = {"index": 0, "function": {"name": content, "arguments": content}}
    return [delta(content), delta(reasoning=content), delta(tool_calls=[call])]


def test_a_character_that_is_cut_over_two_chunks_is_joined() -> None:
    pairs = zip(half("\ud83d"), half("\ude00"), strict=True)
    lines = [f"data: {json.dumps(chunk)}\n\n" for pair in pairs for chunk in pair]
    stream = "".join([*lines, "data: [DONE]\n\n"]).encode()
    told = [event for event in decoded(stream) if event not in (TextEvent(""), ReasoningEvent(""))]
    assert told == [TextEvent("😀"), ReasoningEvent("😀"), ToolCallEvent(ToolCall("call_0", "😀", "😀"))]


def test_half_a_character_that_stays_alone_is_replaced_at_the_end() -> None:
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in half("a\ud83d")]
    stream = "".join([*lines, "data: [DONE]\n\n"]).encode()
    events = decoded(stream)
    assert "".join(event.text for event in events if isinstance(event, TextEvent)) == "a\ufffd"
    assert "".join(event.text for event in events if isinstance(event, ReasoningEvent)) == "a\ufffd"
    assert ToolCallEvent(ToolCall("call_0", "a\ufffd", "a\ufffd")) in events
