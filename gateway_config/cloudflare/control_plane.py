"""One client for Cloudflare's API: its envelopes, its errors by name, retry, pages and pace."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from gateway_config.cloudflare.errors import UnansweredError, error_class
from gateway_config.errors import UnreachableError, UsageError

BASE_URL = "https://api.cloudflare.com/client/v4"
UPLOAD_TIMEOUT_S = 600.0
LONGEST_WAIT_S = 60.0
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class ControlPlane:
    """Calls on Cloudflare's API (or on the emulator), each answered with what its envelope holds.

    `pace_per_s` spreads calls (Cloudflare allows 1,200 in five minutes for one user); None does not. `connections`
    are kept for the next call: as many as there are threads that call.
    Safe for use by several threads.
    """

    def __init__(
        self,
        token: str,
        base_url: str = BASE_URL,
        *,
        transport: httpx.BaseTransport | None = None,
        attempts: int = 5,
        connections: int = 20,
        timeout_s: float = 30.0,
        pace_per_s: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = httpx.URL(base_url)
        self._http = httpx.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}", "User-Agent": "gatewright"},
            timeout=timeout_s,
            transport=transport,
            limits=httpx.Limits(max_keepalive_connections=connections),
            trust_env=url.host not in LOOPBACK,
        )
        self._attempts = attempts
        self._sleep = sleep
        self._pace = _Pace(pace_per_s, sleep)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **options: Any) -> ControlPlane:
        """The client that CLOUDFLARE_API_TOKEN and CLOUDFLARE_BASE_URL describe."""
        token = environment.get("CLOUDFLARE_API_TOKEN", "")
        if not token:
            raise UsageError(
                "CLOUDFLARE_API_TOKEN is not set. Export an API token, or name an emulator with --emulator."
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("CLOUDFLARE_API_TOKEN holds characters that no token has. Copy it again.")
        base_url = environment.get("CLOUDFLARE_BASE_URL") or BASE_URL
        if not base_url.startswith(("http://", "https://")):
            raise UsageError(
                f'CLOUDFLARE_BASE_URL is an address that begins with http:// or https://; found "{base_url}".'
            )
        return cls(token, base_url, **options)

    def __repr__(self) -> str:
        return f"ControlPlane({self._http.base_url}, token=***)"

    def __enter__(self) -> ControlPlane:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connections."""
        self._http.close()

    def get(self, path: str, *, headers: Mapping[str, str] | None = None, **params: Any) -> Any:
        return self._call("GET", path, params=params, headers=headers)

    def post(self, path: str, body: Any) -> Any:
        """Creates. Not repeated once it was sent: an UnansweredError says that it may have happened."""
        return self._call("POST", path, json=body)

    def upload(self, path: str, fields: Mapping[str, str], file: Path) -> Any:
        """Sends a file as a form, read as it goes. Like `post`, not repeated once it was sent."""
        with file.open("rb") as opened:
            form = {"data": fields, "files": {"file": (file.name, opened)}}
            return self._call("POST", path, timeout=UPLOAD_TIMEOUT_S, **form)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def pages(self, path: str, key: str, per_page: int = 100, **params: Any) -> Iterator[Any]:
        """Every item of a list, whether it comes as `result: [...]` or as `data: {key: [...]}`.

        The lists of dynamic routes tell no total (facts 1.2), so a page that is not full is the last.
        """
        page = 1
        while True:
            found = self.get(path, page=page, per_page=per_page, **params)
            items = found if isinstance(found, list) else found.get(key) or []
            yield from items
            size = per_page if isinstance(found, list) else found.get("per_page") or per_page
            if len(items) < size:
                return
            page += 1

    def _call(self, method: str, path: str, **request: Any) -> Any:
        call = f"{method} {path}"
        for attempt in range(1, self._attempts + 1):
            self._pace.wait()
            try:
                return _answer(call, self._http.request(method, path, **request))
            except httpx.InvalidURL as error:
                raise UsageError(f"CLOUDFLARE_BASE_URL is no URL: {error}.") from None
            except (httpx.RequestError, _RetryableError) as error:
                last = attempt == self._attempts or not _repeatable(method, error)
                if last:
                    raise self._given_up(call, error) from None
                self._sleep(_delay_s(attempt, error))
        raise AssertionError("attempts is at least one")

    def _given_up(self, call: str, error: Exception) -> Exception:
        if isinstance(error, _RetryableError):
            return error.final
        host = self._http.base_url.host
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
            return UnreachableError(f"Cannot reach {host} for {call}: {error}. Is the address right, and is it up?")
        return UnansweredError(f"No whole answer to {call} from {host} ({type(error).__name__}). Run it again.")


