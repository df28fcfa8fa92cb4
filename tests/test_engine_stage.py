"""A whole stage with the real engine: buckets, tokens and the published config, and where secrets may be."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from gateway_config.cloudflare.control_plane import ControlPlane
from gateway_config.errors import RefusedError
from infra.changes import Outcome
from infra.engine import Engine
from infra.engine_errors import EngineError
from tests.emulator.server import TEST_TOKEN, running_emulator
from tests.stand_in.event_loops import collected_at_once
from tests.stand_in.project import ROOT, TEST_ACCOUNT, edit, project_environment, write_project

pytestmark = pytest.mark.engine

ACCOUNT = f"/accounts/{TEST_ACCOUNT}"


class Stage:
    """A stage as the repository declares it for dev, on an emulator whose objects are in moto's S3."""

    def __init__(self, folder: Path, emulator_url: str, s3_url: str) -> None:
        self.folder = write_project(folder)
        self.config = folder / "Pulumi.dev.yaml"
        self.config.write_text((ROOT / "Pulumi.dev.yaml").read_text())
        self.environment = {**os.environ, **project_environment(folder, emulator_url), "GATEWRIGHT_R2_URL": s3_url}
        self.api = ControlPlane(TEST_TOKEN, f"{emulator_url}/client/v4")
        self.s3 = boto3.client(
            "s3",
            endpoint_url=s3_url,
            region_name="us-east-1",
            aws_access_key_id="test-id",
            aws_secret_access_key=TEST_TOKEN,
        )

    def run(self, verb: str) -> Outcome:
        outcome: Outcome = getattr(Engine(self.folder, "dev", environment=self.environment), verb)()
        return outcome

    def tokens(self) -> dict[str, Any]:
        return {token["name"]: token for token in self.api.get(f"{ACCOUNT}/tokens")}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    s3_url = f"http://{host}:{port}"
    with running_emulator(s3_url=s3_url) as emulator:
        stage = Stage(tmp_path, emulator.url, s3_url)
        with stage.api:
            yield stage
    server.stop()


def test_a_stage_has_tokens_buckets_and_a_published_config_and_rotates_in_two_steps(stage: Stage) -> None:
    outcome = stage.run("up")
    assert len(stage.tokens()) == 8
    rules = stage.api.get(f"{ACCOUNT}/r2/buckets/inference-logs-dev/lifecycle")["rules"]
    assert [rule["id"] for rule in rules] == ["Default Multipart Abort Rule", "gatewright-retention"]
    assert outcome.outputs["published_config"] == {"bucket": "inference-config-dev", "key": "dev.json"}
    published = stage.s3.get_object(Bucket="inference-config-dev", Key="dev.json")["Body"].read()
    assert outcome.outputs["config_digest"].encode() in published

    again = stage.run("preview")
    assert (again.changes, again.drift) == ((), ())

    edit(stage.config, {"serve: {": "serve: {generation: 2, keep_previous: true, "})
    rotation = stage.run("up")
    assert [(change.operation, change.name) for change in rotation.changes] == [("create", "token-serve-2")]
    assert {"gatewright inference-dev serve 1", "gatewright inference-dev serve 2"} <= stage.tokens().keys()
    edit(stage.config, {", keep_previous: true": ""})
    assert [(change.operation, change.name) for change in stage.run("up").changes] == [("delete", "token-serve-1")]
    assert "gatewright inference-dev serve 1" not in stage.tokens()


def test_logs_outlive_their_stage_and_the_next_up_takes_their_bucket_in_again(stage: Stage) -> None:
    stage.run("up")
    stage.s3.put_object(Bucket="inference-logs-dev", Key="logs/one", Body=b"{}")
    gone = stage.run("destroy")
    assert [notice for notice in gone.notices if notice.startswith('bucket "inference-logs-dev" stays, with the logs')]
    assert [change.name for change in gone.changes if change.told_operation == "forget"] == ["bucket-logs"]
    assert stage.tokens() == {}
    assert [bucket["name"] for bucket in stage.api.get(f"{ACCOUNT}/r2/buckets")["buckets"]] == ["inference-logs-dev"]

    again = stage.run("up")
    assert "bucket inference-logs-dev exists already and is not in this stack: taken in" in again.notices
    assert stage.s3.get_object(Bucket="inference-logs-dev", Key="logs/one")["Body"].read() == b"{}"
    assert stage.run("preview").changes == ()


def test_a_config_bucket_with_what_others_put_there_is_explained_and_removed_once_it_is_empty(stage: Stage) -> None:
    stage.run("up")
    stage.s3.put_object(Bucket="inference-config-dev", Key="by-others", Body=b"{}")
    with collected_at_once(), pytest.raises(EngineError, match=r'"inference-config-dev" holds more.*Empty it'):
        stage.run("destroy")
    stage.s3.delete_object(Bucket="inference-config-dev", Key="by-others")
    stage.run("destroy")
    assert [bucket["name"] for bucket in stage.api.get(f"{ACCOUNT}/r2/buckets")["buckets"]] == ["inference-logs-dev"]


def test_a_bucket_of_somebody_else_gets_no_rule_that_empties_it(stage: Stage) -> None:
    stage.api.post(f"{ACCOUNT}/r2/buckets", {"name": "inference-logs-dev"})
    for verb in ("preview", "up"):
        with pytest.raises(RefusedError, match='Bucket "inference-logs-dev" exists and was not made by Gatewright'):
            stage.run(verb)
    assert stage.api.get(f"{ACCOUNT}/r2/buckets/inference-logs-dev/lifecycle") == {"rules": []}


def test_no_token_is_in_plain_text_in_state_or_in_what_is_told(stage: Stage) -> None:
    outcome = stage.run("up")
    engine = Engine(stage.folder, "dev", environment=stage.environment)
    values = [token["value"] for token in engine.secret_outputs()["tokens"].values()]
    assert len(values) == 8
    written = [file.read_text(errors="replace") for file in (stage.folder / "state").rglob("*") if file.is_file()]
    for value in (*values, TEST_TOKEN):
        assert value not in repr(outcome)
        assert not [text for text in written if value in text]


def test_state_may_lie_in_r2(stage: Stage) -> None:
    stage.s3.create_bucket(Bucket="state")
    host = stage.environment["GATEWRIGHT_R2_URL"].removeprefix("http://")
    where = f"s3://state?endpoint={host}&disableSSL=true&s3ForcePathStyle=true&region=us-east-1"
    keys = {"AWS_ACCESS_KEY_ID": "test-id", "AWS_SECRET_ACCESS_KEY": TEST_TOKEN}
    stage.environment |= {"PULUMI_BACKEND_URL": where, **keys}
    stage.config.write_text("config: {}\n")
    stage.run("up")
    stored = [item["Key"] for item in stage.s3.list_objects_v2(Bucket="state")["Contents"]]
    assert ".pulumi/stacks/gatewright/dev.json" in stored
    assert not [key for key in stored if "/locks/" in key]
    assert stage.run("preview").changes == ()
