"""The buckets of R2 that the environment names, with the tokens that read or write them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import httpx

from gateway_config.cloudflare.r2 import Bucket, Keys, endpoint
from gateway_config.runtime.errors import MissingSettingError
from gateway_config.runtime.sending.door import network_to

ACCOUNT, JURISDICTION = "CLOUDFLARE_ACCOUNT_ID", "GATEWRIGHT_R2_JURISDICTION"


def bucket_of(prefix: str, does: str, environment: Mapping[str, str], timeout_s: float = 30.0) -> Bucket:
    """The bucket of CLOUDFLARE_ACCOUNT_ID and `<prefix>_BUCKET`, `_TOKEN_ID`, `_TOKEN`; `does` says what it is for.

    MissingSettingError names what is missing, or cannot be right.
    """
    names = (ACCOUNT, f"{prefix}_BUCKET", f"{prefix}_TOKEN_ID", f"{prefix}_TOKEN")
    for name in names:
        if not environment.get(name):
            raise MissingSettingError(f"{name} is not set. The outputs of `up` name what {does}.")
        if not re.fullmatch(r"[!-~]+", environment[name]):
            raise MissingSettingError(f"{name} holds a space, a line's end or another odd character. Copy it again.")
    account, bucket, id, value = (environment[name] for name in names)
    jurisdiction = environment.get(JURISDICTION) or "default"
    if not re.fullmatch(r"[a-z]+", jurisdiction):
        raise MissingSettingError(f'{JURISDICTION} is a word like "eu"; found {jurisdiction!r:.60}.')
    try:
        where = endpoint(account, jurisdiction, environment)
        if not httpx.URL(where).host:
            raise httpx.InvalidURL("it has no host")
        return Bucket(where, bucket, Keys.of_token(id, value), transport=network_to(where), timeout_s=timeout_s)
    except (httpx.InvalidURL, UnicodeError) as error:
        reason = str(error).rstrip(".")
        raise MissingSettingError(f"GATEWRIGHT_R2_URL or CLOUDFLARE_BASE_URL is no URL: {reason}.") from None
