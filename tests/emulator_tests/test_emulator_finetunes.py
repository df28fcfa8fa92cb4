"""LoRA adapters: registered, uploaded, used."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.emulator.server import Running
from tests.emulator_tests.given import LLAMA

pytestmark = pytest.mark.http
BASE = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
CONFIG = json.dumps({"model_type": "mistral", "r": 8}).encode()
Upload = Callable[[str, str, bytes], httpx.Response]


@pytest.fixture
def finetune(control: httpx.Client) -> dict[str, Any]:
    reply = control.post("/ai/finetunes", json={"model": BASE, "name": "tarot", "description": "cards"})
    assert reply.status_code == 200, reply.text
    made: dict[str, Any] = reply.json()["result"]
    return made


@pytest.fixture
def upload(control: httpx.Client) -> Upload:
    def post(finetune: str, name: str, content: bytes) -> httpx.Response:
        file = {"file": (name, content, "application/octet-stream")}
        return control.post(f"/ai/finetunes/{finetune}/finetune-assets", data={"file_name": name}, files=file)

    return post


def run(control: httpx.Client, adapter: str, model: str = BASE) -> httpx.Response:
    body = {"messages": [{"role": "user", "content": "hello"}], "raw": True, "lora": adapter}
    return control.post(f"/ai/run/{model}", json=body)


def code_of(reply: httpx.Response) -> int:
    return int(reply.json()["errors"][0]["code"])


def test_the_list_is_an_array(control: httpx.Client, finetune: dict[str, Any]) -> None:
    assert control.get("/ai/finetunes").json()["result"] == [finetune]
    assert finetune.keys() == {"id", "model", "name", "description", "public", "created_at", "modified_at"}


def test_public_ones_have_a_list_of_their_own(control: httpx.Client, finetune: dict[str, Any]) -> None:
    control.post("/ai/finetunes", json={"model": BASE, "name": "open", "public": True}).raise_for_status()
    assert [one["name"] for one in control.get("/ai/finetunes/public").json()["result"]] == ["open"]


@pytest.mark.parametrize("body", [{"model": LLAMA, "name": "x"}, {"model": BASE}, {"model": BASE, "name": "tarot"}])
def test_a_finetune_that_cannot_be_is_1000(
    control: httpx.Client, finetune: dict[str, Any], body: dict[str, Any]
) -> None:
    assert code_of(control.post("/ai/finetunes", json=body)) == 1000


def test_the_hundred_and_first_is_refused(control: httpx.Client) -> None:
    replies = [control.post("/ai/finetunes", json={"model": BASE, "name": f"n{n}"}) for n in range(101)]
    assert [reply.status_code for reply in replies[-2:]] == [200, 400]


@pytest.mark.parametrize("by", ["id", "name"])
def test_files_are_uploaded_by_id_or_name(upload: Upload, finetune: dict[str, Any], by: str) -> None:
    assert upload(finetune[by], "adapter_config.json", CONFIG).json()["result"]["finetune_id"] == finetune["id"]


def test_an_upload_can_be_assumed_to_answer_with_success_alone(
    emulator: Running, upload: Upload, finetune: dict[str, Any]
) -> None:
    emulator.assume(asset_answer="success")
    assert upload("tarot", "adapter_config.json", CONFIG).json()["result"] is None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"x"),
        ("adapter_config.json", b"{"),
        ("adapter_config.json", b'{"model_type": "qwen"}'),
        ("adapter_config.json", b'{"model_type": "llama", "r": 64}'),
    ],
)
def test_a_file_that_does_not_fit_is_refused(
    upload: Upload, finetune: dict[str, Any], name: str, content: bytes
) -> None:
    assert code_of(upload("tarot", name, content)) == 1000


def test_a_file_cannot_be_changed(upload: Upload, finetune: dict[str, Any]) -> None:
    assert [upload("tarot", "adapter_config.json", CONFIG).status_code for _ in range(2)] == [200, 400]


def test_an_adapter_is_ready_only_later(
    emulator: Running, control: httpx.Client, upload: Upload, finetune: dict[str, Any]
) -> None:
    assert code_of(run(control, "tarot")) == 3039
    upload("tarot", "adapter_config.json", CONFIG)
    upload("tarot", "adapter_model.safetensors", b"weights")
    assert code_of(run(control, "tarot")) == 3037
    emulator.admin("POST", "/clock", {"advance_s": 31})
    assert run(control, finetune["id"]).json()["result"]["response"]


def test_an_adapter_can_be_assumed_ready_at_once(
    emulator: Running, control: httpx.Client, upload: Upload, finetune: dict[str, Any]
) -> None:
    emulator.assume(finetune_ready="at-once")
    upload("tarot", "adapter_config.json", CONFIG)
    upload("tarot", "adapter_model.safetensors", b"weights")
    assert run(control, "tarot").status_code == 200


def test_a_model_without_lora_refuses_an_adapter(control: httpx.Client, finetune: dict[str, Any]) -> None:
    reply = run(control, "tarot", LLAMA)
    assert (reply.status_code, code_of(reply)) == (405, 5005)


def test_an_adapter_of_another_base_is_not_found(control: httpx.Client, finetune: dict[str, Any]) -> None:
    assert code_of(run(control, "tarot", "@cf/google/gemma-7b-it-lora")) == 3037
