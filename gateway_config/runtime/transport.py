"""The network for blocking calls: httpcore's pool, in which all reads of a call end at one moment.

A plain time limit starts anew with each read, so a server that sends a byte now and then would be waited for for ever.
(asyncio needs none of this: a task can be stopped from outside.)
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

from gateway_config.runtime.call import Until, now


class Network(httpx.BaseTransport):
    """A pool of connections; requests carry their limits as `extensions["timeout"]`, as with any httpx transport."""

    def __init__(self, ssl_context: ssl.SSLContext | None, limits: httpx.Limits, proxy: httpx.Proxy | None) -> None:
        common: dict[str, Any] = {
            "ssl_context": ssl_context,
            "max_connections": limits.max_connections,
            "max_keepalive_connections": limits.max_keepalive_connections,
            "keepalive_expiry": limits.keepalive_expiry,
            "network_backend": _Backend(),
        }
        if proxy is None:
            self._pool = httpcore.ConnectionPool(**common)
        else:
            self._pool = httpcore.HTTPProxy(str(proxy.url), proxy_auth=proxy.raw_auth, **common)

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
        try:
            answer = self._pool.handle_request(asked)
        except _FOREIGN as error:
            raise _translated(error) from None
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        self._pool.close()


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
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except _FOREIGN as error:
            raise _translated(error) from None

    def close(self) -> None:
        self._stream.close()


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
        return _Connection(self._own.connect_tcp(host, port, timeout, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        self._own.sleep(seconds)


class _Connection(httpcore.NetworkStream):
    def __init__(self, own: httpcore.NetworkStream) -> None:
        self._own = own

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if isinstance(timeout, Until):
            timeout = timeout.moment - now()
            if timeout <= 0:
                raise httpcore.ReadTimeout("the answer came too slowly")
        return self._own.read(max_bytes, timeout)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._own.write(buffer, timeout)

    def close(self) -> None:
        self._own.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Connection(self._own.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._own.get_extra_info(info)
