"""The signature against AWS's published examples and botocore; the bucket against moto over HTTP."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from botocore.auth import S3SigV4Auth  # type: ignore[import-untyped]
from botocore.awsrequest import AWSRequest  # type: ignore[import-untyped]
from botocore.credentials import Credentials  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from gateway_config.cloudflare.r2 import ATTEMPTS, Bucket, Keys, ObjectsRefusedError, Signed, endpoint
from gateway_config.errors import UnreachableError, UsageError
from tests.s3 import S3, running_s3

KEYS = Keys("test-key-id", "test-" * 8)
# The keys of AWS's own documentation, in pieces: together they look like real ones.
AWS_EXAMPLE = Keys("AKIA" + "IOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG" + "/bPxRfiCYEXAMPLEKEY")
AWS_MOMENT = datetime.datetime(2013, 5, 24, tzinfo=datetime.UTC)


def signature(request: httpx.Request) -> str:
    return request.headers["Authorization"].rpartition("Signature=")[2]


# --- the signature ---


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("lifecycle", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"),
        ("max-keys=2&prefix=J", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"),
    ],
)
def test_the_signature_is_the_one_of_awss_published_example(query: str, expected: str) -> None:
    request = httpx.Request("GET", f"https://examplebucket.s3.amazonaws.com/?{query}")
    next(Signed(AWS_EXAMPLE, "us-east-1", lambda: AWS_MOMENT).auth_flow(request))
    assert signature(request) == expected


@given(
    key=st.text(st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1),
    body=st.binary(max_size=50),
)
def test_botocore_signs_the_same_whatever_the_key_and_the_body(key: str, body: bytes) -> None:
    key = "x" + key.replace("..", "")  # clients and servers resolve dots in a path
    if "/./" in key or key.endswith("/."):
        return
    url = f"https://account.r2.cloudflarestorage.com/bucket/{quote(key, safe='/-_.~')}"
    ours = httpx.Request("PUT", url, content=body)
    next(Signed(KEYS).auth_flow(ours))
    assert signature(ours) == botocores_signature(url, body, ours.headers["x-amz-date"])


def botocores_signature(url: str, body: bytes, moment: str) -> str:
    theirs = AWSRequest("PUT", url, data=body, headers={"X-Amz-Date": moment})
    theirs.headers["X-Amz-Content-SHA256"] = hashlib.sha256(body).hexdigest()
    theirs.context["timestamp"] = moment
    signer = S3SigV4Auth(Credentials(KEYS.access_key_id, KEYS.secret_access_key), "s3", "auto")
    return str(signer.signature(signer.string_to_sign(theirs, signer.canonical_request(theirs)), theirs))


# --- keys ---


def test_the_secret_key_is_the_hex_sha_256_of_the_tokens_value() -> None:
    keys = Keys.of_token("token-id", "abc")
    assert keys.access_key_id == "token-id"
    assert keys.secret_access_key == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_secret_key_is_in_no_repr() -> None:
    bucket = Bucket("https://account.r2.cloudflarestorage.com", "config", KEYS)
    assert KEYS.secret_access_key not in f"{KEYS!r} {bucket!r} {vars(bucket)}"


def test_the_endpoint_is_the_accounts_own_unless_another_is_named() -> None:
    assert endpoint("acc", environment={}) == "https://acc.r2.cloudflarestorage.com"
    assert endpoint("acc", "eu", {}) == "https://acc.eu.r2.cloudflarestorage.com"
    assert endpoint("acc", "eu", {"GATEWRIGHT_R2_URL": "http://127.0.0.1:1"}) == "http://127.0.0.1:1"


def test_beside_an_emulator_the_s3_side_must_be_named_too() -> None:
    emulator = {"CLOUDFLARE_BASE_URL": "http://127.0.0.1:8787/client/v4"}
    with pytest.raises(UsageError, match="export GATEWRIGHT_R2_URL"):
        endpoint("acc", environment=emulator)
    named = {**emulator, "GATEWRIGHT_R2_URL": "http://127.0.0.1:5000"}
    assert endpoint("acc", environment=named) == "http://127.0.0.1:5000"


# --- the bucket, over HTTP ---


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with running_s3() as s3:
        yield s3


@pytest.fixture
def bucket(s3: S3) -> Iterator[Bucket]:
    s3.reset()
    s3.make_bucket("config")
    with Bucket(s3.url, "config", KEYS) as bucket:
        yield bucket


@pytest.mark.http
def test_what_was_put_is_what_is_got_with_the_same_etag(bucket: Bucket) -> None:
    etag = bucket.put("a b/ü+$.json", b'{"x": 1}', "application/json")
    found = bucket.get("a b/ü+$.json")
    assert found is not None
    assert (found.body, found.etag) == (b'{"x": 1}', etag)


@pytest.mark.http
def test_an_object_that_is_not_there_is_none(bucket: Bucket) -> None:
    assert bucket.get("nothing") is None


@pytest.mark.http
def test_what_is_gone_can_be_deleted_again(bucket: Bucket) -> None:
    bucket.put("x", b"1")
    bucket.delete("x")
    bucket.delete("x")
    assert bucket.get("x") is None


@pytest.mark.http
def test_writing_into_no_bucket_is_refused_by_name(s3: S3) -> None:
    with Bucket(s3.url, "no-such-bucket", KEYS) as bucket, pytest.raises(ObjectsRefusedError, match="NoSuchBucket"):
        bucket.put("x", b"1")


# --- failures ---


class Answers:
    """Gives prepared answers in turn, the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.calls = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def bucket(self) -> Bucket:
        return Bucket("https://r2.test", "config", KEYS, transport=httpx.MockTransport(self), sleep=lambda s: None)


