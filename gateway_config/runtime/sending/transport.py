"""The network for blocking calls: httpcore's pool, in which all waits of a call end at one moment.

A plain time limit starts anew with each read and each write, so a server that sends or takes a byte now and then would
be waited for for ever. (asyncio needs none of this: a task can be stopped from outside.)
"""

from __future__ import annotations

import codecs
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

import httpcore
import httpx

from gateway_config.runtime.sending.call import Until
from gateway_config.runtime.sending.shards import EACH, Shards

# The first connection would import this; a process that forks in just that moment leaves a lock held in its child.
codecs.lookup("idna")
# Each piece of a body that is sent gets the time that is left; a TLS record holds no more than this.
_AT_ONCE = 16_384


class Network(httpx.BaseTransport):
    """Connections for blocking calls; requests carry their limits as `extensions["timeout"]`, as for any transport."""

    def __init__(self, ssl_context: ssl.SSLContext | None, keepalive_s: float, proxy: httpx.Proxy | None) -> None:
        self._common: dict[str, Any] = {
            "ssl_context": ssl_context,
            "max_connections": EACH,
            "keepalive_expiry": keepalive_s,
            "network_backend": _Backend(),
        }
        self._proxy = proxy
        self._shards = Shards(self._pool)

    def _pool(self) -> httpcore.ConnectionPool:
        if self._proxy is None:
            return httpcore.ConnectionPool(**self._common)
        return httpcore.HTTPProxy(str(self._proxy.url), proxy_auth=self._proxy.raw_auth, **self._common)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its body unread. Raises httpx's errors."""
        url = request.url
        asked = httpcore.Request(
            method=request.method,
            url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        shard = self._shards.take()
        try:
            answer = shard.pool.handle_request(asked)
        except BaseException as error:
            self._shards.give_back(shard)
            if isinstance(error, _FOREIGN):
                raise _translated(error) from None
            raise
        body = _Body(answer.stream, answer.extensions["network_stream"], lambda: self._shards.give_back(shard))
        return httpx.Response(answer.status, headers=answer.headers, stream=body, extensions=answer.extensions)

    def close(self) -> None:
        for pool in self._shards.empty():
            pool.close()


_FOREIGN = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
)


def _translated(error: Exception) -> httpx.TransportError:
    """httpcore's error as httpx's of the same name."""
    kind: type[httpx.TransportError] = getattr(httpx, type(error).__name__, httpx.TransportError)
    return kind(str(error))


class _Body(httpx.SyncByteStream):
    def __init__(self, stream: Any, connection: httpcore.NetworkStream, done: Callable[[], None]) -> None:
        self._stream, self._connection, self._done = stream, connection, done

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except _FOREIGN as error:
            raise _translated(error) from None
        if _said_more(self._stream):
            self._connection.close()

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            done, self._done = self._done, _nothing
            done()


def _said_more(stream: Any) -> bool:
    """Whether a peer said more than its answer: httpcore would take that for the answer to the next request."""
    for inner in ("_httpcore_stream", "_stream", "_connection"):
        stream = getattr(stream, inner, stream)
    state = getattr(stream, "_h11_state", None)
    return state is not None and state.trailing_data[0] != b""


def _nothing() -> None:
    """There is nothing left to do."""


class AsyncNetwork(httpx.AsyncBaseTransport):
    """Connections for asyncio."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport]) -> None:
        self._shards = Shards(make)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The response with its body unread. Raises httpx's errors."""
        shard = self._shards.take()
        try:
            response = await shard.pool.handle_async_request(request)
        except BaseException:
            self._shards.give_back(shard)
            raise
        connection = response.extensions["network_stream"]
        response.stream = _AsyncBody(response.stream, connection, lambda: self._shards.give_back(shard))
        return response

    async def aclose(self) -> None:
        for pool in self._shards.empty():
            await pool.aclose()


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(self, stream: Any, connection: httpcore.AsyncNetworkStream, done: Callable[[], None]) -> None:
        self._stream, self._connection, self._done = stream, connection, done

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield part
        if _said_more(self._stream):
            await self._connection.aclose()

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        finally:
            done, self._done = self._done, _nothing
            done()


class _Backend(httpcore.NetworkBackend):
    """httpcore's own, with connections that know the moment."""

    def __init__(self) -> None:
        self._own = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in _addresses(host, port, timeout):
            left = _left(timeout, httpcore.ConnectTimeout)
            try:
                return _Connection(self._own.connect_tcp(address, port, left, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
        raise failed

    def sleep(self, seconds: float) -> None:
        self._own.sleep(seconds)


class _Connection(httpcore.NetworkStream):
    def __init__(self, own: httpcore.NetworkStream) -> None:
        self._own = own

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._own.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        rest = memoryview(buffer)
        while rest:
            self._own.write(rest[:_AT_ONCE], _left(timeout, httpcore.WriteTimeout))  # type: ignore[arg-type]
            rest = rest[_AT_ONCE:]

    def close(self) -> None:
        self._own.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        try:
            left = _left(timeout, httpcore.ConnectTimeout)
        except httpcore.ConnectTimeout:
            self.close()  # nobody else would
            raise
        return _Connection(self._own.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._own.get_extra_info(info)


def _left(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """The seconds of a limit that are left now. Raises `late` where there are none."""
    if not isinstance(timeout, Until):
        return timeout
    left = timeout.left_s()
    if left <= 0:
        raise late("the time for it is over")
    return left


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """The addresses of a host, asked for by a thread that is left behind when time is over: nothing else ends it."""
    if host.replace(".", "").isdigit() or ":" in host:
        return [host]
    answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def ask() -> None:
        try:
            answers.put([str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)])
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, name="gatewright-names", daemon=True).start()
    try:
        answer = answers.get(timeout=_left(timeout, httpcore.ConnectTimeout))
    except Empty:
        raise httpcore.ConnectTimeout(f"nobody told the address of {host} in time") from None
    if isinstance(answer, Exception):
        raise httpcore.ConnectError(str(answer)) from None
    return answer
