"""A small LoRA adapter, as PEFT would have saved it: real headers, weights of zeros."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

MISTRAL = "@cf/mistral/mistral-7b-instruct-v0.2-lora"
MODULES = ("q_proj", "v_proj")
WIDTH = 16


def config(**changes: Any) -> dict[str, Any]:
    told = {"peft_type": "LORA", "model_type": "mistral", "r": 8, "lora_alpha": 16, "target_modules": list(MODULES)}
    return {key: value for key, value in {**told, **changes}.items() if value is not None}


def shapes(rank: int = 8, modules: Sequence[str] = MODULES) -> dict[str, tuple[int, ...]]:
    """Names and shapes of an adapter's tensors."""
    prefix = "base_model.model.model.layers.0.self_attn"
    sides = {"A": (rank, WIDTH), "B": (WIDTH, rank)}
    return {f"{prefix}.{m}.lora_{side}.weight": shape for m in modules for side, shape in sides.items()}


def safetensors(tensors: Mapping[str, tuple[int, ...]], dtype: str = "F16", fill: int = 0) -> bytes:
    """The bytes of a safetensors file with two bytes a number."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in tensors.items():
        start, end = end, end + 2 * shape[0] * shape[1]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes([fill]) * end


def write_adapter(folder: Path, weights: bytes | None = None, **changes: Any) -> Path:
    """Fills a folder and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(config(**changes)))
    (folder / "adapter_model.safetensors").write_bytes(safetensors(shapes()) if weights is None else weights)
    return folder
