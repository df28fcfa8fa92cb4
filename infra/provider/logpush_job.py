"""`gatewright:index:LogpushJob`: AI Gateway's records, pushed to an R2 bucket."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway_config.cloudflare.r2 import Keys
from gateway_config.errors import GatewrightError
from infra.provider.logpush_api import Destination, LogpushJobs
from infra.provider.logpush_job_schema import LOGPUSH_JOB
from infra.provider.patience import until_known
from infra.provider.resource import Change, Complaint, Observed, Properties, Resource, Tell, changed_keys
from infra.provider.values import UNKNOWN, has_unknown

FIELDS = (
    "Cached",
    "Endpoint",
    "Gateway",
    "Metadata",
    "Model",
    "Provider",
    "RateLimited",
    "RequestBody",
    "ResponseBody",
    "StatusCode",
)
DEFAULTS: Mapping[str, Any] = {
    "path": "logs/{DATE}",
    "enabled": True,
    "fields": FIELDS,
    "format": "ndjson",
    "sampleRate": 1,
    "filter": "",
    "maxUploadBytes": 0,
    "maxUploadIntervalSeconds": 60,
    "maxUploadRecords": 10_000,
}
RANGES: Mapping[str, tuple[int, int]] = {
    "maxUploadBytes": (5_000_000, 1_000_000_000),
    "maxUploadIntervalSeconds": (30, 300),
    "maxUploadRecords": (1_000, 1_000_000),
}
_ACCESS = re.compile(r"Access ?Denied|AccessKey|Signature|Unauthori[sz]ed|Forbidden|\b40[13]\b", re.IGNORECASE)


class DestinationError(GatewrightError):
    """Cloudflare cannot write its logs where it is told to."""


class LogpushJob(Resource):
    """A job by account and name; its id is `<account>/<job id>`.

    Somebody else's change of the keys cannot be seen, since the API redacts them. What was sent is remembered by
    its digest.
    """

    token = "gatewright:index:LogpushJob"
    schema = LOGPUSH_JOB
    # The name too: it is what a job is found by after a killed `up`, so it never changes under one.
    replace_on = frozenset({"accountId", "name"})
    secrets = frozenset({"tokenValue"})

    def check(self, inputs: Properties) -> Iterator[Complaint]:
        yield from _complaints({key: value for key, value in _normalised(inputs).items() if not has_unknown(value)})

    def completed(self, inputs: Properties) -> Properties:
        return {**DEFAULTS, **{key: value for key, value in inputs.items() if value is not None}}

    def diff(self, old: Properties, new: Properties, state: Properties) -> list[Change]:
        return changed_keys(_normalised(old), _normalised(new), self.replace_on)

    def plan(self, inputs: Properties, state: Properties) -> Properties:
        unknown = has_unknown([inputs[key] for key in ("accountId", "bucket", "tokenId", "tokenValue")])
        digest = UNKNOWN if unknown else _digest(_destination(_normalised(inputs)).with_keys(_keys(inputs)))
        return {"jobId": state.get("jobId", UNKNOWN), "destinationDigest": digest}

    def observe(self, id: str, state: Properties) -> Observed | None:
        account, last = _parts(id)
        jobs = LogpushJobs(self._control_plane(), account)
        if not last.isdigit():  # an import may give the name
            found = jobs.find(last)
            return _observed(account, found, state) if found else None
        live = jobs.get(last)
        return _observed(account, live, state) if live else None

    def apply(self, inputs: Properties, id: str | None, state: Properties, tell: Tell) -> Observed:
        account, wanted, keys = inputs["accountId"], _normalised(inputs), _keys(inputs)
        jobs = LogpushJobs(self._control_plane(), account)
        destination = _destination(wanted).with_keys(keys)
        sent = _digest(destination)
        body = _body(wanted, destination)
        # Observe
        live = jobs.get(_parts(id)[1]) if id else jobs.find(inputs["name"])
        if live is not None and id is None:
            _take_in(live, wanted, tell)
        # Ensure, sync
        if live is None or _is_other(live, wanted) or state.get("destinationDigest") != sent:
            _validate(jobs, destination, keys)
            live = jobs.update(live["id"], body, keys) if live else jobs.create(inputs["name"], body, keys)
        # Return
        return _observed(account, live, {**inputs, "destinationDigest": sent})

    def delete(self, id: str, state: Properties, tell: Tell) -> None:
        account, last = _parts(id)
        LogpushJobs(self._control_plane(), account).delete(last)


def _normalised(inputs: Properties) -> dict[str, Any]:
    """Inputs with every default in place, so that what is declared and what is live can be compared."""
    told = {key: value for key, value in inputs.items() if value is not None and key in LOGPUSH_JOB["inputProperties"]}
    whole = {**DEFAULTS, **told}
    if isinstance(whole["fields"], list | tuple):
        whole["fields"] = sorted(whole["fields"])
    if isinstance(whole["path"], str):
        whole["path"] = whole["path"].strip("/")
    if _is_json_object(whole["filter"]):
        # Whatever spaces and order it is echoed with, it is the same filter.
        whole["filter"] = json.dumps(json.loads(whole["filter"]), sort_keys=True, separators=(",", ":"))
    return whole


def _complaints(inputs: Properties) -> Iterator[Complaint]:
    for key, (least, most) in RANGES.items():
        value = inputs.get(key, 0)
        if value != 0 and not (isinstance(value, int) and least <= value <= most):
            yield Complaint(key, f"is 0 or between {least:,} and {most:,}; found {value}")
    if strange := sorted(set(inputs.get("fields", ())) - set(FIELDS)):
        yield Complaint("fields", f"{', '.join(strange)}: not a field of this dataset, which has {', '.join(FIELDS)}")
    if inputs.get("format", "ndjson") not in ("ndjson", "csv"):
        yield Complaint("format", f'is ndjson or csv; found "{inputs["format"]}"')
    if not 0 < inputs.get("sampleRate", 1) <= 1:
        yield Complaint("sampleRate", f"is greater than 0 and at most 1; found {inputs['sampleRate']}")
    if inputs.get("filter") and not _is_json_object(inputs["filter"]):
        yield Complaint("filter", "is a JSON object as text, such as '{\"where\": {…}}'")


def _is_json_object(text: Any) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, TypeError):
        return False


def _keys(inputs: Properties) -> Keys:
    return Keys.of_token(inputs["tokenId"], inputs["tokenValue"])


def _destination(inputs: Properties) -> Destination:
    return Destination(inputs["bucket"], inputs["path"], inputs["accountId"])


def _digest(destination: str) -> str:
    return hashlib.sha256(destination.encode()).hexdigest()


def _body(wanted: Properties, destination: str) -> dict[str, Any]:
    options = {"output_type": wanted["format"], "field_names": wanted["fields"], "timestamp_format": "rfc3339"}
    sampled = {"sample_rate": wanted["sampleRate"]} if wanted["sampleRate"] != 1 else {}
    return {
        "enabled": wanted["enabled"],
        "destination_conf": destination,
        "output_options": {**options, **sampled},
        "filter": wanted["filter"] or None,
        "max_upload_bytes": wanted["maxUploadBytes"],
        "max_upload_interval_seconds": wanted["maxUploadIntervalSeconds"],
        "max_upload_records": wanted["maxUploadRecords"],
    }


def _live_inputs(live: Mapping[str, Any]) -> dict[str, Any]:
    """A job as inputs, without what the API does not tell: the account's own id and the keys."""
    destination, options = Destination.of_text(live["destination_conf"]), live.get("output_options") or {}
    told = {
        "name": live.get("name") or "",
        "bucket": destination.bucket,
        "path": destination.path,
        "enabled": bool(live.get("enabled")),
        "fields": options.get("field_names"),
        "format": options.get("output_type"),
        "sampleRate": options.get("sample_rate") or None,
        "filter": live.get("filter"),
        # Null and 0 both mean that there is no such limit.
        "maxUploadBytes": live.get("max_upload_bytes") or 0,
        "maxUploadIntervalSeconds": live.get("max_upload_interval_seconds") or 0,
        "maxUploadRecords": live.get("max_upload_records") or 0,
    }
    return _normalised(told)


