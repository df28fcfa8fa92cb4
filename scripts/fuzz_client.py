"""Malformed streams in any number: each ends in events or in one of our errors, and no text is lost or doubled.

    python scripts/fuzz_client.py [--streams 100000] [--seed 0]

The tests run five hundred of these; a failure prints the seed that repeats it.
"""

from __future__ import annotations

import argparse
import random
import time
from collections import Counter

from gateway_config.runtime.chat import MalformedError
from gateway_config.runtime.decoder import ChatDecoder
from gateway_config.runtime.events import Event, TextEvent

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
)


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


def decoded(chance: random.Random, content: bytes) -> str:
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
    return end


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--streams", type=int, default=100_000)
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    ends: Counter[str] = Counter()
    started = time.perf_counter()
    for seed in range(chosen.seed, chosen.seed + chosen.streams):
        chance = random.Random(seed)
        content = stream_of(chance)
        try:
            ends[decoded(chance, content)] += 1
        except Exception as error:
            sentence = f"seed {seed}: {type(error).__name__}: {error}; repeat it with --seed {seed} --streams 1"
            raise SystemExit(sentence) from error
    seconds = time.perf_counter() - started
    print(f"{chosen.streams:,} streams in {seconds:.1f} s: {ends['ended']:,} ended, {ends['refused']:,} refused")


if __name__ == "__main__":
    main()