class _RetryableError(Exception):
    """An answer worth another try; `final` is what to raise when there is none."""

    def __init__(self, final: Exception, *, applied: bool, after_s: float | None = None) -> None:
        self.final, self.applied, self.after_s = final, applied, after_s
        super().__init__(str(final))


def _answer(call: str, response: httpx.Response) -> Any:
    """What the envelope holds: routes use `result`, `data` and `route` in turn (facts 1.2)."""
    try:
        body = response.json()
    except ValueError:
        raise _no_json(call, response) from None
    if response.is_success and isinstance(body, dict) and body.get("success", True):
        return next((body[key] for key in ("result", "data", "route") if key in body), body)
    raise _failure(call, response, body)


def _no_json(call: str, response: httpx.Response) -> Exception:
    if response.is_success:
        broken = UnansweredError(f"The answer to {call} is not whole JSON. Run it again.")
        return _RetryableError(broken, applied=True)
    return _failure(call, response, {})


def _failure(call: str, response: httpx.Response, body: Any) -> Exception:
    code, said = _complaint(body)
    status = response.status_code
    said = said or f"{response.reason_phrase or 'no reason'}, as {response.headers.get('content-type', 'no type')}"
    error = error_class(status, code, said)(call, status, code, said)
    # 401/2009 was seen as throttling too (facts, trap 17).
    if status == 429 or status >= 500 or (status == 401 and code == 2009):
        return _RetryableError(error, applied=status >= 500, after_s=_retry_after_s(response))
    return error


def _complaint(body: Any) -> tuple[int | None, str]:
    """Code and text of an error body, which says `errors` on the API and `error` on the gateway (trap 16)."""
    found = (body.get("errors") or body.get("error")) if isinstance(body, dict) else None
    items = found if isinstance(found, list) else [found] if isinstance(found, dict) else []
    known = [item for item in items if isinstance(item, dict)]
    code = known[0].get("code") if known else None
    return (code if isinstance(code, int) else None), "; ".join(_said(item) for item in known)


def _said(item: Mapping[str, Any]) -> str:
    path = item.get("path")
    place = ".".join(str(part) for part in path) if isinstance(path, list) else path
    return f"{item.get('message', 'no message')}{f' at {place}' if place else ''}"


def _repeatable(method: str, error: Exception) -> bool:
    """A POST that may have been carried out is never sent twice; one that was not, and all others, may be."""
    if method != "POST" or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        return not isinstance(error, httpx.UnsupportedProtocol)
    return isinstance(error, _RetryableError) and not error.applied


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return min(LONGEST_WAIT_S, max(0.0, float(response.headers.get("retry-after", ""))))
    except ValueError:
        return None


def _delay_s(attempt: int, error: Exception) -> float:
    """What Cloudflare asks for, else twice as long each time with jitter, at most eight seconds."""
    asked = error.after_s if isinstance(error, _RetryableError) else None
    return asked if asked is not None else random.uniform(0.5, 1.0) * min(8.0, 0.25 * 2**attempt)


class _Pace:
    """Lets calls pass no faster than so many a second."""

    def __init__(self, per_s: float | None, sleep: Callable[[float], None]) -> None:
        self._gap_s = 1 / per_s if per_s else 0.0
        self._sleep = sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self._gap_s:
            return
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap_s
        self._sleep(turn - now)