def _is_other(live: Mapping[str, Any], wanted: Properties) -> bool:
    seen = _live_inputs(live)
    return any(seen[key] != wanted[key] for key in seen)


def _observed(account: str, live: Mapping[str, Any], state: Properties) -> Observed:
    keys = {key: state[key] for key in ("tokenId", "tokenValue") if key in state}
    outputs = {
        "jobId": live["id"],
        "destinationDigest": state.get("destinationDigest"),
        "errorMessage": live.get("error_message"),
    }
    told = {key: value for key, value in outputs.items() if value is not None}
    return Observed(f"{account}/{live['id']}", {"accountId": account, **_live_inputs(live), **keys}, told)


def _take_in(live: Mapping[str, Any], wanted: Properties, tell: Tell) -> None:
    """A job that is there already is ours only if it writes where ours does: a killed `up` made it."""
    there, ours = Destination.of_text(live["destination_conf"]), _destination(wanted)
    if there != ours:
        raise GatewrightError(
            f'the account has a Logpush job "{live["name"]}" (id {live["id"]}) already, which is not in this stack '
            f'and writes to "{there.bucket}/{there.path}", not to "{ours.bucket}/{ours.path}". Import it, remove it, '
            "or choose another name."
        )
    tell(f'Logpush job "{live["name"]}" was there already, for the same place: taken in')


def _validate(jobs: LogpushJobs, destination: str, keys: Keys) -> None:
    """Before the job itself, so that a wrong place is told as such and nothing is half made."""

    def ask() -> None:
        reason = jobs.why_invalid(destination, keys)
        if reason is not None:
            place = Destination.of_text(destination)
            raise DestinationError(
                f'Cloudflare cannot write logs to the bucket "{place.bucket}": {reason}. Does the bucket exist, and '
                "may the token write objects to it?"
            )

    until_known(ask, lambda error: isinstance(error, DestinationError) and bool(_ACCESS.search(str(error))))


def _parts(id: str) -> tuple[str, str]:
    account, _, last = id.partition("/")
    if not account or not last:
        raise GatewrightError(f'the id of a Logpush job is "<account>/<job id or name>"; found "{id}"')
    return account, last
