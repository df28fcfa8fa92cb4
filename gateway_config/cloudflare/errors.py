"""Cloudflare's refusals by name.

CloudflareError              a RefusedError with .code, .status, .said
  ├── NotFoundError
  ├── AlreadyExistsError
  ├── InvalidError           what we sent is not accepted
  ├── NotAllowedError        the token may not do this, or is no token
  ├── LimitReachedError      the account has as many of these as it may
  ├── NotReadyError          it exists, and cannot be used yet
  ├── TooManyRequestsError   still, after all retries
  ├── TroubleError           Cloudflare's own failure (5xx), still, after all retries
  └── UnknownCloudflareError a code that is not in the table yet
UnansweredError              an UnreachableError: the request went out, so it may have been carried out
"""

from __future__ import annotations

from typing import NamedTuple

from gateway_config.errors import RefusedError, UnreachableError


class CloudflareError(RefusedError):
    """Cloudflare's answer that says no: `code` and `said` are its own, `status` is HTTP's."""

    def __init__(self, call: str, status: int, code: int | None, said: str) -> None:
        self.call, self.status, self.code, self.said = call, status, code, said
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        code = "" if self.code is None else f", code {self.code}"
        return f"Cloudflare refused {self.call}: {self.said} (HTTP {self.status}{code})."


class NotFoundError(CloudflareError):
    """What the call names does not exist."""


class AlreadyExistsError(CloudflareError):
    """The name is taken."""

    def _sentence(self) -> str:
        return f"{super()._sentence()} Choose another name, or take in what is there with `gatewright import`."


class InvalidError(CloudflareError):
    """Cloudflare does not accept what was sent."""


class NotAllowedError(CloudflareError):
    """The token is wrong, expired, or lacks a permission."""

    def _sentence(self) -> str:
        way_on = "Check CLOUDFLARE_API_TOKEN: is it for this account, unexpired, and does it have the permission?"
        return f"{super()._sentence()} {way_on}"


class LimitReachedError(CloudflareError):
    """The account has as many of these as it may, or its plan allows none."""

    def _sentence(self) -> str:
        return f"{super()._sentence()} Remove one that nobody needs, or ask for a plan that allows it."


class NotReadyError(CloudflareError):
    """It was made, and is not known everywhere yet; asking again later helps."""


class TooManyRequestsError(CloudflareError):
    """The account's request limit; we waited and tried again, and it still holds."""

    def _sentence(self) -> str:
        return f"{super()._sentence()} Wait five minutes, then run the same command again; what is done stays done."


class TroubleError(CloudflareError):
    """A failure on Cloudflare's side that outlasted our retries."""

    def _sentence(self) -> str:
        return f"{super()._sentence()} Run the same command again; what is done stays done."


class UnknownCloudflareError(CloudflareError):
    """A code we have not met; it belongs into the table."""

    def _sentence(self) -> str:
        way_on = "Run the same command again; if it stays, report it with this sentence"
        return f"{super()._sentence()} {way_on}: the code is in no table of ours (gateway_config/cloudflare/errors.py)."


class UnansweredError(UnreachableError):
    """The request went out and no whole answer came: it may have been carried out. Look before repeating."""


class _Row(NamedTuple):
    code: int | None
    status: int | None
    words: str
    error: type[CloudflareError]


# Code, then status, then words of the message; the first row that fits counts. Cloudflare uses 7005 both for
# a missing and for a duplicate route, and 7001 both for a duplicate gateway and for a bad element.
ERRORS = (
    _Row(None, None, "exceeded max jobs", LimitReachedError),
    _Row(7005, None, "already exists", AlreadyExistsError),
    _Row(7001, None, "already exists", AlreadyExistsError),
    _Row(7005, None, "", NotFoundError),
    _Row(7002, None, "", NotFoundError),
    _Row(7001, 409, "", AlreadyExistsError),
    _Row(7001, None, "", InvalidError),
    _Row(7003, None, "", NotFoundError),
    _Row(1000, None, "already", AlreadyExistsError),
    _Row(1000, 404, "", NotFoundError),
    _Row(1000, 400, "", InvalidError),
    _Row(1001, None, "", InvalidError),
    _Row(1003, None, "", NotFoundError),
    _Row(1004, None, "", InvalidError),
    _Row(2009, None, "", NotAllowedError),
    # Workers AI (facts 7): a new adapter is not known yet; its files are missing; a model takes no adapters.
    _Row(3037, None, "finetune", NotReadyError),
    _Row(3039, None, "", NotReadyError),
    _Row(5005, None, "", InvalidError),
    _Row(5007, None, "", NotFoundError),
    _Row(6003, None, "", NotAllowedError),
    _Row(9109, None, "", NotAllowedError),
    _Row(10000, None, "", NotAllowedError),
    _Row(10004, None, "", AlreadyExistsError),
    _Row(10005, None, "", InvalidError),
    _Row(10006, None, "", NotFoundError),
    _Row(None, 401, "", NotAllowedError),
    _Row(None, 403, "", NotAllowedError),
    _Row(None, 429, "", TooManyRequestsError),
)


def error_class(status: int, code: int | None, said: str) -> type[CloudflareError]:
    """The name of a failure."""
    for row in ERRORS:
        if row.code in (None, code) and row.status in (None, status) and row.words in said.lower():
            return row.error
    if status >= 500:
        return TroubleError
    return NotFoundError if status == 404 and code is None else UnknownCloudflareError
