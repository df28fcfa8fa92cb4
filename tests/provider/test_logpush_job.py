"""LogpushJob over gRPC against the emulator; what only a broken answer shows, against answers written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import grpc
import httpx
import pytest

from gateway_config.cloudflare.control_plane import ControlPlane
from infra.provider.logpush_job import FIELDS
from infra.provider.values import UNKNOWN
from tests.emulator.server import Running
from tests.provider.given import TEST_TOKEN, Provider, provider_of

pytestmark = pytest.mark.http
LOGPUSH = "/accounts/test-account/logpush"
BUCKET_WRITE = "2efd5506f9c8494dacb1fa10a3e7d5b6"
TOKEN = "gatewright:index:LogpushJob"


@pytest.fixture
def api(emulator: Running) -> Iterator[ControlPlane]:
    with ControlPlane(TEST_TOKEN, emulator.control_plane) as api:
        yield api


@pytest.fixture
def token(api: ControlPlane) -> dict[str, str]:
    """A token that may write to the bucket `logs`, which is there too."""
    api.post("/accounts/test-account/r2/buckets", {"name": "logs"})
    return new_token(api)


def new_token(api: ControlPlane) -> dict[str, str]:
    resource = "com.cloudflare.edge.r2.bucket.test-account_default_logs"
    policy = {"effect": "allow", "resources": {resource: "*"}, "permission_groups": [{"id": BUCKET_WRITE}]}
    made = api.post("/accounts/test-account/tokens", {"name": "write-logs", "policies": [policy]})
    return {"tokenId": made["id"], "tokenValue": made["value"]}


@pytest.fixture
def provider(api: ControlPlane) -> Iterator[Provider]:
    with provider_of(TOKEN, api) as provider:
        yield provider


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("infra.provider.patience.time.sleep", waited.append)
    return waited


def inputs(token: dict[str, str], **changes: Any) -> dict[str, Any]:
    return {"accountId": "test-account", "name": "inference-dev", "bucket": "logs", **token, **changes}


def jobs(api: ControlPlane) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{LOGPUSH}/jobs")
    return found


def puts(emulator: Running) -> int:
    return sum(call["method"] == "PUT" for call in emulator.journal("/logpush/jobs"))


# --- the way of the world ---


def test_the_job_is_for_ai_gateway_with_all_ten_fields(
    provider: Provider, api: ControlPlane, token: dict[str, str]
) -> None:
    made = provider.create(inputs(token))
    (job,) = jobs(api)
    assert job["dataset"] == "ai_gateway_events"
    assert job["enabled"]
    assert job["output_options"]["field_names"] == list(FIELDS)
    assert job["destination_conf"].startswith("r2://logs/logs/{DATE}?account-id=test-account&")
    assert made.id == f"test-account/{job['id']}"
    assert made.outputs["jobId"] == job["id"]


def test_applied_twice_there_is_no_difference_although_keys_come_back_redacted(
    provider: Provider, emulator: Running, token: dict[str, str]
) -> None:
    made = provider.create(inputs(token))
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs(token)) == {}
    again = provider.update(refreshed, inputs(token))
    assert puts(emulator) == 0
    assert again.outputs == made.outputs


def test_a_default_that_is_written_out_is_no_difference(provider: Provider, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    assert provider.diff(made, inputs(token, path="/logs/{DATE}/", enabled=True, fields=list(reversed(FIELDS)))) == {}


def test_a_filter_that_comes_back_in_another_form_is_no_difference(provider: Provider, token: dict[str, str]) -> None:
    made = provider.create(inputs(token, filter='{"where":{"operator":"eq","key":"Gateway","value":"g"}}'))
    spaced = '{"where": {"key": "Gateway", "operator": "eq", "value": "g"}}'
    assert provider.diff(made, inputs(token, filter=spaced)) == {}
    assert provider.diff(made, inputs(token, filter=spaced.replace('"g"', '"h"'))) == {"filter": "update"}


def test_an_edit_is_made_in_place(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    new = inputs(token, maxUploadIntervalSeconds=300)
    assert provider.diff(made, new) == {"maxUploadIntervalSeconds": "update"}
    provider.update(made, new)
    (job,) = jobs(api)
    assert (job["id"], job["max_upload_interval_seconds"]) == (made.outputs["jobId"], 300)


def test_a_hand_edit_is_named_and_healed(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    api.put(f"{LOGPUSH}/jobs/{made.outputs['jobId']}", {"enabled": False, "max_upload_records": 1000})
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs(token)) == {"enabled": "update", "maxUploadRecords": "update"}
    provider.update(refreshed, inputs(token))
    (job,) = jobs(api)
    assert (job["enabled"], job["max_upload_records"]) == (True, 10_000)


def test_a_new_token_is_sent_although_nothing_else_differs(
    provider: Provider, api: ControlPlane, emulator: Running, token: dict[str, str]
) -> None:
    made = provider.create(inputs(token))
    new = new_token(api)
    assert provider.diff(made, inputs(new)) == {"tokenId": "update", "tokenValue": "update"}
    updated = provider.update(made, inputs(new))
    assert puts(emulator) == 1
    assert updated.outputs["destinationDigest"] != made.outputs["destinationDigest"]


def test_another_name_is_another_job(provider: Provider, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    assert provider.diff(made, inputs(token, name="other")) == {"name": "update_replace"}


def test_what_somebody_removed_is_gone(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    api.delete(f"{LOGPUSH}/jobs/{made.outputs['jobId']}")
    assert provider.refreshed(made) is None


def test_removing_it_twice_is_fine(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    made = provider.create(inputs(token))
    provider.delete(made)
    provider.delete(made)
    assert jobs(api) == []


def test_a_failing_job_says_why(
    provider: Provider, api: ControlPlane, emulator: Running, token: dict[str, str]
) -> None:
    made = provider.create(inputs(token))
    assert "errorMessage" not in made.outputs
    state = emulator.admin("GET", "/state")
    (job,) = state["accounts"]["test-account"]["Jobs"]["all"].values()
    job["error_message"] = "no permission to write"
    emulator.admin("PUT", "/state", state)
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert refreshed.outputs["errorMessage"] == "no permission to write"
    assert provider.diff(refreshed, inputs(token)) == {}


# --- import, and what a killed `up` left ---


@pytest.mark.parametrize("by", ["id", "name"])
def test_a_job_is_imported_by_its_id_or_its_name(
    provider: Provider, emulator: Running, token: dict[str, str], by: str
) -> None:
    made = provider.create(inputs(token))
    imported = provider.imported(made.id if by == "id" else "test-account/inference-dev")
    assert imported.id == made.id
    assert provider.diff(imported, inputs(token)) == {"tokenId": "add", "tokenValue": "add"}
    settled = provider.refreshed(provider.update(imported, inputs(token)))
    assert settled is not None
    assert provider.diff(settled, inputs(token)) == {}
    assert puts(emulator) == 1


def test_a_job_that_nobody_recorded_is_taken_in_by_its_name(
    provider: Provider, api: ControlPlane, token: dict[str, str]
) -> None:
    lost = provider.create(inputs(token))
    made = provider.create(inputs(token))
    assert made.id == lost.id
    assert len(jobs(api)) == 1
    assert provider.said == ['Logpush job "inference-dev" was there already, for the same place: taken in']


def test_a_job_of_the_same_name_that_writes_elsewhere_is_left_alone(
    provider: Provider, api: ControlPlane, token: dict[str, str]
) -> None:
    provider.create(inputs(token, path="theirs"))
    with pytest.raises(grpc.RpcError, match='which is not in this stack and writes to "logs/theirs"'):
        provider.create(inputs(token))
    assert len(jobs(api)) == 1


def test_an_answer_that_was_lost_makes_no_second_job(
    provider: Provider, api: ControlPlane, emulator: Running, token: dict[str, str]
) -> None:
    emulator.fault("/client/v4/accounts/*/logpush/jobs", method="POST", truncate=5)
    made = provider.create(inputs(token))
    assert [job["id"] for job in jobs(api)] == [made.outputs["jobId"]]


def test_a_job_of_another_dataset_is_not_imported(emulator: Running) -> None:
    other = {"id": 7, "dataset": "http_requests", "destination_conf": "s3://x/y", "name": "web"}
    with (
        provider_of(TOKEN, answering(httpx.Response(200, json={"success": True, "result": other}))) as provider,
        pytest.raises(grpc.RpcError, match='job 7 is for the dataset "http_requests"'),
    ):
        provider.imported("test-account/7")


# --- refusals ---


def test_a_bucket_that_is_not_there_is_told_before_the_job_is_made(
    provider: Provider, emulator: Running, token: dict[str, str], waits: list[float]
) -> None:
    with pytest.raises(grpc.RpcError, match=r'cannot write logs to the bucket "nowhere": .*NoSuchBucket'):
        provider.create(inputs(token, bucket="nowhere"))
    assert [call["path"].rpartition("/")[2] for call in emulator.journal("/logpush") if call["method"] == "POST"] == [
        "destination"
    ]
    assert waits == []


def test_a_token_made_a_moment_ago_is_waited_for(
    provider: Provider, emulator: Running, token: dict[str, str], waits: list[float]
) -> None:
    refusal = {"success": True, "result": {"valid": False, "message": "error writing object: AccessDenied"}}
    emulator.fault("/client/v4/accounts/*/logpush/validate/*", status=200, body=refusal, times=2)
    provider.create(inputs(token))
    assert waits == [1.0, 2.0]


def test_an_account_that_may_have_no_more_jobs_is_told_what_to_do(
    provider: Provider, emulator: Running, token: dict[str, str]
) -> None:
    emulator.assume(logpush_allowed="exceeded-max-jobs")
    with pytest.raises(grpc.RpcError, match=r"exceeded max jobs allowed.* Remove one that nobody needs"):
        provider.create(inputs(token))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"maxUploadBytes": 4_999_999}, "maxUploadBytes: is 0 or between 5,000,000 and 1,000,000,000; found 4999999"),
        ({"maxUploadIntervalSeconds": 29}, "maxUploadIntervalSeconds: is 0 or between 30 and 300; found 29"),
        ({"maxUploadRecords": 999}, "maxUploadRecords: is 0 or between 1,000 and 1,000,000; found 999"),
        ({"format": "xml"}, 'format: is ndjson or csv; found "xml"'),
        ({"sampleRate": 0}, "sampleRate: is greater than 0 and at most 1; found 0"),
        ({"filter": "Gateway eq x"}, "filter: is a JSON object as text, such as '{\"where\": {…}}'"),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    provider: Provider, token: dict[str, str], change: dict[str, Any], complaint: str
) -> None:
    assert provider.complaints(inputs(token, **change)) == [complaint]


def test_a_field_that_the_dataset_lacks_is_named(provider: Provider, token: dict[str, str]) -> None:
    (complaint,) = provider.complaints(inputs(token, fields=["Gateway", "RayID"]))
    assert complaint.startswith("fields: RayID: not a field of this dataset")


def test_limits_of_zero_are_no_limits(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    none = {"maxUploadBytes": 0, "maxUploadIntervalSeconds": 0, "maxUploadRecords": 0}
    made = provider.create(inputs(token, **none))
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs(token, **none)) == {}


# --- secrets ---


def test_the_keys_are_nowhere_in_plain_text(provider: Provider, api: ControlPlane, token: dict[str, str]) -> None:
    secret = sha256(token["tokenValue"].encode()).hexdigest()
    made = provider.create(inputs(token))
    refreshed = provider.refreshed(made)
    updated = provider.update(made, inputs(token, enabled=False))
    assert refreshed is not None
    for kept in (made, refreshed, updated):
        assert secret not in kept.on_disk
        assert token["tokenValue"] not in kept.on_disk
        assert kept.outputs["tokenValue"] == token["tokenValue"]


def test_a_refusal_that_quotes_the_destination_is_told_without_its_secret(token: dict[str, str]) -> None:
    secret = sha256(token["tokenValue"].encode()).hexdigest()
    error = {"code": 1002, "message": f"bad destination r2://logs?secret-access-key={secret}"}
    refusal = httpx.Response(400, json={"success": False, "errors": [error]})
    answers = answering(httpx.Response(200, json={"success": True, "result": []}), refusal)
    with provider_of(TOKEN, answers) as provider, pytest.raises(grpc.RpcError) as refused:
        provider.create(inputs(token))
    assert secret not in str(refused.value)
    assert "secret-access-key=***" in str(refused.value)


def answering(*answers: httpx.Response) -> ControlPlane:
    """Prepared answers in turn, the last one for ever: the emulator quotes no secret and has no other dataset."""
    left = list(answers)
    transport = httpx.MockTransport(lambda request: left.pop(0) if len(left) > 1 else left[0])
    return ControlPlane(TEST_TOKEN, transport=transport)


def test_a_preview_does_not_wait_for_a_token_that_is_not_made_yet(provider: Provider) -> None:
    planned = provider.planned(inputs({"tokenId": UNKNOWN, "tokenValue": UNKNOWN}))
    assert (planned["jobId"], planned["destinationDigest"]) == (UNKNOWN, UNKNOWN)
