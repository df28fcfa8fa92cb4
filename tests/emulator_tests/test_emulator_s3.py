"""Logpush writes into a real S3 API: moto's server as a process of its own, read by boto3."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import boto3
import httpx
import pytest

from tests.emulator.server import Running, listening, running_emulator
from tests.emulator_tests.given import ACCOUNT, LLAMA, MINIMAL, chat_body

pytestmark = pytest.mark.http
RESOURCE = f"com.cloudflare.edge.r2.bucket.{ACCOUNT}_default_logs"
SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]))
server.start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with listening("127.0.0.1", 0) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", SERVE, str(port)]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as process:
        assert process.stdout
        assert process.stdin
        while process.stdout.readline() != "ready\n":
            assert process.poll() is None
        yield f"http://127.0.0.1:{port}"
        process.terminate()


@pytest.fixture
def with_s3(s3_url: str) -> Iterator[Running]:
    with running_emulator(seed=1, s3_url=s3_url) as running:
        yield running


@pytest.fixture
def account(with_s3: Running) -> Iterator[httpx.Client]:
    base = f"{with_s3.control_plane}/accounts/{ACCOUNT}"
    with httpx.Client(base_url=base, headers=with_s3.auth, verify=False) as made:
        yield made


def test_records_arrive_in_a_bucket_that_boto3_reads(with_s3: Running, account: httpx.Client, s3_url: str) -> None:
    account.post("/r2/buckets", json={"name": "logs"}).raise_for_status()
    group = {"id": "2efd5506f9c8494dacb1fa10a3e7d5b6"}
    policy = {"effect": "allow", "resources": {RESOURCE: "*"}, "permission_groups": [group]}
    token = account.post("/tokens", json={"name": "push", "policies": [policy]}).json()["result"]
    keys = {"access-key-id": token["id"], "secret-access-key": sha256(token["value"].encode()).hexdigest()}
    conf = f"r2://logs/ai?account-id={ACCOUNT}&" + "&".join(f"{name}={value}" for name, value in keys.items())
    job = {"name": "aig", "dataset": "ai_gateway_events", "enabled": True, "destination_conf": conf}
    account.post("/logpush/jobs", json=job).raise_for_status()
    account.post("/ai-gateway/gateways", json={"id": "gw", **MINIMAL, "logpush": True}).raise_for_status()
    url = f"{with_s3.data_plane}/{ACCOUNT}/gw/compat/chat/completions"
    httpx.post(url, json=chat_body(f"workers-ai/{LLAMA}"), headers=with_s3.auth, verify=False).raise_for_status()
    (written,) = with_s3.admin("POST", "/logpush/flush")["written"]
    s3 = boto3.client(
        "s3",
        endpoint_url=s3_url,
        region_name="auto",
        aws_access_key_id=keys["access-key-id"],
        aws_secret_access_key=keys["secret-access-key"],
    )
    stored = s3.get_object(Bucket="logs", Key=written["key"])["Body"].read()
    (record,) = (json.loads(line) for line in gzip.decompress(stored).splitlines())
    assert (record["Gateway"], record["Model"]) == ("gw", LLAMA)
    s3.close()


def test_a_bucket_with_objects_is_not_deleted(account: httpx.Client, s3_url: str) -> None:
    account.post("/r2/buckets", json={"name": "full"}).raise_for_status()
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    s3 = boto3.client("s3", endpoint_url=s3_url, region_name="auto", **keys)
    s3.put_object(Bucket="full", Key="a", Body=b"x")
    assert account.delete("/r2/buckets/full").status_code == 409
    s3.delete_object(Bucket="full", Key="a")
    s3.close()
    assert account.delete("/r2/buckets/full").status_code == 200


def test_an_s3_api_that_is_gone_is_said_to_be_so() -> None:
    with running_emulator(s3_url="http://127.0.0.1:1") as running:
        url = f"{running.control_plane}/accounts/a/r2/buckets"
        reply = httpx.post(url, json={"name": "logs"}, headers=running.auth, verify=False, timeout=20)
    assert (reply.status_code, "cannot reach its S3 API" in reply.text) == (502, True)
