"""R2's S3 side: moto's, over HTTP. It accepts every key, so it proves what is stored, never who may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import httpx
from moto.server import ThreadedMotoServer


@dataclass(frozen=True)
class S3:
    """Where it listens, and AWS's own client as a second pair of eyes."""

    url: str
    client: Any

    def reset(self) -> None:
        httpx.post(f"{self.url}/moto-api/reset", verify=False).raise_for_status()

    def make_bucket(self, name: str) -> None:
        self.client.create_bucket(Bucket=name)

    def text(self, bucket: str, key: str) -> str:
        return str(self.client.get_object(Bucket=bucket, Key=key)["Body"].read().decode())

    def buckets(self) -> list[str]:
        return [bucket["Name"] for bucket in self.client.list_buckets()["Buckets"]]

    def objects(self, bucket: str) -> dict[str, bytes]:
        """What a bucket holds, by key."""
        return {key: self.client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.keys(bucket)}

    def keys(self, bucket: str) -> list[str]:
        return [item["Key"] for item in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextmanager
def running_s3() -> Iterator[S3]:
    """An S3 in a thread on a free port of 127.0.0.1, gone when the block ends.

    All of moto's servers in a process share their buckets, so it begins and ends empty.
    """
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url, keys = f"http://{host}:{port}", {"aws_access_key_id": "test-id", "aws_secret_access_key": "test-" * 8}
    client = boto3.client("s3", endpoint_url=url, region_name="us-east-1", **keys)
    s3 = S3(url, client)
    s3.reset()
    try:
        yield s3
    finally:
        s3.reset()
        client.close()
        server.stop()
