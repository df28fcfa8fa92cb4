"""Buckets, and the records that Logpush writes into them."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.emulator.server import Running
from tests.emulator_tests.given import ACCOUNT, LLAMA, chat_body

pytestmark = pytest.mark.http
Gateway = Callable[..., str]
ITEM_WRITE, ITEM_READ = "2efd5506f9c8494dacb1fa10a3e7d5b6", "6a018a9f2fc74eb6b293b0c548f38b39"
ONE_BUCKET = {f"com.cloudflare.edge.r2.bucket.{ACCOUNT}_default_logs": "*"}
FIELDS = {
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
}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_KEY = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.fixture
def bucket(control: httpx.Client) -> str:
    control.post("/r2/buckets", json={"name": "logs"}).raise_for_status()
    return "logs"


@pytest.fixture
def destination(control: httpx.Client, bucket: str) -> Callable[..., str]:
    """The destination of a job, with keys of a token that has one group on the bucket."""

    def create(group: str = ITEM_WRITE, path: str = "ai/{DATE}") -> str:
        policy = {"effect": "allow", "resources": ONE_BUCKET, "permission_groups": [{"id": group}]}
        token = control.post("/tokens", json={"name": "push", "policies": [policy]}).json()["result"]
        secret = sha256(token["value"].encode()).hexdigest()
        keys = f"access-key-id={token['id']}&secret-access-key={secret}"
        return f"r2://{bucket}/{path}?account-id={ACCOUNT}&{keys}"

    return create


def job(conf: str, **more: Any) -> dict[str, Any]:
    options = {"output_type": "ndjson", "field_names": sorted(FIELDS)}
    head = {"name": "aig", "dataset": "ai_gateway_events", "enabled": True, "destination_conf": conf}
    return {**head, "output_options": options, **more}


def test_a_bucket_is_created_read_and_deleted(control: httpx.Client, bucket: str) -> None:
    made = control.get("/r2/buckets/logs").json()["result"]
    assert (made["name"], made["location"], made["storage_class"]) == ("logs", "WEUR", "Standard")
    control.delete("/r2/buckets/logs").raise_for_status()
    reply = control.get("/r2/buckets/logs")
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (404, 10006)


@pytest.mark.parametrize(("name", "code"), [("Bad_Name", 10005), ("x", 10005), ("logs", 10004)])
def test_a_bucket_that_cannot_be_is_refused(control: httpx.Client, bucket: str, name: str, code: int) -> None:
    assert control.post("/r2/buckets", json={"name": name}).json()["errors"][0]["code"] == code


def test_buckets_are_listed_inside_result_by_cursor(control: httpx.Client) -> None:
    for name in ("aaa", "bbb", "ccc"):
        control.post("/r2/buckets", json={"name": name}).raise_for_status()
    first = control.get("/r2/buckets", params={"per_page": 2}).json()
    rest = control.get("/r2/buckets", params={"cursor": first["result_info"]["cursor"]}).json()
    assert [one["name"] for one in first["result"]["buckets"] + rest["result"]["buckets"]] == ["aaa", "bbb", "ccc"]


def test_a_jurisdiction_has_buckets_of_its_own(control: httpx.Client, bucket: str) -> None:
    assert control.get("/r2/buckets/logs", headers={"cf-r2-jurisdiction": "eu"}).status_code == 404


def test_locations_can_be_assumed_lower(emulator: Running, control: httpx.Client, bucket: str) -> None:
    emulator.assume(bucket_location="lower")
    assert control.get("/r2/buckets/logs").json()["result"]["location"] == "weur"


def test_lifecycle_rules_are_replaced(control: httpx.Client, bucket: str) -> None:
    condition = {"type": "Age", "maxAge": 86400}
    rule = {
        "id": "old",
        "enabled": True,
        "conditions": {"prefix": ""},
        "deleteObjectsTransition": {"condition": condition},
    }
    control.put("/r2/buckets/logs/lifecycle", json={"rules": [rule]}).raise_for_status()
    assert control.get("/r2/buckets/logs/lifecycle").json()["result"] == {"rules": [rule]}
    assert control.put("/r2/buckets/logs/lifecycle", json={"rules": [{"id": "x"}]}).status_code == 400


def test_temporary_credentials_end_within_a_week(control: httpx.Client, destination: Callable[..., str]) -> None:
    parent = destination().partition("access-key-id=")[2].partition("&")[0]
    wanted = {"bucket": "logs", "permission": "object-read-only", "parentAccessKeyId": parent}
    good = control.post("/r2/temp-access-credentials", json={**wanted, "ttlSeconds": 60}).json()["result"]
    assert good.keys() == {"accessKeyId", "secretAccessKey", "sessionToken"}
    assert control.post("/r2/temp-access-credentials", json={**wanted, "ttlSeconds": 604801}).status_code == 400
    other = {**wanted, "parentAccessKeyId": "nobody", "ttlSeconds": 60}
    assert control.post("/r2/temp-access-credentials", json=other).status_code == 403


def test_a_job_echoes_its_destination_without_secrets(control: httpx.Client, destination: Callable[..., str]) -> None:
    conf = destination()
    made = control.post("/logpush/jobs", json=job(conf)).json()["result"]
    assert isinstance(made["id"], int)
    assert conf.rpartition("=")[2] not in json.dumps(made)
    assert "account-id=" in made["destination_conf"]


@pytest.mark.parametrize(
    ("conf", "words"),
    [
        ("r2://nowhere/x?account-id=a&access-key-id=b&secret-access-key=c", "bucket does not exist"),
        (f"r2://logs/x?account-id={ACCOUNT}&access-key-id=b&secret-access-key=c", "SignatureDoesNotMatch"),
        ("r2://logs/x?account-id=a", "lacks access-key-id"),
        ("s3://logs/x", "must be r2://"),
    ],
)
def test_a_destination_that_cannot_be_written_is_refused(
    control: httpx.Client, bucket: str, conf: str, words: str
) -> None:
    reply = control.post("/logpush/jobs", json=job(conf))
    assert (reply.status_code, words in reply.text) == (400, True)
    checked = control.post("/logpush/validate/destination", json={"destination_conf": conf}).json()["result"]
    assert (checked["valid"], words in checked["message"]) == (False, True)


def test_keys_that_may_only_read_are_refused(control: httpx.Client, destination: Callable[..., str]) -> None:
    reply = control.post("/logpush/jobs", json=job(destination(ITEM_READ)))
    assert (reply.status_code, "AccessDenied" in reply.text) == (400, True)


@pytest.mark.parametrize(
    "more",
    [{"max_upload_interval_seconds": 5}, {"max_upload_records": 10}, {"max_upload_bytes": 100}, {"kind": "other"}],
)
def test_limits_out_of_range_are_refused(
    control: httpx.Client, destination: Callable[..., str], more: dict[str, Any]
) -> None:
    assert control.post("/logpush/jobs", json=job(destination(), **more)).status_code == 400


def test_other_datasets_are_forbidden(control: httpx.Client, destination: Callable[..., str]) -> None:
    reply = control.post("/logpush/jobs", json=job(destination(), dataset="http_requests"))
    assert (reply.status_code, "exceeded max jobs allowed" in reply.text) == (403, True)


def test_a_fifth_job_is_forbidden(control: httpx.Client, destination: Callable[..., str]) -> None:
    conf = destination()
    assert [control.post("/logpush/jobs", json=job(conf)).status_code for _ in range(5)] == [200] * 4 + [403]


def test_an_account_can_be_assumed_to_have_no_logpush(
    emulator: Running, control: httpx.Client, destination: Callable[..., str]
) -> None:
    emulator.assume(logpush_allowed="exceeded-max-jobs")
    assert control.post("/logpush/jobs", json=job(destination())).status_code == 403


def test_a_put_cannot_change_the_dataset(
    emulator: Running, control: httpx.Client, destination: Callable[..., str]
) -> None:
    made = control.post("/logpush/jobs", json=job(destination())).json()["result"]
    body = {"dataset": "http_requests", "enabled": False}
    changed = control.put(f"/logpush/jobs/{made['id']}", json=body).json()["result"]
    assert (changed["dataset"], changed["enabled"]) == ("ai_gateway_events", False)
    assert emulator.journal("/logpush/jobs")[-1]["dropped"]


def test_a_missing_job_is_1000(control: httpx.Client) -> None:
    reply = control.get("/logpush/jobs/7")
    assert (reply.status_code, reply.json()["errors"]) == (404, [{"code": 1000, "message": "job not found"}])


@pytest.fixture
def pushed(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway, destination: Callable[..., str]
) -> Callable[..., list[dict[str, Any]]]:
    """The records one chat leaves in the bucket, under these settings of the gateway."""

    def push(**settings: Any) -> list[dict[str, Any]]:
        gateway(logpush=True, **settings)
        control.post("/logpush/jobs", json=job(destination())).raise_for_status()
        body = chat_body(f"workers-ai/{LLAMA}", "remember me")
        data.post("/compat/chat/completions", json=body, headers={"cf-aig-metadata": '{"tenant": "t"}'})
        (written,) = emulator.admin("POST", "/logpush/flush")["written"]
        raw = httpx.get(f"{emulator.url}/_emulator/objects/logs/{written['key']}", verify=False).content
        return [json.loads(line) for line in gzip.decompress(raw).splitlines()]

    return push


def opened(envelope: dict[str, str]) -> Any:
    """What an encrypted field holds, read as documented."""
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    key, iv, data = (base64.b64decode(envelope[part]) for part in ("key", "iv", "data"))
    return json.loads(AESGCM(KEY.decrypt(key, oaep)).decrypt(iv, data, None))


def test_a_record_has_ten_fields_and_no_time(pushed: Callable[..., list[dict[str, Any]]]) -> None:
    (record,) = pushed()
    assert record.keys() == FIELDS
    assert (record["Gateway"], record["Model"], record["StatusCode"], record["Cached"]) == ("gw", LLAMA, 200, False)
    assert json.loads(record["Metadata"]) == {"tenant": "t"}


def test_with_a_key_metadata_and_bodies_are_encrypted(pushed: Callable[..., list[dict[str, Any]]]) -> None:
    (record,) = pushed(logpush_public_key=PUBLIC_KEY.decode())
    assert record["Metadata"]["type"] == "encrypted"
    assert opened(record["Metadata"]) == {"tenant": "t"}
    assert opened(record["RequestBody"])["messages"][0]["content"] == "remember me"
    assert opened(record["ResponseBody"])["object"] == "chat.completion"


def test_objects_are_named_by_day_and_time(emulator: Running, pushed: Callable[..., list[dict[str, Any]]]) -> None:
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:02:10Z"})
    pushed()
    keys = emulator.admin("GET", "/objects/logs")["keys"]
    assert any(key.startswith("ai/20261101/20261101T000210Z_20261101T000210Z_") for key in keys)
    assert any(key.endswith(".log.gz") for key in keys)


def test_a_job_remembers_why_it_could_not_write(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway, destination: Callable[..., str]
) -> None:
    gateway(logpush=True)
    conf = destination()
    made = control.post("/logpush/jobs", json=job(conf)).json()["result"]
    control.delete(f"/tokens/{conf.partition('access-key-id=')[2].partition('&')[0]}").raise_for_status()
    data.post("/compat/chat/completions", json=chat_body(f"workers-ai/{LLAMA}"))
    assert emulator.admin("POST", "/logpush/flush") == {"written": []}
    assert control.get(f"/logpush/jobs/{made['id']}").json()["result"]["error_message"]


@pytest.mark.parametrize(("wanted", "records"), [("gw", 1), ("other", 0)])
def test_a_filter_keeps_records_out(
    emulator: Running,
    control: httpx.Client,
    data: httpx.Client,
    gateway: Gateway,
    destination: Callable[..., str],
    wanted: str,
    records: int,
) -> None:
    gateway(logpush=True)
    where = {"and": [{"key": "Gateway", "operator": "eq", "value": wanted}]}
    control.post("/logpush/jobs", json=job(destination(), filter=json.dumps({"where": where}))).raise_for_status()
    data.post("/compat/chat/completions", json=chat_body(f"workers-ai/{LLAMA}"))
    assert len(emulator.admin("POST", "/logpush/flush")["written"]) == records


@pytest.mark.parametrize("text", ["{", "{}", '{"where": {"key": "Model", "operator": "like", "value": 1}}'])
def test_a_filter_that_cannot_be_read_is_refused(
    control: httpx.Client, destination: Callable[..., str], text: str
) -> None:
    assert control.post("/logpush/jobs", json=job(destination(), filter=text)).status_code == 400


def test_filters_can_be_assumed_refused(
    emulator: Running, control: httpx.Client, destination: Callable[..., str]
) -> None:
    emulator.assume(logpush_filter="refused")
    text = '{"where": {"key": "Gateway", "operator": "eq", "value": "gw"}}'
    assert control.post("/logpush/jobs", json=job(destination(), filter=text)).status_code == 400


def test_a_bucket_with_objects_is_not_deleted_unless_assumed_so(
    emulator: Running, control: httpx.Client, destination: Callable[..., str]
) -> None:
    control.post("/logpush/jobs", json=job(destination())).raise_for_status()
    assert control.delete("/r2/buckets/logs").json()["errors"][0]["code"] == 10008
    emulator.assume(delete_full_bucket="allowed")
    assert control.delete("/r2/buckets/logs").status_code == 200


def test_records_are_written_when_their_time_has_come(
    emulator: Running, control: httpx.Client, data: httpx.Client, gateway: Gateway, destination: Callable[..., str]
) -> None:
    gateway(logpush=True)
    emulator.admin("POST", "/clock", {"stop": "2026-11-01T00:00:00Z"})
    control.post("/logpush/jobs", json=job(destination(), max_upload_interval_seconds=60)).raise_for_status()
    for seconds in (0, 60):
        emulator.admin("POST", "/clock", {"advance_s": seconds})
        data.post("/compat/chat/completions", json=chat_body(f"workers-ai/{LLAMA}")).raise_for_status()
    written = [key for key in emulator.admin("GET", "/objects/logs")["keys"] if key.endswith(".log.gz")]
    assert len(written) == 1
    raw = httpx.get(f"{emulator.url}/_emulator/objects/logs/{written[0]}", verify=False).content
    assert len(gzip.decompress(raw).splitlines()) == 2


EC_KEY = ec.generate_private_key(ec.SECP256R1()).public_key()
EC_PEM = EC_KEY.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("key", ["test-not-a-key-at-all", EC_PEM.decode()])
def test_a_key_that_is_none_stops_records_and_not_requests(
    emulator: Running,
    control: httpx.Client,
    data: httpx.Client,
    gateway: Gateway,
    destination: Callable[..., str],
    key: str,
) -> None:
    gateway(logpush=True, logpush_public_key=key)
    made = control.post("/logpush/jobs", json=job(destination())).json()["result"]
    reply = data.post("/compat/chat/completions", json=chat_body(f"workers-ai/{LLAMA}"))
    assert reply.status_code == 200
    assert emulator.admin("POST", "/logpush/flush") == {"written": []}
    shown = control.get(f"/logpush/jobs/{made['id']}").json()["result"]
    assert "logpush_public_key of gateway gw" in shown["error_message"]
