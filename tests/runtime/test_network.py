"""Servers that misbehave on the socket: the client answers with its own errors, and never waits beyond the deadline."""

import asyncio
import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import (
    AnsweredNoError,
    AsyncClient,
    BrokenAnswerError,
    CallError,
    Client,
    ConnectionFailedError,
    DeadlineError,
    Settings,
    StreamInterruptedError,
)
from tests.runtime.test_decoder import delta, sse
from tests.runtime.world import TOKEN, completion

pytestmark = pytest.mark.http
Conversation = Callable[[socket.socket], None]


@contextmanager
def serving(conversation: Conversation) -> Iterator[Settings]:
    """A server that reads one request on each connection, and then does as it is told."""

    def converse(connection: socket.socket) -> None:
        with connection:
            try:
                connection.recv(65536)
                conversation(connection)
            except OSError:
                pass  # the client has hung up

    def accept() -> None:
        while True:
            try:
                connection, _ = bound.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as bound:
        threading.Thread(target=accept, daemon=True).start()
        yield Settings("account", TOKEN, f"http://127.0.0.1:{bound.getsockname()[1]}/v1")
        bound.shutdown(socket.SHUT_RDWR)


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def drip(connection: socket.socket, content: bytes) -> None:
    for place in range(len(content)):
        connection.sendall(content[place : place + 1])
        time.sleep(0.02)


def silence(connection: socket.socket) -> None:
    time.sleep(3)


def drip_headers(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\n" + b"x-slow: yes\r\n" * 1000)


def drip_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    drip(connection, b" " * 1_000_000)


def half_a_body(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
    time.sleep(3)


@pytest.mark.parametrize("conversation", [silence, drip_headers, drip_body, half_a_body])
def test_no_wait_goes_beyond_the_deadline(config: CompiledConfig, conversation: Conversation) -> None:
    with serving(conversation) as settings, Client(config, settings) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            client.ask("sprinter", "Hi", deadline_ms=250)
        assert time.monotonic() - started < 0.6


@pytest.mark.parametrize("conversation", [silence, drip_headers, drip_body, half_a_body])
def test_no_wait_goes_beyond_the_deadline_in_asyncio(config: CompiledConfig, conversation: Conversation) -> None:
    async def asking(settings: Settings) -> None:
        async with AsyncClient(config, settings) as client:
            with pytest.raises(DeadlineError):
                await client.ask("sprinter", "Hi", deadline_ms=250)

    with serving(conversation) as settings:
        started = time.monotonic()
        asyncio.run(asking(settings))
        assert time.monotonic() - started < 0.8


@pytest.mark.parametrize("conversation", [silence, drip_headers, drip_body])
def test_no_stream_goes_beyond_the_deadline(config: CompiledConfig, conversation: Conversation) -> None:
    with serving(conversation) as settings, Client(config, settings) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            list(client.stream("sprinter", "Hi", deadline_ms=250))
        assert time.monotonic() - started < 0.6


ANSWER = json.dumps(completion()).encode()
PAGE = b"<html><body>502 Bad Gateway</body></html>"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def saying(content: bytes) -> Conversation:
    return lambda connection: connection.sendall(content)


@pytest.mark.parametrize(
    ("conversation", "error"),
    [
        (saying(b""), ConnectionFailedError),
        (saying(b"\x16\x03\x01 this is no HTTP\r\n\r\n"), ConnectionFailedError),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{"), ConnectionFailedError),
        (saying(b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"), ConnectionFailedError),
        (saying(b"HTTP/1.1 200 OK\r\n" + b"x: " + b"y" * 200_000), ConnectionFailedError),
        (saying(reply(PAGE, "content-type: text/html")), BrokenAnswerError),
        (saying(reply(PAGE, "content-type: text/html", status="502 Bad Gateway")), AnsweredNoError),
        (saying(reply(b"no gzip", "content-encoding: gzip")), BrokenAnswerError),
        (saying(reply(gzip.compress(b" " * 200_000_000), "content-encoding: gzip")), BrokenAnswerError),
        (saying(reply(b'{"a": "' + b"x" * 50_000_000 + b'"}')), BrokenAnswerError),
        (saying(reply(ANSWER[:-20])), BrokenAnswerError),
    ],
)
def test_whatever_a_server_says_ends_in_one_of_our_errors(
    config: CompiledConfig, conversation: Conversation, error: type[CallError]
) -> None:
    with serving(conversation) as settings, Client(config, settings) as client, pytest.raises(error) as caught:
        client.ask("sprinter", "Hi")
    assert caught.value.trace in str(caught.value)
    assert len(str(caught.value)) < 600


def test_a_stream_that_is_cut_off_on_the_wire_keeps_what_came(config: CompiledConfig) -> None:
    chunk = sse(delta("Hello"), done=False)
    content = STREAM_HEAD + f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n"
    with serving(saying(content)) as settings, Client(config, settings) as client:
        with pytest.raises(StreamInterruptedError) as caught:
            list(client.stream("sprinter", "Hi"))
        assert caught.value.received == "Hello"


def test_a_gzipped_answer_is_read(config: CompiledConfig) -> None:
    zipped = saying(reply(gzip.compress(ANSWER), "content-encoding: gzip"))
    with serving(zipped) as settings, Client(config, settings) as client:
        assert client.ask("sprinter", "Hi").text == "Hello."
