"""Streams through the client: events, their end, and every way of breaking off."""

import asyncio
import gc
import threading
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    CallError,
    DeadlineError,
    DoneEvent,
    Event,
    InputError,
    NoModelAnsweredError,
    StreamInterruptedError,
    TextEvent,
    UsageEvent,
)
from tests.runtime.test_decoder import OPENAI, delta, sse
from tests.runtime.world import GEMMA, TOKEN, Gateway, answering, gateway_error

HEADERS = {"content-type": "text/event-stream", "cf-aig-provider": "workers-ai", "cf-aig-model": GEMMA}


class Parts(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body of these parts; an exception among them is raised there."""

    def __init__(self, *parts: bytes | Exception, pause_s: float = 0) -> None:
        self.parts, self.pause_s, self.closed = parts, pause_s, False

    def __iter__(self) -> Iterator[bytes]:
        for part in self.parts:
            time.sleep(self.pause_s)
            if isinstance(part, Exception):
                raise part
            yield part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            await asyncio.sleep(self.pause_s)
            if isinstance(part, Exception):
                raise part
            yield part

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def streaming(*parts: bytes | Exception, pause_s: float = 0) -> tuple[Gateway, Parts]:
    body = Parts(*parts, pause_s=pause_s)
    return Gateway(lambda request: httpx.Response(200, stream=body, headers=HEADERS)), body


def test_a_stream_is_events_and_ends_with_the_whole_answer(config: CompiledConfig) -> None:
    gateway, _ = streaming(OPENAI)
    *events, done = gateway.client(config).stream("sage", "Hi")
    assert [event.text for event in events if isinstance(event, TextEvent)] == ["Grüß", " dich", " 🌊"]
    assert isinstance(events[-1], UsageEvent)
    assert isinstance(done, DoneEvent)
    assert (done.answer.text, done.answer.finish_reason) == ("Grüß dich 🌊", "stop")
    assert done.answer.cost_usd is not None
    assert done.answer.served_by.arm == "thinker"


def test_the_request_asks_for_a_stream_with_usage(config: CompiledConfig) -> None:
    gateway, _ = streaming(OPENAI)
    list(gateway.client(config).stream("sage", "Hi"))
    assert gateway.bodies[0]["stream"] is True
    assert gateway.bodies[0]["stream_options"] == {"include_usage": True}


def test_the_time_to_the_first_token_is_known(config: CompiledConfig) -> None:
    gateway, _ = streaming(OPENAI, pause_s=0.01)
    *_, done = gateway.client(config).stream("sage", "Hi")
    assert isinstance(done, DoneEvent)
    timing = done.answer.timing
    assert timing.first_token_ms is not None
    assert 10 <= timing.first_token_ms <= timing.total_ms


def test_an_unstreamed_answer_is_one_text_and_done(config: CompiledConfig) -> None:
    events = list(Gateway(answering(model=GEMMA)).client(config).stream("sage", "Hi"))
    assert [event.type for event in events] == ["text", "usage", "done"]


def test_an_input_error_comes_before_the_first_event_is_asked_for(config: CompiledConfig) -> None:
    with pytest.raises(InputError):
        Gateway().client(config).stream("sage", "")


def test_a_refusal_is_raised_at_the_first_event(config: CompiledConfig) -> None:
    stream = Gateway(gateway_error(400, 2005, "No")).client(config).stream("sage", "Hi")
    with pytest.raises(NoModelAnsweredError):
        next(stream)


def test_a_connection_that_fails_before_the_stream_is_tried_again(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.ConnectError("no"), httpx.Response(200, content=OPENAI, headers=HEADERS))
    *_, done = gateway.client(config).stream("sage", "Hi")
    assert isinstance(done, DoneEvent)
    assert done.answer.trace.endswith(".2")


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (httpx.ReadError("reset"), "the connection broke"),
        (httpx.RemoteProtocolError("incomplete chunked read"), "the connection broke"),
        (sse({"error": {"message": "Capacity exceeded"}}), "Capacity exceeded"),
        (b"<html>oh</html>\n", "a page instead of a stream"),
        (b"", "no end of it"),
    ],
)
def test_a_broken_stream_tells_what_was_received_and_is_not_restarted(
    config: CompiledConfig, end: bytes | Exception, reason: str
) -> None:
    gateway, body = streaming(sse(delta("One"), delta(" two"), done=False), end)
    seen: list[Event] = []
    with pytest.raises(StreamInterruptedError, match=reason) as caught:
        seen.extend(gateway.client(config).stream("sage", "Hi"))
    assert caught.value.received == "One two"
    assert len(gateway.requests) == 1
    assert caught.value.attempts[0].outcome == "StreamInterruptedError"
    assert body.closed


def test_the_text_before_an_error_in_the_same_bytes_is_not_lost(config: CompiledConfig) -> None:
    gateway, _ = streaming(sse(delta("One"), {"error": {"message": "Oh"}}))
    seen: list[Event] = []
    with pytest.raises(StreamInterruptedError):
        seen.extend(gateway.client(config).stream("sage", "Hi"))
    assert seen == [TextEvent("One")]


def test_a_stream_that_is_too_slow_ends_at_the_deadline_with_what_came(config: CompiledConfig) -> None:
    gateway, _ = streaming(*(sse(delta("x"), done=False) for _ in range(1000)), pause_s=0.005)
    with pytest.raises(DeadlineError) as caught:
        list(gateway.client(config).stream("sage", "Hi", deadline_ms=500))
    assert set(caught.value.received) == {"x"}


def test_leaving_a_loop_early_ends_the_connection(config: CompiledConfig) -> None:
    gateway, body = streaming(OPENAI)
    for _ in gateway.client(config).stream("sage", "Hi"):
        break
    gc.collect()
    assert body.closed


def test_a_with_block_ends_the_connection(config: CompiledConfig) -> None:
    gateway, body = streaming(OPENAI)
    with gateway.client(config).stream("sage", "Hi") as stream:
        next(stream)
    assert body.closed


def test_a_stream_that_nobody_reads_sends_nothing(config: CompiledConfig) -> None:
    gateway, _ = streaming(OPENAI)
    gateway.client(config).stream("sage", "Hi").close()
    assert gateway.requests == []


def test_a_token_in_a_broken_stream_is_hidden(config: CompiledConfig) -> None:
    gateway, _ = streaming(sse({"error": {"message": f"bad {TOKEN}"}}))
    with pytest.raises(CallError) as caught:
        list(gateway.client(config).stream("sage", "Hi"))
    assert TOKEN not in str(caught.value)


def test_the_async_client_streams_the_same_events(config: CompiledConfig) -> None:
    async def events(parts: tuple[bytes | Exception, ...]) -> list[Event]:
        gateway, _ = streaming(*parts)
        return [event async for event in gateway.async_client(config).stream("sage", "Hi")]

    types = [event.type for event in asyncio.run(events((OPENAI,)))]
    assert types == ["text", "text", "text", "usage", "done"]
    with pytest.raises(StreamInterruptedError):
        asyncio.run(events((sse(delta("One"), done=False), httpx.ReadError("reset"))))


def test_an_async_stream_ends_at_the_deadline_and_closes(config: CompiledConfig) -> None:
    async def reading() -> bool:
        gateway, body = streaming(OPENAI, pause_s=5)
        with pytest.raises(DeadlineError):
            async for _ in gateway.async_client(config).stream("sage", "Hi", deadline_ms=50):
                pass
        return body.closed

    assert asyncio.run(reading())


def test_an_async_with_block_ends_the_connection(config: CompiledConfig) -> None:
    async def reading() -> bool:
        gateway, body = streaming(OPENAI)
        async with gateway.async_client(config).stream("sage", "Hi") as stream:
            await anext(stream)
        return body.closed

    assert asyncio.run(reading())


def test_a_stream_that_another_thread_reads_is_not_closed_and_says_who_may(config: CompiledConfig) -> None:
    gateway, body = streaming(OPENAI, pause_s=0.2)
    stream, types = gateway.client(config).stream("sage", "Hi"), list[str]()
    reader = threading.Thread(target=lambda: types.extend(event.type for event in stream))
    reader.start()
    time.sleep(0.05)
    with pytest.raises(InputError, match="closed by who reads it"):
        stream.close()
    reader.join()
    assert (types[-1], body.closed) == ("done", True)


def test_an_async_stream_that_another_task_reads_is_not_closed_either(config: CompiledConfig) -> None:
    async def reading() -> None:
        gateway, _ = streaming(OPENAI, pause_s=0.2)
        stream = gateway.async_client(config).stream("sage", "Hi")
        reader = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.05)
        with pytest.raises(InputError, match="closed by who reads it"):
            await stream.close()
        assert (await reader).type == "text"
        await stream.close()

    asyncio.run(reading())
