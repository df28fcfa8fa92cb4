"""Where the objects of buckets are: in this emulator's memory, or in a real S3 API that was named.

R2's S3 side is somebody else's work (moto's server, say); the emulator only writes what Logpush writes.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol


class ObjectsUnreachable(Exception):
    """The S3 API does not answer, or refuses."""


class Objects(Protocol):
    """Objects by bucket and key."""

    async def make_bucket(self, bucket: str) -> None: ...

    async def drop_bucket(self, bucket: str) -> bool:
        """Whether it was dropped; a bucket with objects is not."""
        ...

    async def put(self, bucket: str, key: str, body: bytes) -> None: ...


class ObjectsInMemory:
    """For those who need no S3; read through `/_emulator/objects/{bucket}/{key}`."""

    def __init__(self) -> None:
        self.by_bucket: dict[str, dict[str, bytes]] = {}

    async def make_bucket(self, bucket: str) -> None:
        self.by_bucket.setdefault(bucket, {})

    async def drop_bucket(self, bucket: str) -> bool:
        return not self.by_bucket.get(bucket) and self.by_bucket.pop(bucket, {}) == {}

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        self.by_bucket.setdefault(bucket, {})[key] = body


class ObjectsInS3:
    """In a real S3 API at `url`, spoken to by boto3."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._made: Any = None

    def _client(self) -> Any:
        """boto3 takes longer to import than the emulator to start, so it waits until it is needed."""
        if self._made is None:
            import boto3
            from botocore.config import Config  # type: ignore[import-untyped]

            config = Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10)
            keys = {"aws_access_key_id": "emulator", "aws_secret_access_key": "emulator"}
            region = {"endpoint_url": self.url, "region_name": "us-east-1"}
            self._made = boto3.client("s3", config=config, **keys, **region)
        return self._made

    async def _do(self, action: str, **arguments: Any) -> Any:
        def run() -> Any:
            return getattr(self._client(), action)(**arguments)

        try:
            return await asyncio.get_running_loop().run_in_executor(None, run)
        except Exception as error:  # botocore makes its exception classes at run time
            raise ObjectsUnreachable(f"{self.url}: {error}") from error

    async def make_bucket(self, bucket: str) -> None:
        await self._do("create_bucket", Bucket=bucket)

    async def drop_bucket(self, bucket: str) -> bool:
        listed = await self._do("list_objects_v2", Bucket=bucket, MaxKeys=1)
        if listed.get("KeyCount"):
            return False
        await self._do("delete_bucket", Bucket=bucket)
        return True

    async def put(self, bucket: str, key: str, body: bytes) -> None:
        await self._do("put_object", Bucket=bucket, Key=key, Body=body)
