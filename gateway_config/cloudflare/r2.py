"""Objects in an R2 bucket, over its S3 API.

The base install has no boto3: one signature over httpx serves the runtime as well as infra. It is held against AWS's
published examples and against botocore in tests/test_r2.py.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import os
import re
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote

import httpx

from gateway_config.cloudflare.control_plane import LOOPBACK
from gateway_config.errors import RefusedError, UnreachableError, UsageError

ATTEMPTS = 4
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """S3 keys of one API token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def of_token(cls, id: str, value: str) -> Keys:
        """R2's rule: the token's id, and the lower-case hex SHA-256 of its value (facts: docs r2/api/tokens)."""
        return cls(id, hashlib.sha256(value.encode()).hexdigest())


def endpoint(account: str, jurisdiction: str = "default", environment: Mapping[str, str] = os.environ) -> str:
    """Where the S3 API of an account's buckets is; GATEWRIGHT_R2_URL names another one, such as a test's.

    Raises UsageError beside an emulator whose S3 side nobody named: what is its own never goes to Cloudflare.
    """
    if named := environment.get("GATEWRIGHT_R2_URL"):
        return named
    api = environment.get("CLOUDFLARE_BASE_URL", "")
    if httpx.URL(api).host in LOOPBACK:
        raise UsageError(
            f"Objects of R2 are asked for while Cloudflare is the emulator at {api}, which has no S3 API of its own. "
            "Start one (moto_server -p 5000), start the emulator with --s3 http://127.0.0.1:5000, and export "
            "GATEWRIGHT_R2_URL=http://127.0.0.1:5000; or take gatewright:buckets out of this stage's config."
        )
    within = "" if jurisdiction == "default" else f".{jurisdiction}"
    return f"https://{account}{within}.r2.cloudflarestorage.com"


class ObjectsRefusedError(RefusedError):
    """R2 said no: wrong keys, no permission, no such bucket. `code` is S3's own word."""

    def __init__(self, call: str, status: int, code: str, said: str) -> None:
        self.status, self.code = status, code
        way_on = (
            "Check that the token is for this bucket, active, and allowed to do this."
            if status in (401, 403)
            else "Try again."
        )
        what = f"HTTP {status}, {code}" if code else f"HTTP {status}"
        super().__init__(f"R2 refused {call}: {said or 'without a reason'} ({what}). {way_on}")


