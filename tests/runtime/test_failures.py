"""What goes wrong ends in one of our errors, with the trace and a way on; only what reached no model is repeated."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.errors import GatewrightError, RefusedError, ServiceError, UnreachableError
from gateway_config.runtime import (
    AnsweredNoError,
    BlockedError,
    BrokenAnswerError,
    CallError,
    ConnectionFailedError,
    DeadlineError,
    GatewayMissingError,
    NoModelAnsweredError,
    RateLimitedError,
    RouteMissingError,
    UnauthorizedError,
)
from gateway_config.runtime.sending.retry import RetryBudget
from tests.runtime.world import TOKEN, Gateway, answering, gateway_error


def failing(config: CompiledConfig, gateway: Gateway, error: type[CallError], **options: object) -> CallError:
    with pytest.raises(error) as caught:
        gateway.client(config).ask("sprinter", "Hi", **options)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (gateway_error(400, 2001, "Please configure AI Gateway"), GatewayMissingError),
        (gateway_error(400, 2005, "Failed to get response from provider"), NoModelAnsweredError),
        (gateway_error(401, 2009, "Unauthorized"), UnauthorizedError),
        (gateway_error(424, 2016, "Prompt blocked"), BlockedError),
        (gateway_error(404, 0, "No such route"), RouteMissingError),
        (gateway_error(500, 0, "Oh"), AnsweredNoError),
        (httpx.Response(502, html="<html>Bad gateway</html>"), AnsweredNoError),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), AnsweredNoError),
    ],
)
def test_an_answer_that_says_no_has_its_own_error(
    config: CompiledConfig, answer: httpx.Response, error: type[CallError]
) -> None:
    raised = failing(config, Gateway(answer), error)
    assert type(raised) is error
    assert raised.status == answer.status_code
    assert raised.trace in str(raised)
    assert raised.exit_code == 3


def test_the_errors_are_those_of_the_house() -> None:
    assert issubclass(AnsweredNoError, RefusedError)
    assert issubclass(ConnectionFailedError, UnreachableError)
    assert issubclass(CallError, ServiceError)
    assert issubclass(CallError, GatewrightError)


def test_a_model_that_failed_is_not_asked_again(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(400, 2005, "Failed to get response from provider"))
    failing(config, gateway, NoModelAnsweredError)
    assert len(gateway.requests) == 1


def test_a_failed_connection_names_the_address(config: CompiledConfig) -> None:
    raised = failing(config, Gateway(httpx.ConnectError("refused")), ConnectionFailedError)
    assert "at gateway.test: refused" in str(raised)


def test_a_body_that_was_cut_does_not_question_the_address(config: CompiledConfig) -> None:
    class Cut(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield b"{"
            raise httpx.RemoteProtocolError("peer closed connection")

    gateway = Gateway(lambda request: httpx.Response(200, stream=Cut()))
    raised = failing(config, gateway, ConnectionFailedError)
    assert "GATEWRIGHT_URL" not in str(raised)
    assert "Try again." in str(raised)


def test_a_refused_token_is_said_to_be_refused(config: CompiledConfig) -> None:
    raised = failing(config, Gateway(gateway_error(401, 2009, "Unauthorized")), UnauthorizedError)
    assert str(raised).startswith('the gateway refused the route "quick-chat": Unauthorized (HTTP 401, code 2009)')


def test_a_refused_connection_is_tried_again_with_the_next_trace(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.ConnectError("refused"), answering())
    answer = gateway.client(config).ask("sprinter", "Hi")
    assert answer.trace.endswith(".2")
    assert [attempt.outcome for attempt in answer.attempts] == ["ConnectionFailedError", "ok"]
    traces = [metadata["trace"] for metadata in gateway.metadata]
    assert [trace.rpartition(".")[2] for trace in traces] == ["1", "2"]
    assert len({trace.rpartition(".")[0] for trace in traces}) == 1


def test_a_retry_keeps_the_bucket_though_nobody_is_named(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.ConnectError("refused"), answering())
    gateway.client(config).ask("sprinter", "Hi")
    assert gateway.metadata[0]["bucket"] == gateway.metadata[1]["bucket"]


def test_a_limit_of_the_gateway_is_tried_again(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(429, 2003, "Rate limited", retry_after="0"), answering())
    assert gateway.client(config).ask("sprinter", "Hi").text == "Hello."


def test_a_storm_of_429_ends_after_four_attempts(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(429, 2003, "Rate limited"))
    raised = failing(config, gateway, RateLimitedError)
    assert len(gateway.requests) == len(raised.attempts) == 4


def test_a_limit_of_a_model_is_not_tried_again(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.Response(429, json={"error": {"message": "Slow down", "type": "rate_limit"}}))
    failing(config, gateway, RateLimitedError)
    assert len(gateway.requests) == 1


def test_no_wait_begins_that_would_end_after_the_deadline(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(429, 2003, "Rate limited", retry_after="60"))
    started = time.monotonic()
    failing(config, gateway, RateLimitedError)
    assert time.monotonic() - started < 1
    assert len(gateway.requests) == 1


def test_a_refused_token_is_believed_the_second_time(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(401, 2009, "Unauthorized"))
    raised = failing(config, gateway, UnauthorizedError)
    assert len(gateway.requests) == 2
    assert "GATEWRIGHT_TOKEN" in str(raised)


def test_a_burst_that_was_answered_401_is_survived(config: CompiledConfig) -> None:
    gateway = Gateway(gateway_error(401, 2009, "Unauthorized"), answering())
    assert gateway.client(config).ask("sprinter", "Hi").text == "Hello."


def test_a_connection_that_broke_after_the_request_is_not_tried_again(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.RemoteProtocolError("Server disconnected without sending a response."))
    failing(config, gateway, ConnectionFailedError)
    assert len(gateway.requests) == 1


def test_retries_stay_within_a_tenth_of_the_requests(config: CompiledConfig) -> None:
    gateway = Gateway(httpx.ConnectError("refused"))
    client = gateway.client(config)
    for _ in range(100):
        with pytest.raises(ConnectionFailedError):
            client.ask("sprinter", "Hi")
    assert len(gateway.requests) <= 100 + 10 + 10


def test_a_budget_is_earned_by_requests() -> None:
    budget = RetryBudget(reserve=1, per_request=0.5)
    assert [budget.take(), budget.take()] == [True, False]
    budget.request()
    budget.request()
    assert budget.take()


def test_a_read_that_takes_too_long_is_the_deadline(config: CompiledConfig) -> None:
    def slow(request: httpx.Request) -> httpx.Response:
        time.sleep(request.extensions["timeout"]["read"])
        raise httpx.ReadTimeout("timed out", request=request)

    raised = failing(config, Gateway(slow), DeadlineError, deadline_ms=20)
    assert "within 20 ms" in str(raised)
    assert raised.attempts[0].outcome == "DeadlineError"


class Dripping(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes byte by byte, and never ends."""

    closed = False

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.005)
            yield b" "

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.005)
            yield b" "

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


