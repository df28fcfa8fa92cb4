"""PublishedConfig over gRPC, against moto's S3 over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from gateway_config.cloudflare import r2
from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.cloudflare.r2 import ObjectsRefusedError
from infra.provider.values import UNKNOWN
from tests.provider.given import TEST_TOKEN, Kept, Provider, provider_of
from tests.s3 import S3

pytestmark = pytest.mark.http
CONTENT = '{"stage":"dev","digest":"abc"}'


def inputs(**changes: Any) -> dict[str, Any]:
    told = {
        "accountId": "test-account",
        "bucket": "configs",
        "key": "inference-dev.json",
        "content": CONTENT,
        "tokenId": "token-id",
        "tokenValue": TEST_TOKEN,
    }
    return {**told, **changes}


@pytest.fixture
def provider(s3: S3, no_control_plane: ControlPlane) -> Iterator[Provider]:
    with provider_of("gatewright:index:PublishedConfig", no_control_plane) as provider:
        s3.make_bucket("configs")
        yield provider


def stored(s3: S3) -> str:
    return s3.text("configs", "inference-dev.json")


def test_the_config_is_written_as_it_is_and_served_as_json(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    head = s3.client.head_object(Bucket="configs", Key="inference-dev.json")
    assert stored(s3) == CONTENT
    assert head["ContentType"] == "application/json"
    assert made.outputs["etag"] == head["ETag"]


def test_applied_twice_nothing_is_written_the_second_time(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    first = s3.client.head_object(Bucket="configs", Key="inference-dev.json")["LastModified"]
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs()) == {}
    provider.update(made, inputs())
    assert s3.client.head_object(Bucket="configs", Key="inference-dev.json")["LastModified"] == first


def test_a_new_config_differs_in_its_digest_alone(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    assert provider.diff(made, inputs(content="{}")) == {"contentDigest": "update"}
    provider.update(made, inputs(content="{}"))
    assert stored(s3) == "{}"


def test_what_somebody_wrote_over_it_is_drift_and_is_healed(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    s3.client.put_object(Bucket="configs", Key="inference-dev.json", Body=b"\xffmine now")
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs()) == {"contentDigest": "update"}
    assert "mine now" not in refreshed.on_disk
    provider.update(refreshed, inputs())
    assert stored(s3) == CONTENT


def test_what_somebody_removed_is_gone_and_is_made_again(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    s3.client.delete_object(Bucket="configs", Key="inference-dev.json")
    assert provider.refreshed(made) is None
    provider.create(inputs())
    assert stored(s3) == CONTENT


def test_another_key_is_another_object_and_the_old_one_goes(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    assert provider.diff(made, inputs(key="other.json")) == {"key": "update_replace"}
    provider.create(inputs(key="other.json"))
    provider.delete(made)
    assert s3.keys("configs") == ["other.json"]


def test_removing_it_twice_is_fine(provider: Provider, s3: S3) -> None:
    made = provider.create(inputs())
    provider.delete(made)
    provider.delete(made)
    assert s3.keys("configs") == []


def test_a_preview_knows_the_digest_and_not_the_etag(provider: Provider) -> None:
    planned = provider.planned(inputs())
    assert len(planned["contentDigest"]) == 64
    assert planned["etag"] == UNKNOWN
    made = provider.create(inputs())
    assert provider.planned(inputs(), made)["etag"] == made.outputs["etag"]


def test_the_tokens_value_is_secret_wherever_the_engine_keeps_it(provider: Provider) -> None:
    made = provider.create(inputs())
    refreshed = provider.refreshed(made)
    updated = provider.update(made, inputs(content="{}"))
    assert refreshed is not None
    for kept in (made, refreshed, updated):
        assert TEST_TOKEN not in kept.on_disk
        assert kept.outputs["tokenValue"] == TEST_TOKEN


@pytest.mark.parametrize("missing", ["accountId", "bucket", "key", "content", "tokenId", "tokenValue"])
def test_what_is_missing_is_named(provider: Provider, missing: str) -> None:
    told = inputs()
    del told[missing]
    assert provider.complaints(told) == [f"{missing}: is required"]


def test_a_digest_that_is_not_the_contents_is_refused(provider: Provider) -> None:
    assert provider.complaints(inputs(contentDigest="0" * 64)) == [
        "contentDigest: is not the SHA-256 of the content; leave it out"
    ]


def test_it_is_not_imported(provider: Provider) -> None:
    with pytest.raises(grpc.RpcError, match="a published config is not imported: the next `up` writes it"):
        provider.imported("test-account/configs/inference-dev.json")


class Refusing:
    """A bucket that refuses some calls, as one does that does not know the token yet."""

    def __init__(self, refusals: int, status: int = 403) -> None:
        self.left, self.status = refusals, status
        self.real = r2.Bucket

    def __call__(self, *arguments: Any) -> Any:
        return RefusingBucket(self, self.real(*arguments))


class RefusingBucket:
    def __init__(self, switch: Refusing, real: Any) -> None:
        self._switch, self._real = switch, real

    def __enter__(self) -> RefusingBucket:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.__exit__()

    def __getattr__(self, name: str) -> Any:
        if self._switch.left:
            self._switch.left -= 1
            status, code = self._switch.status, "AccessDenied" if self._switch.status == 403 else "SlowDown"
            raise ObjectsRefusedError(f"{name.upper()} configs/x", status, code, "Access Denied")
        return getattr(self._real, name)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("infra.provider.patience.time.sleep", waited.append)
    return waited


def test_a_token_made_a_moment_ago_is_waited_for(
    provider: Provider, s3: S3, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr("infra.provider.published_config.Bucket", Refusing(2))
    provider.create(inputs())
    assert waits == [1.0, 2.0]
    assert stored(s3) == CONTENT


def test_a_token_that_stays_refused_ends_in_an_error_without_its_value(
    provider: Provider, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    monkeypatch.setattr("infra.provider.published_config.Bucket", Refusing(99))
    with pytest.raises(grpc.RpcError, match=r"R2 refused GET configs/x: Access Denied") as refused:
        provider.create(inputs())
    assert TEST_TOKEN not in str(refused.value)


def test_trouble_on_r2s_side_is_said_and_not_taken_for_a_change(
    provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = provider.create(inputs())
    monkeypatch.setattr("infra.provider.published_config.Bucket", Refusing(1, status=503))
    with pytest.raises(grpc.RpcError, match="HTTP 503, SlowDown"):
        provider.refreshed(made)


def test_a_token_that_is_gone_stops_no_preview_and_a_new_one_heals(
    provider: Provider, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = provider.create(inputs())
    monkeypatch.setattr("infra.provider.published_config.Bucket", Refusing(1))
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    new = inputs(tokenId="new-id")
    assert provider.diff(refreshed, new) == {"contentDigest": "add", "tokenId": "update"}
    healed: Kept = provider.update(refreshed, new)
    assert healed.outputs["etag"] == made.outputs["etag"]
