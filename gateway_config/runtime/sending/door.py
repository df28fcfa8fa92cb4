"""Where requests go and how they are written: one gateway's addresses on the data plane."""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Mapping
from urllib.request import getproxies, proxy_bypass

import httpx

from gateway_config.runtime.errors import MissingSettingError
from gateway_config.runtime.facts import Scalar
from gateway_config.runtime.settings import LOOPBACK, Settings

COMPAT = "compat/chat/completions"
JSON = b"application/json"
# An idle connection is kept this long; beyond it a server may have closed its side without our knowing.
KEEPALIVE_S = 30.0
# So many characters of a token are no word by chance.
_TELLING = 12


class Door:
    """Builds the requests to one gateway. Its token is in no repr."""

    def __init__(self, settings: Settings, gateway_id: str) -> None:
        self._settings, self.gateway_id = settings, gateway_id
        self._base = f"{settings.url.rstrip('/')}/{settings.account_id}/{gateway_id}"
        self._urls: dict[str, httpx.URL] = {}
        self._headers = [
            (b"cf-aig-authorization", b"Bearer " + settings.token.encode()),
            (b"user-agent", b"gatewright"),
            (b"accept-encoding", b"gzip, deflate"),
        ]

    def __repr__(self) -> str:
        return f"Door({self._base!r})"

    def request(
        self,
        path: str,
        content: bytes,
        metadata: Mapping[str, Scalar],
        content_type: bytes = JSON,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Request:
        """A POST to a path below the gateway, with its metadata in the header that the gateway reads."""
        told = json.dumps(metadata, separators=(",", ":")).encode()
        own = [*self._headers, (b"content-type", content_type), (b"cf-aig-metadata", told)]
        if headers:
            own += [(name.encode(), value.encode()) for name, value in headers.items()]
        return httpx.Request("POST", self._url(path), headers=own, content=content)

    def _url(self, path: str) -> httpx.URL:
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = httpx.URL(f"{self._base}/{path}")
        return url

    def hidden(self, text: str) -> str:
        """A text as we may show it, without our token, and without its beginning where the text was cut short."""
        return without(self._settings.token, text)


def without(token: str, text: str) -> str:
    """A text without a token, and without its beginning where the text was cut short."""
    if len(token) < _TELLING:  # no token at all: only where it stands by itself, not in every word that has it
        return re.sub(rf"(?<![\w-]){re.escape(token)}(?![\w-])", "***", text) if token else text
    return re.sub(re.escape(token[:_TELLING]) + r"[\w-]*", "***", text.replace(token, "***"))


def transport_of(settings: Settings) -> httpx.BaseTransport:
    """Connections for blocking calls, through the proxy that the environment names, if any."""
    return network_to(settings.url)


def network_to(address: str) -> httpx.BaseTransport:
    """The same to any address. Raises httpx.InvalidURL, and MissingSettingError for a proxy or certificates."""
    from gateway_config.runtime.sending.transport import Network

    url = httpx.URL(address)
    return Network(_certificates(url), KEEPALIVE_S, _proxy(url))


def async_transports_of(settings: Settings) -> Callable[[], httpx.AsyncBaseTransport]:
    """What makes the same for asyncio, whose connections belong to one event loop each."""
    from gateway_config.runtime.sending.shards import EACH
    from gateway_config.runtime.sending.transport import AsyncNetwork

    url = httpx.URL(settings.url)
    certificates, proxy = _certificates(url), _proxy(url)
    limits = httpx.Limits(max_connections=EACH, keepalive_expiry=KEEPALIVE_S)
    return lambda: AsyncNetwork(
        lambda: httpx.AsyncHTTPTransport(verify=certificates or False, limits=limits, proxy=proxy)
    )


def _certificates(url: httpx.URL) -> ssl.SSLContext | None:
    """None where nothing is encrypted: loading them takes longer than all the rest of making a client."""
    if url.scheme != "https":
        return None
    try:
        return httpx.create_ssl_context()
    except OSError as error:
        named = "SSL_CERT_FILE or SSL_CERT_DIR"
        raise MissingSettingError(f"{named} names no certificates that can be read: {error.strerror}.") from None


def _proxy(url: httpx.URL) -> httpx.Proxy | None:
    """The proxy that the environment names, if any, also without a scheme; its password is in no message."""
    if url.host in LOOPBACK or proxy_bypass(url.host):
        return None
    proxies = getproxies()
    named = proxies.get(url.scheme) or proxies.get("all")
    if not named:
        return None
    try:
        proxy = httpx.Proxy(named if "://" in named else f"http://{named}")
    except (httpx.InvalidURL, ValueError):
        proxy = None
    if proxy is None or proxy.url.scheme not in ("http", "https") or not proxy.url.host:
        variable = f"{url.scheme.upper()}_PROXY or ALL_PROXY"
        raise MissingSettingError(f"{variable} is no proxy that is known here. Name one like http://proxy:3128.")
    return proxy
