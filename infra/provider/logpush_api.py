"""Logpush jobs of an account for AI Gateway's dataset, over Cloudflare's API (facts 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.errors import CloudflareError, NotFoundError, TroubleError, UnansweredError
from gateway_config.cloudflare.r2 import Keys
from gateway_config.errors import GatewrightError

# Real, although neither Cloudflare's list of datasets nor its Terraform provider names it (trap 10).
DATASET = "ai_gateway_events"


@dataclass(frozen=True, slots=True)
class Destination:
    """A folder of an R2 bucket. Keys never come back from the API: it redacts them."""

    bucket: str
    path: str
    account: str

    @classmethod
    def of_text(cls, text: str) -> Destination:
        """What an echoed `destination_conf` says; another kind of destination has no bucket."""
        parts = urlsplit(text)
        account = parse_qs(parts.query).get("account-id", [""])[0]
        return cls(parts.netloc if parts.scheme == "r2" else "", parts.path.strip("/"), account)

    def with_keys(self, keys: Keys) -> str:
        """The text that Cloudflare takes; a secret."""
        query = f"account-id={self.account}&access-key-id={keys.access_key_id}"
        return f"r2://{self.bucket}/{self.path}?{query}&secret-access-key={keys.secret_access_key}"


class LogpushJobs:
    """The jobs of one account. The path is the account's, never a zone's, for this dataset."""

    def __init__(self, api: ControlPlane, account: str) -> None:
        self._api = api
        self._path = f"/accounts/{account}/logpush"

    def find(self, name: str) -> Mapping[str, Any] | None:
        """The job of that name for our dataset; Cloudflare would allow several, we never make a second one."""
        listed = self._api.get(f"{self._path}/jobs") or []
        return next((job for job in listed if (job["dataset"], job.get("name")) == (DATASET, name)), None)

    def get(self, id: str) -> Mapping[str, Any] | None:
        """The job, or None when it is gone (404, code 1000)."""
        try:
            found: Mapping[str, Any] = self._api.get(f"{self._path}/jobs/{id}")
        except NotFoundError:
            return None
        if found["dataset"] != DATASET:
            raise GatewrightError(f'job {id} is for the dataset "{found["dataset"]}"; this resource is for {DATASET}')
        return found

    def why_invalid(self, destination: str, keys: Keys) -> str | None:
        """Why Cloudflare cannot write there; None where its test object arrived."""
        with _hushed(keys):
            answer = self._api.post(f"{self._path}/validate/destination", {"destination_conf": destination})
        if answer.get("valid"):
            return None
        return str(answer.get("message") or "no reason given").replace(keys.secret_access_key, "***")

    def create(self, name: str, body: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
        """Makes the job; when the answer is lost it is looked for by its name, never made twice."""
        try:
            with _hushed(keys):
                made: Mapping[str, Any] = self._api.post(
                    f"{self._path}/jobs", {"name": name, "dataset": DATASET, **body}
                )
            return made
        except (UnansweredError, TroubleError):
            found = self.find(name)
            if found is None:
                raise
            return found

    def update(self, id: int, body: Mapping[str, Any], keys: Keys) -> Mapping[str, Any]:
        """Replaces what a job does. Name and dataset stay: a PUT cannot change the dataset."""
        with _hushed(keys):
            changed: Mapping[str, Any] = self._api.put(f"{self._path}/jobs/{id}", body)
        return changed

    def delete(self, id: str) -> None:
        """Removes the job; gone already is fine."""
        try:
            self._api.delete(f"{self._path}/jobs/{id}")
        except NotFoundError:
            return


@contextmanager
def _hushed(keys: Keys) -> Iterator[None]:
    """Cloudflare's refusals quote what they refuse: a secret that is in the sentence is taken out."""
    try:
        yield
    except CloudflareError as error:
        said = error.said.replace(keys.secret_access_key, "***")
        raise type(error)(error.call, error.status, error.code, said) from None
