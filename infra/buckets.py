"""The R2 buckets of a stage: one for logs and usage with a retention, a small one for the published config."""

from __future__ import annotations

from typing import NamedTuple

from pulumi import ResourceOptions

from infra.changes import LOGS
from infra.resources import R2Bucket, R2BucketLifecycle
from infra.settings import Buckets, Settings
from infra.take_in import TakeIn

_DAY_S = 24 * 3600
# A PUT of the rules replaces all of them, so the rule that every bucket is born with is stated again (facts, 4).
_BORN_WITH = {
    "id": "Default Multipart Abort Rule",
    "enabled": True,
    "conditions": {"prefix": ""},
    "abortMultipartUploadsTransition": {"condition": {"type": "Age", "maxAge": 7 * _DAY_S}},
}
RETENTION = "gatewright-retention"
"""The id of our rule. Whoever finds it in a bucket knows that Gatewright made that bucket."""


class MadeBuckets(NamedTuple):
    """The bucket of logs, its retention, and the bucket of the published config."""

    logs: R2Bucket
    retention: R2BucketLifecycle
    config: R2Bucket


def make_buckets(settings: Settings, wanted: Buckets, take_in: TakeIn) -> MadeBuckets:
    """Both buckets of a stage.

    Logs outlive their stage: the engine forgets their bucket and removes nothing.
    """
    kept = ResourceOptions(retain_on_delete=True)
    logs = _bucket(LOGS, wanted.logs, settings, wanted, ResourceOptions.merge(kept, _taken(take_in, "logs")))
    rule = {
        "id": RETENTION,
        "enabled": True,
        "conditions": {"prefix": ""},
        "deleteObjectsTransition": {"condition": {"type": "Age", "maxAge": wanted.retention_days * _DAY_S}},
    }
    retention = R2BucketLifecycle(
        "bucket-logs-retention",
        account_id=settings.account,
        bucket_name=logs.name,
        rules=[_BORN_WITH, rule],
        jurisdiction=wanted.jurisdiction,
    )
    config = _bucket("bucket-config", wanted.config, settings, wanted, _taken(take_in, "config"))
    return MadeBuckets(logs, retention, config)


def _taken(take_in: TakeIn, bucket: str) -> ResourceOptions:
    return take_in.options(f"bucket-{bucket}", ["location", "jurisdiction"])


def _bucket(resource_name: str, name: str, settings: Settings, wanted: Buckets, opts: ResourceOptions) -> R2Bucket:
    return R2Bucket(
        resource_name,
        account_id=settings.account,
        name=name,
        location=wanted.location,
        jurisdiction=wanted.jurisdiction,
        opts=ResourceOptions.merge(ResourceOptions(protect=settings.safety is not None), opts),
    )
