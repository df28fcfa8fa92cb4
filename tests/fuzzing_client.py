"""Odd and malformed streams in any number: each ends in events or in one of our errors; no text is lost or doubled.

    scripts/fuzz client [--streams 100000] [--seed 0]

The tests run five hundred of these; a failure prints the seed that repeats it.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections import Counter

from gateway_config.runtime.bodies.chat import MalformedError
from gateway_config.runtime.bodies.decoder import ChatDecoder
from gateway_config.runtime.events import Event, TextEvent
from tests.counting import at_least_one

WHOLE = (
    b'data: {"choices":[{"index":0,"delta":{"content":"Gr\xc3\xbc\xc3\x9f"}}]}\n\n',
    b'data: {"response":" dich","p":"abc"}\r\n\r\n',
    b'data: {"choices":[{"delta":{"content":1}}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"<think>hm</think>"}}]}\n\n',
    b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{"}}]}}]}\n\n',
    b'data: {"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\n',
    b'data: {"error":{"message":"no"}}\n\n',
    b"data: [DONE]\n\n",
    b": comment\n\n",
    b"<html>",
    b'{"choices":[{"message":{"content":"Hi"}}]}',
    b'data: {"choices":[{"index":{},"delta":{"content":"a"}},{"index":"1","delta":{"content":"b"}}]}\n\n',
    b'data: {"choices":[{"index":null,"delta":{},"message":{"content":"whole"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n',
    b'data: {"response":"\\ude00"}\n\n',
    b'data: {"response":\n' + b"data: \n" * 40 + b'data: "many lines"}\n\n',
)
INDEXES = ("0", '"0"', "null", "0.0", "false")


def stream_of(chance: random.Random) -> bytes:
    """Some whole events, with bytes changed, lost, doubled or added."""
    content = bytearray(b"".join(chance.choice(WHOLE) for _ in range(chance.randint(0, 12))))
    for _ in range(chance.choice((0, 0, 1, 3, 10))):
        place = chance.randrange(len(content) + 1)
        kind = chance.randrange(3)
        if kind == 0:
            content[place:place] = bytes([chance.randrange(256)])
        elif kind == 1:
            del content[place : place + chance.randint(1, 8)]
        else:
            content[place:place] = content[place : place + chance.randint(1, 20)]
    return bytes(content)


def faithful(chance: random.Random) -> tuple[bytes, str]:
    """A whole stream that is oddly written, and its text: each part once, though the end says all of it again."""
    parts = [chance.choice(("Hel", "lo", " Gr\u00fc\u00df", "\U0001f600")) for _ in range(chance.randint(1, 8))]
    content = b"".join(_written(chance, part) for part in parts)
    text = "".join(parts)
    end = {"index": 0, "delta": {}, "finish_reason": "stop"}
    if chance.random() < 0.5:
        end["message"] = {"role": "assistant", "content": text}
    return content + f"data: {json.dumps({'choices': [end]})}\n\ndata: [DONE]\n\n".encode(), text


def _written(chance: random.Random, text: str) -> bytes:
    """Chunks that say a text: with its index in any spelling, cut within a character, or on many lines."""
    said = json.dumps(text)
    pieces = [said[:7] + '"', '"' + said[7:]] if "\\ud83d" in said else [said]
    way = chance.randrange(3)
    if way == 0:
        return b"".join(f'data: {{"response":{piece}}}\n\n'.encode() for piece in pieces)
    if way == 1:
        return b"".join(f'data: {{"response":\ndata:\ndata: {piece}\ndata: }}\n\n'.encode() for piece in pieces)
    index = chance.choice(INDEXES)
    other = '{"index":1,"delta":{"content":"other"}}'
    mine = (f'{{"index":{index},"delta":{{"content":{piece}}}}}' for piece in pieces)
    return b"".join(f'data: {{"choices":[{other},{one}]}}\n\n'.encode() for one in mine)


def decoded(chance: random.Random, content: bytes, wanted: str | None = None) -> str:
    """How a stream that is cut anywhere ends; raises AssertionError where its events are not its text."""
    decoder, events = ChatDecoder(), list[Event]()
    place, end = 0, "ended"
    try:
        while place < len(content):
            step = chance.randint(1, 40)
            decoder.feed(content[place : place + step], events)
            place += step
        decoder.finish(events)
    except MalformedError:
        end = "refused"
    text = "".join(event.text for event in events if isinstance(event, TextEvent))
    assert text == decoder.text, "events and text differ"
    assert wanted in (None, text), f"{text!r} instead of {wanted!r}"
    text.encode()  # half a character could be neither printed nor kept
    return end


def main() -> None:
    shape = argparse.RawDescriptionHelpFormatter
    arguments = argparse.ArgumentParser(prog="scripts/fuzz client", description=__doc__, formatter_class=shape)
    arguments.add_argument("--streams", type=at_least_one, default=100_000, help="how many to try (100000)")
    arguments.add_argument("--seed", type=int, default=0, help="the first seed; a stream is made by its seed alone")
    chosen = arguments.parse_args()
    ends: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in range(chosen.seed, chosen.seed + chosen.streams):
        chance = random.Random(seed)
        whole = chance.random() < 0.25
        content, wanted = faithful(chance) if whole else (stream_of(chance), None)
        try:
            ends[decoded(chance, content, wanted)] += 1
        except Exception as error:
            sentence = f"seed {seed}: {type(error).__name__}: {error}; repeat it with --seed {seed} --streams 1"
            raise SystemExit(sentence) from error
    seconds = time.perf_counter() - started
    print(f"{chosen.streams:,} streams in {seconds:.1f} s: {ends['ended']:,} ended, {ends['refused']:,} refused")


if __name__ == "__main__":
    main()