def test_a_body_that_drips_for_ever_ends_at_the_deadline(config: CompiledConfig) -> None:
    body = Dripping()
    gateway = Gateway(lambda request: httpx.Response(200, stream=body))
    failing(config, gateway, DeadlineError, deadline_ms=60)
    assert body.closed


def test_a_body_that_drips_for_ever_ends_at_the_deadline_in_asyncio(config: CompiledConfig) -> None:
    async def asking() -> None:
        body = Dripping()
        client = Gateway(lambda request: httpx.Response(200, stream=body)).async_client(config)
        with pytest.raises(DeadlineError):
            await client.ask("sprinter", "Hi", deadline_ms=60)
        assert body.closed

    asyncio.run(asking())


def test_a_cancelled_task_is_cancelled_and_its_response_closed(config: CompiledConfig) -> None:
    async def asking() -> bool:
        body = Dripping()
        client = Gateway(lambda request: httpx.Response(200, stream=body)).async_client(config)
        task = asyncio.create_task(client.ask("sprinter", "Hi"))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return body.closed

    assert asyncio.run(asking())


def test_ctrl_c_passes_through(config: CompiledConfig) -> None:
    def interrupted(request: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Gateway(interrupted).client(config).ask("sprinter", "Hi")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>hello</html>",
        b"[1]",
        b'{"a": 1}',
        b'{"choices": []}',
        b'{"choices": "x"}',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
)
def test_an_answer_in_no_known_form_is_broken(config: CompiledConfig, body: bytes) -> None:
    raised = failing(config, Gateway(httpx.Response(200, content=body)), BrokenAnswerError)
    assert raised.trace in str(raised)
    assert len(str(raised)) < 500


def test_an_answer_that_is_too_large_is_not_read_to_its_end(config: CompiledConfig) -> None:
    def large(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"x" * 17_000_000))

    assert "larger than" in str(failing(config, Gateway(large), BrokenAnswerError))


def test_a_broken_encoding_is_a_broken_answer(config: CompiledConfig) -> None:
    def broken(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"no gzip"), headers={"content-encoding": "gzip"})

    failing(config, Gateway(broken), BrokenAnswerError)


def test_a_token_that_an_answer_repeats_is_hidden(config: CompiledConfig) -> None:
    raised = failing(config, Gateway(gateway_error(400, 1, f"bad token {TOKEN}")), AnsweredNoError)
    assert TOKEN not in str(raised)
    raised = failing(config, Gateway(httpx.Response(200, content=TOKEN.encode())), BrokenAnswerError)
    assert TOKEN not in str(raised)


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "x-gzip"])
def test_an_answer_that_is_packed_otherwise_than_was_asked_for_is_not_unpacked(
    config: CompiledConfig, coding: str
) -> None:
    class Bomb(httpx.SyncByteStream, httpx.AsyncByteStream):
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            raise AssertionError("it is read")

        async def __aiter__(self) -> AsyncIterator[bytes]:
            raise AssertionError("it is read")
            yield b""

        def close(self) -> None:
            Bomb.closed += 1

        async def aclose(self) -> None:
            Bomb.closed += 1

    gateway = Gateway(lambda request: httpx.Response(200, headers={"content-encoding": coding}, stream=Bomb()))
    failing(config, gateway, BrokenAnswerError)
    with pytest.raises(BrokenAnswerError):
        asyncio.run(gateway.async_client(config).ask("sprinter", "Hi"))
    assert Bomb.closed == 2


def test_a_token_that_may_not_is_told_what_it_needs(config: CompiledConfig) -> None:
    raised = failing(config, Gateway(gateway_error(403, 10000, "Authentication error")), UnauthorizedError)
    assert "Check that the token has the permission AI Gateway Run" in str(raised)
