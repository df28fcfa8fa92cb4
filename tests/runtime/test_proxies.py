"""Over TLS, and by the proxy that the environment names: it opens the way, and sees neither token nor question."""

import asyncio
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from gateway_config.compiled import CompiledConfig
from gateway_config.runtime import AsyncClient, Client, ConnectionFailedError, MissingSettingError, Settings
from tests.faults.client_certificates import certificate_of
from tests.runtime.test_processes import Gateway
from tests.runtime.world import TOKEN

HOST = "gateway.test"
SETTINGS = Settings("account", TOKEN, f"https://{HOST}/v1")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate_of(tmp_path_factory.mktemp("certificate") / "certificate.pem")


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Proxy(socketserver.ThreadingTCPServer):
    """Opens the way to one server, whatever host is named, and keeps all that it sees."""

    daemon_threads = True

    def __init__(self, to: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), Tunnel)
        self.to, self.asked, self.seen = to, b"", b""


class Tunnel(socketserver.BaseRequestHandler):
    server: Proxy

    def handle(self) -> None:
        asked = b""
        while b"\r\n\r\n" not in asked:
            asked += self.request.recv(4096)
        self.server.asked += asked
        with socket.create_connection(self.server.to) as other:
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            self.relay(other)

    def relay(self, other: socket.socket) -> None:
        while True:
            for end in select.select([self.request, other], [], [], 5)[0]:
                part = end.recv(65536)
                if not part:
                    return
                self.server.seen += part
                (other if end is self.request else self.request).sendall(part)


@pytest.fixture
def proxy(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    gateway = Gateway()
    gateway.socket = context.wrap_socket(gateway.socket, server_side=True)
    with serving(gateway), serving(tunnel := Proxy(("127.0.0.1", gateway.server_address[1]))):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        yield tunnel


def ask(config: CompiledConfig, asynchronous: bool) -> str:
    async def asking() -> str:
        async with AsyncClient(config, SETTINGS) as client:
            return (await client.ask("sprinter", "a secret question", tenant="acme")).text

    if asynchronous:
        return asyncio.run(asking())
    with Client(config, SETTINGS) as client:
        return client.ask("sprinter", "a secret question", tenant="acme").text


@pytest.mark.http
@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize("written", ["http://me:test-password@127.0.0.1:{}", "me:test-password@127.0.0.1:{}"])
def test_a_call_goes_by_the_proxy_which_sees_nothing_of_it(
    config: CompiledConfig, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, written: str, asynchronous: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", written.format(proxy.server_address[1]))
    assert ask(config, asynchronous) == "Hello."
    assert proxy.asked.startswith(f"CONNECT {HOST}:443 HTTP/1.1".encode())
    assert httpx.BasicAuth("me", "test-password")._auth_header.encode() in proxy.asked
    assert proxy.seen
    assert not any(word in proxy.asked + proxy.seen for word in (TOKEN.encode(), b"secret", b"Hello"))


@pytest.mark.http
@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_certificate_that_nobody_knows_ends_the_call(
    config: CompiledConfig, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, asynchronous: bool
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{proxy.server_address[1]}")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ConnectionFailedError, match="CERTIFICATE_VERIFY_FAILED"):
        ask(config, asynchronous)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("named", ["http://[::1", "socks5://127.0.0.1:1080", "ftp://proxy", "http://:3128", "\udcff"])
def test_a_proxy_that_is_none_is_a_missing_setting_and_is_not_shown(
    config: CompiledConfig, monkeypatch: pytest.MonkeyPatch, named: str, client: type[Client | AsyncClient]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", named)
    with pytest.raises(MissingSettingError, match="HTTPS_PROXY or ALL_PROXY is no proxy") as caught:
        client(config, SETTINGS)
    assert named not in str(caught.value)


@pytest.mark.parametrize("client", [Client, AsyncClient])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_read_are_a_missing_setting(
    config: CompiledConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str | None,
    client: type[Client | AsyncClient],
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(MissingSettingError, match="names no certificates that can be read"):
        client(config, SETTINGS)
