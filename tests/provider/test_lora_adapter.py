"""LoraAdapter over gRPC against the emulator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway_config.adapter_files import content_digest
from gateway_config.cloudflare.control_plane import ControlPlane
from infra.provider.values import UNKNOWN, plain
from tests.adapter_on_disk import MISTRAL, safetensors, shapes, write_adapter
from tests.emulator.server import Running
from tests.provider.given import TEST_TOKEN, Partly, Provider, provider_of

pytestmark = pytest.mark.http
AI = "/accounts/test-account/ai"
ASSETS = "/client/v4/accounts/*/ai/finetunes/*/finetune-assets"


@pytest.fixture
def api(emulator: Running) -> Iterator[ControlPlane]:
    # One attempt: a fault that is asked for is one that stays.
    with ControlPlane(TEST_TOKEN, emulator.control_plane, attempts=1) as api:
        yield api


@pytest.fixture
def provider(api: ControlPlane) -> Iterator[Provider]:
    with provider_of("gatewright:index:LoraAdapter", api) as provider:
        yield provider


@pytest.fixture(autouse=True)
def waited_s(emulator: Running, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waiting takes no time here: the emulator's clock goes on instead."""
    waited: list[float] = []

    def sleep(s: float) -> None:
        waited.append(s)
        emulator.admin("POST", "/clock", {"advance_s": s})

    monkeypatch.setattr("infra.provider.lora_adapter.time.sleep", sleep)
    return waited


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_adapter(tmp_path / "tarot")


def inputs(folder: Path, **changes: Any) -> dict[str, Any]:
    told = {
        "accountId": "test-account",
        "name": "tarot",
        "model": MISTRAL,
        "folder": str(folder),
        "rank": 8,
        "contentDigest": content_digest(folder),
    }
    return {**told, **changes}


def test_the_digest_of_the_files_is_made_where_it_is_left_out(provider: Provider, folder: Path) -> None:
    told = inputs(folder)
    digest = told.pop("contentDigest")
    assert plain(provider.checked(told))["contentDigest"] == digest
    assert plain(provider.checked({**told, "folder": UNKNOWN}))["contentDigest"] == UNKNOWN
    assert provider.complaints({**told, "folder": str(folder / "nowhere")}) != []


def registered(api: ControlPlane) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"{AI}/finetunes")
    return found


def calls(emulator: Running, path: str) -> int:
    return sum(call["method"] == "POST" for call in emulator.journal(path))


def register(api: ControlPlane, name: str, description: str = "") -> str:
    return str(api.post(f"{AI}/finetunes", {"name": name, "model": MISTRAL, "description": description})["id"])


# --- the way of the world ---


def test_an_adapter_is_there_once_it_has_answered(
    provider: Provider, api: ControlPlane, folder: Path, waited_s: list[float]
) -> None:
    made = provider.create(inputs(folder))
    answer = api.post(
        f"{AI}/run/{MISTRAL}", {"messages": [{"role": "user", "content": "x"}], "raw": True, "lora": "tarot"}
    )
    assert answer["response"]
    assert made.id == "test-account/tarot"
    assert made.outputs["ready"]
    assert sum(waited_s) >= 30, "an upload alone is no proof of readiness"


def test_applied_twice_nothing_is_sent_the_second_time(provider: Provider, emulator: Running, folder: Path) -> None:
    made = provider.create(inputs(folder))
    refreshed = provider.refreshed(made)
    assert refreshed is not None
    sent = calls(emulator, "/ai/")
    assert provider.diff(refreshed, inputs(folder)) == {}
    assert provider.update(refreshed, inputs(folder)).outputs == made.outputs
    assert calls(emulator, "/ai/") == sent


def test_another_folder_with_the_same_files_is_no_difference(provider: Provider, folder: Path, tmp_path: Path) -> None:
    made = provider.create(inputs(folder))
    assert provider.diff(made, inputs(write_adapter(tmp_path / "elsewhere"))) == {}


@pytest.mark.parametrize("changed", ["files", "base model"])
def test_what_cloudflare_cannot_change_is_refused_with_a_new_name(
    provider: Provider, folder: Path, tmp_path: Path, changed: str
) -> None:
    made = provider.create(inputs(folder))
    new = inputs(folder, model="@cf/google/gemma-7b-it-lora")
    if changed == "files":
        new = inputs(write_adapter(tmp_path / "new", safetensors(shapes(), fill=1)))
    with pytest.raises(grpc.RpcError, match=f'the {changed} of the adapter "tarot" changed.* such as "tarot-2"'):
        provider.diff(made, new)


