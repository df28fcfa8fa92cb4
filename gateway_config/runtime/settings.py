"""What the environment says about where to send requests, and with which token."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway_config.runtime.errors import MissingSettingError
from gateway_config.runtime.facts import is_text

DATA_PLANE = "https://gateway.ai.cloudflare.com/v1"
DEFAULT_STAGE = "dev"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """The account, the token for serving, the base URL of the data plane, and the folder of records (None: none).

    Another `cache_namespace` makes every cached answer unknown: that is how a cache is invalidated.
    """

    account_id: str
    token: str
    url: str = DATA_PLANE
    records: Path | None = None
    cache_namespace: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.account_id, str) or not re.fullmatch(r"[0-9A-Za-z_-]+", self.account_id):
            raise MissingSettingError(f'CLOUDFLARE_ACCOUNT_ID is not an account\'s id: "{self.account_id}".')
        if not isinstance(self.token, str) or not re.fullmatch(r"[!-~]+", self.token):
            raise MissingSettingError("GATEWRIGHT_TOKEN holds characters that no token has. Copy it again.")
        if not is_text(self.cache_namespace):
            raise MissingSettingError("GATEWRIGHT_CACHE_NAMESPACE is no text in UTF-8.")
        check_url("GATEWRIGHT_URL", self.url)

    def __repr__(self) -> str:
        records = None if self.records is None else str(self.records)
        return f"Settings(account_id={self.account_id!r}, token='***', url={self.url!r}, records={records!r})"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """CLOUDFLARE_ACCOUNT_ID, GATEWRIGHT_TOKEN, _URL, _RECORDS and _CACHE_NAMESPACE.

        MissingSettingError names what is missing.
        """
        account, token = environment.get("CLOUDFLARE_ACCOUNT_ID"), environment.get("GATEWRIGHT_TOKEN")
        if not account:
            raise MissingSettingError("CLOUDFLARE_ACCOUNT_ID is not set. Export the id of the account.")
        if not token:
            raise MissingSettingError("GATEWRIGHT_TOKEN is not set. Export the serve token of the stage.")
        records = environment.get("GATEWRIGHT_RECORDS")
        url = environment.get("GATEWRIGHT_URL") or DATA_PLANE
        namespace = environment.get("GATEWRIGHT_CACHE_NAMESPACE", "")
        return cls(account, token, url, Path(records) if records else None, namespace)


def stage_of(environment: Mapping[str, str] = os.environ) -> str:
    """The stage that GATEWRIGHT_STAGE names."""
    return environment.get("GATEWRIGHT_STAGE") or DEFAULT_STAGE


def check_url(name: str, text: str) -> None:
    """Raises MissingSettingError, which names the variable, for a URL that no token may be sent to."""
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError, UnicodeError) as error:
        raise MissingSettingError(f"{name} is no URL: {str(error).rstrip('.')}.") from None
    # Nothing would read these, and each of them would be shown where the URL is.
    if url.userinfo or url.query or url.fragment or "%" in url.host:
        raise MissingSettingError(f"{name} is a host and a path: no name or password, no ? and #, no space.")
    if not url.host or url.scheme not in ("http", "https"):
        raise MissingSettingError(f'{name} begins with https://; found "{text}".')
    # The token travels in a header: over plain HTTP anybody on the way could take it.
    if url.scheme == "http" and url.host not in LOOPBACK:
        raise MissingSettingError(f'{name} would send the token unencrypted to "{url.host}". Use https://.')