def test_a_passing_failure_is_tried_again() -> None:
    answers = Answers(httpx.Response(503), httpx.ConnectError("no"), httpx.Response(200, headers={"ETag": '"e"'}))
    assert answers.bucket().put("x", b"1") == '"e"'
    assert answers.calls == 3


def test_a_refusal_says_s3s_word_and_what_to_look_at() -> None:
    xml = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
    with pytest.raises(ObjectsRefusedError) as refused:
        Answers(httpx.Response(403, text=xml)).bucket().get("x")
    assert refused.value.code == "AccessDenied"
    assert str(refused.value) == (
        "R2 refused GET config/x: Access Denied (HTTP 403, AccessDenied)."
        " Check that the token is for this bucket, active, and allowed to do this."
    )


def test_a_failure_that_lasts_is_a_refusal_with_its_status() -> None:
    answers = Answers(httpx.Response(503, text="<html>"))
    with pytest.raises(ObjectsRefusedError, match=r"without a reason \(HTTP 503\)\. Try again"):
        answers.bucket().get("x")
    assert answers.calls == ATTEMPTS


def test_an_answer_whose_encoding_is_broken_is_no_answer() -> None:
    answers = Answers(httpx.DecodingError("no gzip"))
    with pytest.raises(UnreachableError, match=r"DecodingError\. Try again"):
        answers.bucket().get("x")
    assert answers.calls == ATTEMPTS


def test_a_page_to_sign_in_at_is_not_taken_for_s3() -> None:
    bucket = Answers(httpx.Response(200, html="<h1>Welcome to our hotel</h1>")).bucket()
    with pytest.raises(UnreachableError, match=r"What answers at r2\.test is no S3: it gives no ETag"):
        bucket.put("x", b"1")
    with pytest.raises(UnreachableError, match=r"What answers at r2\.test is no S3: it gives a page"):
        bucket.delete("x")


def test_no_answer_at_all_names_the_host() -> None:
    with pytest.raises(UnreachableError, match=r"Cannot reach r2\.test for GET config/x: ConnectError"):
        Answers(httpx.ConnectError("no")).bucket().get("x")