def test_another_name_is_another_adapter(provider: Provider, folder: Path, tmp_path: Path) -> None:
    made = provider.create(inputs(folder))
    new = inputs(write_adapter(tmp_path / "new", safetensors(shapes(), fill=1)), name="tarot-2")
    assert provider.diff(made, new) == {"name": "update_replace"}


def test_removing_forgets_and_names_the_slot(provider: Provider, api: ControlPlane, folder: Path) -> None:
    made = provider.create(inputs(folder))
    provider.delete(made)
    assert len(registered(api)) == 1
    (said,) = provider.said
    assert made.outputs["adapterId"] in said
    assert said.endswith("its slot stays taken (1 of 100)")


def test_an_adapter_that_is_gone_is_seen(provider: Provider, emulator: Running, folder: Path) -> None:
    made = provider.create(inputs(folder))
    emulator.reset()
    assert provider.refreshed(made) is None


def test_a_preview_takes_no_slot(provider: Provider, api: ControlPlane, folder: Path) -> None:
    planned = provider.planned(inputs(folder))
    assert planned["adapterId"] == UNKNOWN
    assert registered(api) == []


# --- what was cut short ---


def test_an_interrupted_upload_is_kept_and_finished_by_the_next_up(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    emulator.fault(ASSETS, method="POST", reset=True, after=1, times=1)
    with pytest.raises(Partly) as partly:
        provider.create(inputs(folder))
    assert "adapter_model.safetensors did not arrive" in partly.value.reasons[0]
    assert "run `up` again to finish" in partly.value.reasons[0]
    refreshed = provider.refreshed(partly.value.kept)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs(folder)) == {"contentDigest": "add"}
    finished = provider.update(refreshed, inputs(folder))
    assert finished.outputs["ready"]
    assert len(registered(api)) == 1
    assert calls(emulator, "finetune-assets") == 3, "the file that had arrived is not sent again"


def test_an_upload_that_arrived_although_its_answer_was_lost_is_not_an_error(
    provider: Provider, emulator: Running, folder: Path
) -> None:
    emulator.fault(ASSETS, method="POST", truncate=3, times=1)
    with pytest.raises(Partly) as partly:
        provider.create(inputs(folder))
    assert provider.update(partly.value.kept, inputs(folder)).outputs["ready"]


def test_an_adapter_that_nobody_recorded_is_finished_by_its_name(
    provider: Provider, api: ControlPlane, folder: Path
) -> None:
    register(api, "tarot", f"gatewright sha256:{content_digest(folder)}")
    made = provider.create(inputs(folder))
    assert made.outputs["ready"]
    assert len(registered(api)) == 1
    assert provider.said == ['adapter "tarot" was there already, with these very files: taken in']


def test_a_registration_whose_answer_was_lost_takes_one_slot(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    emulator.fault("/client/v4/accounts/*/ai/finetunes", method="POST", truncate=3, times=1)
    provider.create(inputs(folder))
    assert len(registered(api)) == 1


def test_a_file_that_was_said_to_be_there_and_is_not_is_sent_again(
    provider: Provider, emulator: Running, folder: Path
) -> None:
    error = {"success": False, "errors": [{"code": 1000, "message": "it is already there"}]}
    emulator.fault(ASSETS, method="POST", status=409, body=error, times=1)
    with pytest.raises(Partly, match="missing required files") as partly:
        provider.create(inputs(folder))
    assert provider.update(partly.value.kept, inputs(folder)).outputs["ready"]


def test_an_adapter_that_stays_silent_is_kept_as_unfinished(
    provider: Provider, emulator: Running, folder: Path
) -> None:
    error = {"success": False, "errors": [{"code": 3037, "message": "AiError: Finetune tarot not found"}]}
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=400, body=error)
    with pytest.raises(Partly) as partly:
        provider.create(inputs(folder))
    assert 'adapter "tarot": It does not answer yet.' in partly.value.reasons[0]
    assert partly.value.kept.outputs["uploaded"] == ["adapter_config.json", "adapter_model.safetensors"]


@pytest.mark.parametrize("status", [429, 500])
def test_a_question_that_meets_trouble_is_asked_again(
    provider: Provider, emulator: Running, folder: Path, status: int
) -> None:
    emulator.fault("/client/v4/accounts/*/ai/run/*", status=status, body="<h1>no</h1>", times=1)
    assert provider.create(inputs(folder)).outputs["ready"]


