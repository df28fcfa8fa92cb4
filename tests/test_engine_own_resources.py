"""Log push, adapters and the published config with the real engine: healed, finished, and silent about secrets."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infra.changes import Outcome
from infra.engine import Engine
from tests.adapter_on_disk import MISTRAL, safetensors, shapes, write_adapter
from tests.permissions import granted, new_token
from tests.stand_in.project import TEST_ACCOUNT, edit
from tests.stand_in.stage import ACCOUNT, PRIVATE, Stage, running_stage

pytestmark = pytest.mark.engine


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with running_stage(tmp_path) as stage:
        yield stage


def leaves(outcome: Outcome) -> dict[str, list[str]]:
    return {change.name: [difference.path for difference in change.differences] for change in outcome.changes}


def test_an_interrupted_upload_is_finished_and_hand_edits_are_healed(stage: Stage) -> None:
    stage.emulator.fault("*/finetune-assets", method="POST", reset=True, after=1, times=1)
    failed = stage.command("up")
    assert failed.returncode == 3
    assert "adapter_model.safetensors did not arrive" in failed.stderr
    assert "run `up` again to finish" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert stage.s3.keys("inference-config-dev") == [], "the config is published when everything is as declared"
    assert leaves(stage.run("up")) == {"adapter-tarot": ["contentDigest"], "published-config": []}
    again = stage.run("preview")
    assert (again.changes, again.drift) == ((), ())

    published = stage.s3.text("inference-config-dev", "dev.json")
    stage.s3.client.put_object(Bucket="inference-config-dev", Key="dev.json", Body=b"{}")
    stage.api.put(f"{ACCOUNT}/logpush/jobs/{stage.job()['id']}", {"enabled": False})
    assert leaves(stage.run("preview")) == {"logpush": ["enabled"], "published-config": ["contentDigest"]}
    stage.run("up")
    assert stage.job()["enabled"]
    assert stage.s3.text("inference-config-dev", "dev.json") == published
    assert stage.run("preview").changes == ()

    write_adapter(stage.adapter, safetensors(shapes(), fill=1))
    refused = stage.command("preview")
    assert refused.returncode == 3
    assert 'the files of the adapter "tarot" changed' in refused.stderr

    write_adapter(stage.adapter)
    for key in stage.s3.keys("inference-logs-dev"):  # Cloudflare's test object; a bucket goes only when it is empty
        stage.s3.client.delete_object(Bucket="inference-logs-dev", Key=key)
    gone = stage.run("destroy")
    assert stage.api.get(f"{ACCOUNT}/logpush/jobs") == []
    assert len(stage.api.get(f"{ACCOUNT}/ai/finetunes")) == 1
    assert any("its slot stays taken (1 of 100)" in notice for notice in gone.notices)


def test_a_config_is_published_only_when_all_it_speaks_of_is_deployed(stage: Stage) -> None:
    stage.run("up")
    published = stage.s3.text("inference-config-dev", "dev.json")
    edit(stage.folder / "gateway_config/routes/quick-chat.yaml", {"challenger: 10": "challenger: 20"})
    job = f"{ACCOUNT}/logpush/jobs/{stage.job()['id']}"
    stage.api.put(job, {"enabled": False})
    stage.emulator.fault(f"/client/v4{job}", method="PUT", status=400, times=9)
    failed = stage.command("up")
    assert failed.returncode == 3, failed.stderr
    assert stage.s3.text("inference-config-dev", "dev.json") == published, "the route is deployed, the job is not"
    stage.emulator.admin("DELETE", "/faults")
    last = stage.run("up").changes[-1]
    assert (last.operation, last.name) == ("update", "published-config")
    assert stage.s3.text("inference-config-dev", "dev.json") != published


def test_a_config_of_direct_routes_alone_is_published_after_its_gateway(stage: Stage) -> None:
    for name in ("quick-chat", "reasoning", "seeing"):
        (stage.folder / f"gateway_config/routes/{name}.yaml").unlink()
    file = stage.folder / "gateway_config/gateway.yaml"
    file.write_text(re.sub(r"\nprojects:.*?(?=\n\S)", "", file.read_text(), flags=re.DOTALL))
    stage.emulator.fault(f"/client/v4{ACCOUNT}/ai-gateway/gateways", method="POST", status=400, times=9)
    failed = stage.command("up")
    assert failed.returncode == 3, failed.stderr
    assert stage.s3.keys("inference-config-dev") == []
    stage.emulator.admin("DELETE", "/faults")
    assert stage.run("up").changes[-1].name == "published-config"
    assert stage.s3.keys("inference-config-dev") == ["dev.json"]


def test_bootstrap_makes_a_whole_stage_which_its_own_tokens_preview_and_deploy(stage: Stage) -> None:
    stage.environment["CLOUDFLARE_API_TOKEN"] = new_token(stage.api, *granted("bootstrap"))
    stage.run("up")
    tokens = Engine(stage.folder, "dev", environment=stage.environment).secret_outputs()["tokens"]
    stage.environment["CLOUDFLARE_API_TOKEN"] = tokens["preview"]["value"]
    assert stage.run("preview").changes == ()
    write_adapter(stage.folder / "gateway_config/adapters/runes")
    file = stage.folder / "gateway_config/gateway.yaml"
    file.write_text(file.read_text() + "  runes: {model: tarot-base, folder: adapters/runes}\n")
    edit(stage.folder / "gateway_config/routes/quick-chat.yaml", {"challenger: 10": "challenger: 20"})
    assert {"adapter-runes", "quick-chat"} <= leaves(stage.run("preview")).keys()
    refused = stage.command("up")
    assert refused.returncode == 3
    assert "does it have the permission?" in refused.stderr

    edit(file, {"  runes: {model: tarot-base, folder: adapters/runes}\n": ""})
    stage.environment["CLOUDFLARE_API_TOKEN"] = tokens["deploy"]["value"]
    assert leaves(stage.run("up")).keys() == {"quick-chat", "published-config"}


@pytest.mark.parametrize("path", ["*/finetune-assets", "*/logpush/jobs"], ids=["upload", "job"])
def test_what_a_killed_up_left_is_finished_once(stage: Stage, path: str) -> None:
    stage.kill_during(path)
    stage.run("up")
    assert stage.job()["name"] == "gatewright-inference-dev"
    (adapter,) = stage.api.get(f"{ACCOUNT}/ai/finetunes")
    question = {"messages": [{"role": "user", "content": "x"}], "raw": True, "lora": adapter["name"]}
    assert stage.api.post(f"{ACCOUNT}/ai/run/{MISTRAL}", question)["response"]
    assert stage.run("preview").changes == ()


def test_what_is_pushed_is_opened_by_our_key_and_no_secret_is_in_plain_text(stage: Stage) -> None:
    outcome = stage.run("up")
    tokens = Engine(stage.folder, "dev", environment=stage.environment).secret_outputs()["tokens"]
    ask(stage, tokens["serve"]["value"])
    (written,) = stage.emulator.admin("POST", "/logpush/flush")["written"]
    pushed = stage.s3.client.get_object(Bucket=written["bucket"], Key=written["key"])["Body"].read()
    record = json.loads(gzip.decompress(pushed))
    assert len(record) == 10
    assert "the stars" in opened(record["RequestBody"])

    kept = [file.read_text(errors="replace") for file in (stage.folder / "state").rglob("*") if file.is_file()]
    kept += [repr(outcome), json.dumps(stage.run("preview").outputs)]
    values = [tokens[use]["value"] for use in ("write-logs", "publish-config")]
    secrets = [*values, *(sha256(value.encode()).hexdigest() for value in values), PRIVATE.decode().splitlines()[5]]
    assert [secret for secret in secrets for text in kept if secret in text] == []


def ask(stage: Stage, token: str) -> None:
    url = f"{stage.emulator.data_plane}/{TEST_ACCOUNT}/inference-dev/compat/chat/completions"
    body = {"model": "dynamic/quick-chat", "messages": [{"role": "user", "content": "what do the stars say?"}]}
    httpx.post(url, json=body, headers={"Authorization": f"Bearer {token}"}, verify=False).raise_for_status()


def opened(field: dict[str, str]) -> str:
    """An encrypted field of a record, as Cloudflare's page on log push says how to open it."""
    private = serialization.load_pem_private_key(PRIVATE, None)
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    parts = {name: base64.b64decode(field[name]) for name in ("key", "iv", "data")}
    return AESGCM(private.decrypt(parts["key"], oaep)).decrypt(parts["iv"], parts["data"], None).decode()  # type: ignore[union-attr]