class Signed(httpx.Auth):
    """AWS Signature Version 4 for S3, for sync and async clients; R2's region is `auto`."""

    requires_request_body = True

    def __init__(
        self,
        keys: Keys,
        region: str = "auto",
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._keys, self._region, self._now = keys, region, now

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        moment = f"{self._now():%Y%m%dT%H%M%SZ}"
        request.headers["x-amz-date"] = moment
        request.headers["x-amz-content-sha256"] = hashlib.sha256(request.content).hexdigest()
        scope = f"{moment[:8]}/{self._region}/s3/aws4_request"
        names, canonical = _canonical(request)
        text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()))
        signature = hmac.new(self._key(scope), text.encode(), "sha256").hexdigest()
        request.headers["Authorization"] = (
            f"{_ALGORITHM} Credential={self._keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        )
        yield request

    def _key(self, scope: str) -> bytes:
        key = f"AWS4{self._keys.secret_access_key}".encode()
        for part in scope.split("/"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return key


def _canonical(request: httpx.Request) -> tuple[str, str]:
    """The names of the signed headers, and the request as the signature sees it."""
    headers = {name: value.strip() for name, value in request.headers.items() if name.startswith("x-amz-")}
    headers["host"] = request.headers["host"]
    names = ";".join(sorted(headers))
    query = sorted((_escaped(k), _escaped(v)) for k, v in parse_qsl(request.url.query.decode(), keep_blank_values=True))
    parts = (
        request.method,
        quote(unquote(request.url.raw_path.partition(b"?")[0].decode()), safe="/-_.~"),
        "&".join(f"{key}={value}" for key, value in query),
        *(f"{name}:{headers[name]}" for name in sorted(headers)),
        "",
        names,
        headers["x-amz-content-sha256"],
    )
    return names, "\n".join(parts)


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as it is now."""

    body: bytes
    etag: str


class Bucket:
    """One bucket, by the keys of one token. Every call may be repeated, and is when R2 fails for a moment."""

    def __init__(
        self,
        endpoint: str,
        name: str,
        keys: Keys,
        *,
        transport: httpx.BaseTransport | None = None,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = httpx.URL(endpoint)
        self._name, self._keys, self._sleep = name, keys, sleep
        self._http = httpx.Client(
            base_url=url,
            auth=Signed(keys),
            headers={"User-Agent": "gatewright"},
            timeout=timeout_s,
            transport=transport,
            trust_env=url.host not in LOOPBACK,
        )

    def __repr__(self) -> str:
        return f"Bucket({self._http.base_url}{self._name}, {self._keys})"

    def __enter__(self) -> Bucket:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, key: str, known: Stored | None = None) -> Stored | None:
        """The object, or None where there is none, or no bucket; `known` itself, without its body being sent again,
        where that is still the object."""
        found = self._call("GET", key, headers={"If-None-Match": known.etag} if known is not None else None)
        if found is not None and found.status_code == 304:
            return known
        return Stored(found.content, _etag(found)) if found is not None else None

    def put(self, key: str, body: bytes, content_type: str = "application/octet-stream") -> str:
        """Writes the object and returns its ETag."""
        written = self._call("PUT", key, content=body, headers={"Content-Type": content_type})
        if written is None:
            raise ObjectsRefusedError(f"PUT {self._name}/{key}", 404, "NoSuchBucket", "the bucket does not exist")
        return _etag(written)

    def delete(self, key: str) -> None:
        """Removes the object; gone already, or with its bucket, is fine."""
        answer = self._call("DELETE", key)
        if answer is not None and answer.content and answer.headers.get("content-type", "").startswith("text/html"):
            raise _no_s3(answer, "a page")

    def _call(
        self, method: str, key: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response | None:
        call = f"{method} {self._name}/{key}"
        path = f"/{self._name}/{quote(key, safe='/-_.~')}"
        for attempt in range(1, ATTEMPTS + 1):
            try:
                answer = self._http.request(method, path, content=content, headers=headers)
            except httpx.RequestError as error:
                if attempt == ATTEMPTS:
                    host, kind = self._http.base_url.host, type(error).__name__
                    raise UnreachableError(f"Cannot reach {host} for {call}: {kind}. Try again.") from None
            else:
                if attempt == ATTEMPTS or not (answer.status_code == 429 or answer.status_code >= 500):
                    return _understood(call, answer)
            self._sleep(0.25 * 2**attempt)
        raise AssertionError("attempts is at least one")


def _understood(call: str, answer: httpx.Response) -> httpx.Response | None:
    if answer.is_success or answer.status_code == 304:
        return answer
    if answer.status_code == 404:
        return None
    raise ObjectsRefusedError(call, answer.status_code, _element("Code", answer), _element("Message", answer))


def _etag(answer: httpx.Response) -> str:
    """Every answer of R2's has one; that of something in between, such as a page to sign in at, has none."""
    if "etag" not in answer.headers:
        raise _no_s3(answer, "no ETag")
    return str(answer.headers["etag"])


def _no_s3(answer: httpx.Response, given: str) -> UnreachableError:
    host = answer.request.url.host
    return UnreachableError(f"What answers at {host} is no S3: it gives {given}. Check the network and the address.")


def _element(name: str, answer: httpx.Response) -> str:
    """The text of an element of S3's XML error."""
    found = re.search(f"<{name}>([^<]*)</{name}>", answer.text)
    return found[1] if found else ""
