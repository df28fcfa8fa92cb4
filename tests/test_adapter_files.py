"""What is seen of a LoRA adapter before a slot is taken for it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway_config.adapter_files import LARGEST_BYTES, AdapterFilesError, complaints, content_digest
from tests.adapter_on_disk import MISTRAL, safetensors, shapes, write_adapter

FIRST = "base_model.model.model.layers.0.self_attn.q_proj"


def found(folder: Path, **declared: Any) -> list[str]:
    return list(complaints(folder, **declared))


def test_a_good_adapter_has_nothing_to_complain_of(tmp_path: Path) -> None:
    assert found(write_adapter(tmp_path), rank=8, base_model=MISTRAL) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    (complaint,) = found(tmp_path / "nowhere")
    assert complaint.startswith(f'there is no folder "{tmp_path}/nowhere"')


def test_a_missing_file_is_named_with_the_way_out(tmp_path: Path) -> None:
    write_adapter(tmp_path)
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    (complaint,) = found(tmp_path)
    assert complaint.startswith("adapter_model.safetensors is missing")
    assert complaint.endswith("(convert adapter_model.bin to safetensors)")


def test_an_adapter_of_300_mb_is_too_large(tmp_path: Path) -> None:
    write_adapter(tmp_path)
    os.truncate(tmp_path / "adapter_model.safetensors", LARGEST_BYTES)  # sparse: takes no room
    assert "Cloudflare takes less than 300,000,000" in found(tmp_path)[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model_type": None}, '"model_type" is mistral, gemma or llama; it has none. Add it by hand.'),
        ({"model_type": "qwen2"}, '"model_type" is mistral, gemma or llama; found "qwen2". Add it by hand.'),
        ({"model_type": "gemma"}, f'"model_type" is "gemma", and the base model {MISTRAL} is a mistral model'),
        ({"peft_type": "IA3"}, '"peft_type" is LORA; found "IA3"'),
    ],
)
def test_a_config_that_cloudflare_refuses_is_refused_before(
    tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    assert found(write_adapter(tmp_path, **change), base_model=MISTRAL) == [f"adapter_config.json: {complaint}"]


@pytest.mark.parametrize("rank", [33, 0, None, "8", True, [8]])
def test_a_rank_beyond_32_or_no_number_is_refused(tmp_path: Path, rank: Any) -> None:
    weights = safetensors(shapes(33))
    (complaint, *_) = found(write_adapter(tmp_path, weights, r=rank))
    assert complaint.startswith('adapter_config.json: the rank "r" is a whole number from 1 to 32; found ')


def test_another_rank_than_the_declared_one_is_a_mistake_of_one_of_them(tmp_path: Path) -> None:
    (complaint,) = found(write_adapter(tmp_path), rank=16)
    assert complaint == "adapter_config.json: the rank is 8, and the config declares 16. Correct one of them."


@pytest.mark.parametrize("text", ["{", "[]", "", "[" * 100_000])
def test_a_config_that_is_no_json_object_is_said(tmp_path: Path, text: str) -> None:
    write_adapter(tmp_path)
    (tmp_path / "adapter_config.json").write_text(text)
    (complaint,) = found(tmp_path)
    assert complaint.startswith("adapter_config.json is ")


@pytest.mark.parametrize(
    "weights",
    [b"", b"short", b"version https://git-lfs.github.com/spec/v1\n", (9**9).to_bytes(8, "little") + b"{}" * 9],
)
def test_what_is_no_safetensors_file_is_said(tmp_path: Path, weights: bytes) -> None:
    (complaint,) = found(write_adapter(tmp_path, weights))
    assert complaint.startswith("adapter_model.safetensors is no safetensors file: ")


@pytest.mark.parametrize("header", ["[]", '{"x": 1}', '{"x": {"dtype": "F16"}}', "nonsense"])
def test_a_header_that_makes_no_sense_is_said(tmp_path: Path, header: str) -> None:
    weights = len(header).to_bytes(8, "little") + header.encode()
    (complaint,) = found(write_adapter(tmp_path, weights))
    assert complaint == "adapter_model.safetensors is no safetensors file: its header cannot be read"


def test_a_file_that_was_cut_off_is_damaged(tmp_path: Path) -> None:
    (complaint,) = found(write_adapter(tmp_path, safetensors(shapes())[:-1]))
    assert complaint == "adapter_model.safetensors is damaged: 1,023 bytes of weights, 1,024 expected"


def test_tensors_that_leave_a_gap_are_damaged(tmp_path: Path) -> None:
    header = json.dumps({"x": {"dtype": "F16", "shape": [1, 1], "data_offsets": [2, 4]}}).encode()
    (complaint,) = found(write_adapter(tmp_path, len(header).to_bytes(8, "little") + header + bytes(4)))
    assert complaint == "adapter_model.safetensors is damaged: its tensors overlap or leave a gap at byte 0"


def test_weights_of_another_rank_than_the_config_name_the_module(tmp_path: Path) -> None:
    weights = safetensors(shapes(4, ["q_proj"]))
    (complaint,) = found(write_adapter(tmp_path, weights, target_modules=["q_proj"]))
    assert complaint == (
        f"adapter_model.safetensors: {FIRST} is A [4, 16] and B [16, 4]; expected A [r, in] and B [out, r] with r = 8"
    )


def test_a_module_with_a_rank_of_its_own_is_fine(tmp_path: Path) -> None:
    weights = safetensors(shapes(4, ["q_proj"]))
    folder = write_adapter(tmp_path, weights, target_modules=["q_proj"], rank_pattern={"q_proj": 4})
    assert found(folder) == []


@pytest.mark.parametrize("rank", [64, [4]])
def test_a_module_whose_own_rank_is_beyond_32_is_named(tmp_path: Path, rank: Any) -> None:
    folder = write_adapter(tmp_path, rank_pattern={"q_proj": rank})
    (complaint,) = found(folder)
    assert complaint.startswith('adapter_config.json: the rank "rank_pattern.q_proj" is a whole number from 1 to 32')


@pytest.mark.parametrize("name", ["adapter_config.json", "adapter_model.safetensors"])
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Path.open

    def refused(file: Path, *how: Any, **more: Any) -> Any:
        if file.name == name:
            raise PermissionError(13, "Permission denied", str(file))
        return opened(file, *how, **more)

    write_adapter(tmp_path)
    monkeypatch.setattr(Path, "open", refused)
    assert found(tmp_path) == [f'"{tmp_path / name}" cannot be read: Permission denied']


def test_half_a_pair_is_no_adapter(tmp_path: Path) -> None:
    weights = safetensors({name: shape for name, shape in shapes(8, ["q_proj"]).items() if "lora_A" in name})
    (complaint,) = found(write_adapter(tmp_path, weights, target_modules=["q_proj"]))
    assert complaint == f"adapter_model.safetensors: {FIRST} has lora_A alone; an adapter has A and B of each module"


def test_a_whole_model_is_no_adapter(tmp_path: Path) -> None:
    (complaint,) = found(write_adapter(tmp_path, safetensors({"model.embed.weight": (4, 4)})))
    assert complaint.startswith("adapter_model.safetensors has no LoRA matrix")


def test_a_module_that_was_promised_and_is_not_there_is_named(tmp_path: Path) -> None:
    (complaint,) = found(write_adapter(tmp_path, safetensors(shapes(8, ["q_proj"]))))
    assert complaint.startswith('adapter_model.safetensors has no matrix for "v_proj"')


def test_weights_that_are_no_floats_are_named(tmp_path: Path) -> None:
    weights = safetensors(shapes(8, ["q_proj"]), dtype="I8")
    complaint = found(write_adapter(tmp_path, weights, target_modules=["q_proj"]))[0]
    assert complaint == f"adapter_model.safetensors: {FIRST}.lora_A is I8; expected one of F64, F32, F16, BF16"


def test_a_type_that_needs_more_bytes_than_there_are_is_noticed(tmp_path: Path) -> None:
    weights = safetensors(shapes(8, ["q_proj"]), dtype="F32")
    complaint = found(write_adapter(tmp_path, weights, target_modules=["q_proj"]))[0]
    assert complaint.endswith("q_proj.lora_A has another size than its shape [8, 16] asks for")


def test_the_digest_changes_with_either_file_and_not_with_the_folder(tmp_path: Path) -> None:
    first = content_digest(write_adapter(tmp_path / "a"))
    assert content_digest(write_adapter(tmp_path / "b")) == first
    assert content_digest(write_adapter(tmp_path / "c", lora_alpha=32)) != first
    assert content_digest(write_adapter(tmp_path / "d", safetensors(shapes(), fill=1))) != first


def test_a_digest_of_what_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AdapterFilesError, match="cannot be read: No such file"):
        content_digest(tmp_path)