def test_what_is_finished_later_is_what_was_declared(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    register(api, "tarot", f"gatewright sha256:{content_digest(folder)}")
    declared = inputs(folder)
    write_adapter(folder, safetensors(shapes(), fill=1))
    with pytest.raises(grpc.RpcError, match="are not those of contentDigest: they were changed in between"):
        provider.create(declared)
    assert calls(emulator, "finetune-assets") == 0


# --- what is there already ---


def test_two_stages_with_the_same_files_share_one_slot(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    provider.create(inputs(folder))
    uploads = calls(emulator, "finetune-assets")
    provider.create(inputs(folder))
    assert len(registered(api)) == 1
    assert calls(emulator, "finetune-assets") == uploads


def test_two_stages_that_register_at_the_same_time_share_one_slot(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    register(api, "tarot", f"gatewright sha256:{content_digest(folder)}")
    nothing = {"success": True, "result": []}
    emulator.fault("/client/v4/accounts/*/ai/finetunes", method="GET", status=200, body=nothing, times=2)
    assert provider.create(inputs(folder)).outputs["ready"]
    assert len(registered(api)) == 1


def test_a_name_that_another_took_at_the_same_time_for_other_files_is_refused(
    provider: Provider, api: ControlPlane, emulator: Running, folder: Path
) -> None:
    register(api, "tarot", f"gatewright sha256:{'0' * 64}")
    nothing = {"success": True, "result": []}
    emulator.fault("/client/v4/accounts/*/ai/finetunes", method="GET", status=200, body=nothing, times=2)
    with pytest.raises(grpc.RpcError, match="already exists"):
        provider.create(inputs(folder))
    assert calls(emulator, "finetune-assets") == 0


def test_an_adapter_of_somebody_else_is_left_alone(
    provider: Provider, api: ControlPlane, folder: Path, emulator: Running
) -> None:
    register(api, "tarot", "made by hand")
    for attempt in (provider.create, provider.planned):
        with pytest.raises(grpc.RpcError, match="not made by Gatewright, so nobody can tell"):
            attempt(inputs(folder))
    assert calls(emulator, "finetune-assets") == 0


def test_an_adapter_made_by_hand_is_imported_and_then_believed(
    provider: Provider, api: ControlPlane, folder: Path
) -> None:
    register(api, "tarot", "made by hand")
    imported = provider.imported("test-account/tarot")
    assert provider.diff(imported, inputs(folder)) == {"contentDigest": "add"}
    updated = provider.update(imported, inputs(folder))
    refreshed = provider.refreshed(updated)
    assert refreshed is not None
    assert provider.diff(refreshed, inputs(folder)) == {}
    assert provider.said == ['what was uploaded as adapter "tarot" cannot be compared: taken as declared']


# --- refused before anything is sent ---


@pytest.fixture
def full_account(api: ControlPlane) -> None:
    for number in range(100):
        register(api, f"other-{number}")


@pytest.mark.usefixtures("full_account")
def test_an_account_without_a_free_slot_is_told_in_the_preview_already(provider: Provider, folder: Path) -> None:
    for attempt in (provider.planned, provider.create):
        with pytest.raises(grpc.RpcError, match='no slot for the adapter "tarot": the account has 100 of 100'):
            attempt(inputs(folder))


def test_a_slot_that_a_preview_gave_away_is_not_free_for_the_next(
    provider: Provider, api: ControlPlane, folder: Path
) -> None:
    for number in range(99):
        register(api, f"other-{number}")
    for _ in range(2):
        provider.planned(inputs(folder))
    with pytest.raises(grpc.RpcError, match="the account has 99 of 100 and 1 more to come"):
        provider.planned(inputs(folder, name="runes"))


@pytest.mark.parametrize("model", ["@cf/meta/llama-3.1-8b-instruct-fast", "@cf/openai/gpt-oss-120b", "@cf/x/unknown"])
def test_a_base_model_that_takes_no_adapters_is_refused(
    provider: Provider, api: ControlPlane, tmp_path: Path, model: str
) -> None:
    folder = write_adapter(tmp_path / "llama", model_type="llama")
    with pytest.raises(grpc.RpcError, match=f"the base model {model} takes no LoRA adapters"):
        provider.create(inputs(folder, model=model))
    assert registered(api) == []


def test_files_that_are_no_adapter_are_refused_with_all_reasons(provider: Provider, folder: Path) -> None:
    write_adapter(folder, b"", model_type=None)
    assert [complaint.split(":")[:2] for complaint in provider.complaints(inputs(folder))] == [
        ["folder", " adapter_config.json"],
        ["folder", " adapter_model.safetensors is no safetensors file"],
    ]


def test_files_that_changed_since_they_were_looked_at_take_no_slot(
    provider: Provider, api: ControlPlane, folder: Path
) -> None:
    with pytest.raises(grpc.RpcError, match="are not those of contentDigest"):
        provider.create(inputs(folder, contentDigest="0" * 64))
    assert registered(api) == []
