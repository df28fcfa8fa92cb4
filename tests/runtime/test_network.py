"""Servers that misbehave on the socket: the client answers with its own errors, and never waits beyond the deadline."""

import asyncio
import gzip
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpcore
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
from gateway_config.runtime.sending.call import Until, now
from gateway_config.runtime.sending.transport import _Connection
from tests.faults.client_certificates import certificate_of
from tests.runtime.test_decoder import delta, sse
from tests.runtime.world import TOKEN, completion

pytestmark = pytest.mark.http
Conversation = Callable[[socket.socket], None]


@contextmanager
def serving(conversation: Conversation, certificate: ssl.SSLContext | None = None) -> Iterator[Settings]:
    """A server that reads one request on each connection, and then does as it is told; encrypted by a certificate."""

    def converse(connection: socket.socket) -> None:
        try:
            with certificate.wrap_socket(connection, server_side=True) if certificate else connection as spoken:
                spoken.recv(65536)
                conversation(spoken)
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
        scheme = "http" if certificate is None else "https"
        yield Settings("account", TOKEN, f"{scheme}://127.0.0.1:{bound.getsockname()[1]}/v1")
        bound.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="session")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new key with a certificate for 127.0.0.1 that it has signed itself, in one file."""
    return certificate_of(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@pytest.fixture
def certificate(own_certificate: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """What a server proves itself by; the client believes it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(own_certificate)
    return context


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"content-length: {len(body)}", "connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


def drip(connection: socket.socket, content: bytes) -> None:
    for place in range(len(content)):
        connection.sendall(content[place : place + 1])
        time.sleep(0.02)


def silence(connection: socket.socket) -> None:
    time.sleep(3)


def read_slowly(connection: socket.socket) -> None:
    """6 MB a second: too slow for the whole, yet no single write waits long."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)  # else the system takes most of it for us
    while connection.recv(65536):
        time.sleep(0.01)


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


# More than the buffers between the two ends take.
LARGE = "x" * 20_000_000


def test_a_peer_that_reads_slowly_is_not_written_to_beyond_the_deadline(config: CompiledConfig) -> None:
    with serving(read_slowly) as settings, Client(config, settings) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            client.ask("sprinter", LARGE, deadline_ms=600)
        assert time.monotonic() - started < 1.2


def test_a_peer_that_reads_slowly_is_not_written_to_beyond_the_deadline_in_asyncio(config: CompiledConfig) -> None:
    async def asking(settings: Settings) -> None:
        async with AsyncClient(config, settings) as client:
            with pytest.raises(DeadlineError):
                await client.ask("sprinter", LARGE, deadline_ms=600)

    with serving(read_slowly) as settings:
        started = time.monotonic()
        asyncio.run(asking(settings))
        assert time.monotonic() - started < 1.4


@pytest.mark.parametrize(("conversation", "text"), [(read_slowly, LARGE), (drip_body, "Hi"), (silence, "Hi")])
def test_an_encrypted_connection_keeps_the_deadline_too(
    config: CompiledConfig, conversation: Conversation, text: str, certificate: ssl.SSLContext
) -> None:
    with serving(conversation, certificate) as settings, Client(config, settings) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            client.ask("sprinter", text, deadline_ms=600)
        assert time.monotonic() - started < 1.2


@pytest.mark.usefixtures("certificate")
def test_a_handshake_keeps_the_deadline_too(config: CompiledConfig) -> None:
    """A peer that takes the connection, and then says a part of a TLS record byte by byte."""

    def handshake(connection: socket.socket) -> None:
        drip(connection, b"\x16\x03\x03\x40\x00" + b"\x02" * 1000)

    with serving(handshake) as settings:
        encrypted = replace(settings, url=settings.url.replace("http://", "https://"))
        with Client(config, encrypted) as client:
            started = time.monotonic()
            with pytest.raises(DeadlineError):
                client.ask("sprinter", "Hi", deadline_ms=250)
            assert time.monotonic() - started < 0.6


def test_a_name_that_nobody_knows_is_not_waited_for_beyond_the_deadline(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: object, **__: object) -> list[Any]:
        time.sleep(2)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", unanswered)
    with Client(config, Settings("account", TOKEN, "http://localhost:1/v1")) as client:
        started = time.monotonic()
        with pytest.raises(DeadlineError):
            client.ask("sprinter", "Hi", deadline_ms=250)
        assert time.monotonic() - started < 0.6


def test_the_next_address_of_a_name_is_tried(config: CompiledConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = socket.getaddrinfo

    def known(host: str, *more: Any, **named: Any) -> list[Any]:
        addresses = ("127.0.0.2", "127.0.0.1") if host == "localhost" else (host,)
        return [found for address in addresses for found in asked(address, *more, **named)]

    with serving(saying(reply(ANSWER))) as settings:
        monkeypatch.setattr(socket, "getaddrinfo", known)
        named = replace(settings, url=settings.url.replace("127.0.0.1", "localhost"))
        with Client(config, named) as client:
            assert client.ask("sprinter", "Hi").text == "Hello."


@pytest.mark.parametrize("host", ["nowhere.invalid", "x" * 64 + ".test"])
def test_a_name_that_does_not_exist_is_a_failed_connection(
    config: CompiledConfig, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(host: str | bytes, *_: object, **__: object) -> list[Any]:
        if isinstance(host, str):
            host.encode("idna")  # as the real one does, which fails for a label that is too long
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    settings = Settings("account", TOKEN, f"https://{host}/v1")
    with Client(config, settings) as client, pytest.raises(ConnectionFailedError, match=host[:20]):
        client.ask("sprinter", "Hi")

    async def asking() -> None:
        async with AsyncClient(config, settings) as client:
            with pytest.raises(ConnectionFailedError, match=host[:20]):
                await client.ask("sprinter", "Hi")

    asyncio.run(asking())


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


def stray_answer(connection: socket.socket) -> None:
    """Each request gets its answer, and one that nobody asked for."""
    number = 0
    while True:
        number += 1
        own, stray = (json.dumps(completion(text)).encode() for text in (f"{number}", "of somebody else"))
        connection.sendall(b"".join(reply(body).replace(b"connection: close\r\n", b"") for body in (own, stray)))
        if not connection.recv(65536):
            return


def test_what_a_peer_says_beyond_its_answer_answers_no_other_call(config: CompiledConfig) -> None:
    with serving(stray_answer) as settings, Client(config, settings) as client:
        assert [client.ask("sprinter", "Hi").text for _ in range(3)] == ["1", "1", "1"]


def test_what_a_peer_says_beyond_its_answer_answers_no_other_call_in_asyncio(config: CompiledConfig) -> None:
    async def asking(settings: Settings) -> list[str]:
        async with AsyncClient(config, settings) as client:
            return [(await client.ask("sprinter", "Hi")).text for _ in range(3)]

    with serving(stray_answer) as settings:
        assert asyncio.run(asking(settings)) == ["1", "1", "1"]


def test_a_connection_whose_time_is_over_before_it_is_encrypted_is_closed() -> None:
    class Stream(httpcore.NetworkStream):
        closed = False

        def close(self) -> None:
            self.closed = True

    own = Stream()
    with pytest.raises(httpcore.ConnectTimeout):
        _Connection(own).start_tls(ssl.create_default_context(), "gateway.test", Until(5.0, now() - 1))
    assert own.closed
