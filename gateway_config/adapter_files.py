"""A LoRA adapter on disk: two files, looked at before anything is sent.

Limits are those of Cloudflare's page on LoRA adapters of 2026-04-21 (facts 7). Weights are never loaded: the header of
a safetensors file tells names and shapes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway_config.errors import GatewrightError

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS)
LARGEST_RANK = 32
# Cloudflare says "300 MB"; the smaller reading of it is always accepted.
LARGEST_BYTES = 300_000_000
LARGEST_HEADER_BYTES = 100_000_000
MODEL_TYPES = ("mistral", "gemma", "llama")
_FLOAT_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_MATRIX = re.compile(r"(?P<module>.+)\.lora_(?P<side>[AB])(\.[^.]+)?\.weight")


class AdapterFilesError(GatewrightError):
    """The files are no adapter that Cloudflare takes; the message says why."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """One tensor: a float type of safetensors, its shape, and where its bytes are."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def complaints(folder: Path, rank: int | None = None, base_model: str | None = None) -> Iterator[str]:
    """Everything that is wrong with an adapter, in sentences; `rank` and `base_model` are what it is declared as."""
    absent = [name for name in FILES if not (folder / name).is_file()]
    if absent:
        yield _absent(folder, absent)
        return
    size = sum((folder / name).stat().st_size for name in FILES)
    if size >= LARGEST_BYTES:
        yield f"the adapter has {size:,} bytes; Cloudflare takes less than {LARGEST_BYTES:,}. Train a smaller rank."
    try:
        config = read_config(folder)
        yield from _config_complaints(config, rank, base_model)
        yield from _matrix_complaints(read_header(folder / WEIGHTS), config)
    except OSError as error:
        yield f'"{error.filename}" cannot be read: {error.strerror}'
    except AdapterFilesError as error:
        yield str(error)


def _absent(folder: Path, names: list[str]) -> str:
    if not folder.is_dir():
        return f'there is no folder "{folder}"; it should hold {" and ".join(FILES)}'
    hint = " (convert adapter_model.bin to safetensors)" if (folder / "adapter_model.bin").exists() else ""
    return f'{" and ".join(names)} is missing in "{folder}"; Cloudflare takes these exact names{hint}'


def content_digest(folder: Path) -> str:
    """SHA-256 in hex over both files. Raises AdapterFilesError where one cannot be read."""
    whole = hashlib.sha256()
    for name in FILES:
        try:
            with (folder / name).open("rb") as file:
                whole.update(f"{name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
        except OSError as error:
            raise AdapterFilesError(f'"{folder / name}" cannot be read: {error.strerror}') from None
    return whole.hexdigest()


# --- adapter_config.json ---


def read_config(folder: Path) -> Mapping[str, Any]:
    """adapter_config.json. Raises AdapterFilesError where it is no JSON object."""
    try:
        config = json.loads((folder / CONFIG).read_bytes())
    except (ValueError, RecursionError) as error:
        raise AdapterFilesError(f"{CONFIG} is not JSON: {error}") from None
    if not isinstance(config, dict):
        raise AdapterFilesError(f"{CONFIG} is a JSON {type(config).__name__}, not an object")
    return config


def _config_complaints(config: Mapping[str, Any], rank: int | None, base_model: str | None) -> Iterator[str]:
    kind = config.get("model_type")
    if kind not in MODEL_TYPES:
        found = f'found "{kind}"' if kind is not None else "it has none"
        yield f'{CONFIG}: "model_type" is {", ".join(MODEL_TYPES[:-1])} or {MODEL_TYPES[-1]}; {found}. Add it by hand.'
    elif base_model is not None and (family := _family(base_model)) not in (None, kind):
        yield f'{CONFIG}: "model_type" is "{kind}", and the base model {base_model} is a {family} model'
    wrong = {place: own for place, own in _told_ranks(config).items() if not _is_rank(own)}
    for place, own in wrong.items():
        yield f"{CONFIG}: the rank {place} is a whole number from 1 to {LARGEST_RANK}; found {json.dumps(own)}"
    if not wrong and rank is not None and config["r"] != rank:
        yield f"{CONFIG}: the rank is {config['r']}, and the config declares {rank}. Correct one of them."
    if config.get("peft_type", "LORA") != "LORA":
        yield f'{CONFIG}: "peft_type" is LORA; found "{config["peft_type"]}"'


def _told_ranks(config: Mapping[str, Any]) -> dict[str, Any]:
    """The ranks by the place where they stand: one for all modules, and others for single ones."""
    others = config.get("rank_pattern")
    single = others if isinstance(others, dict) else {}
    return {'"r"': config.get("r"), **{f'"rank_pattern.{module}"': rank for module, rank in single.items()}}


def _is_rank(told: Any) -> bool:
    return isinstance(told, int) and not isinstance(told, bool) and 1 <= told <= LARGEST_RANK


def _family(base_model: str) -> str | None:
    """The model type in a base model's own name, None where it says none."""
    name = base_model.rpartition("/")[2]
    return next((kind for kind in MODEL_TYPES if name.startswith(kind)), None)


# --- adapter_model.safetensors ---


def read_header(file: Path) -> Mapping[str, Matrix]:
    """The tensors of a safetensors file by name. Raises AdapterFilesError where it is none, or is cut off."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, LARGEST_HEADER_BYTES):
            raise AdapterFilesError(f"{file.name} is no safetensors file: {size:,} bytes, of which {length:,} header")
        text = opened.read(length)
    try:
        told = {name: _matrix(shape) for name, shape in json.loads(text).items() if name != "__metadata__"}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise AdapterFilesError(f"{file.name} is no safetensors file: its header cannot be read") from None
    _require_whole(file.name, told, size - 8 - length)
    return told


def _matrix(told: Mapping[str, Any]) -> Matrix:
    start, end = told["data_offsets"]
    return Matrix(str(told["dtype"]), tuple(int(size) for size in told["shape"]), int(start), int(end))


def _require_whole(name: str, matrices: Mapping[str, Matrix], data_bytes: int) -> None:
    """The tensors lie one behind the other and fill the file."""
    expected = 0
    for matrix in sorted(matrices.values(), key=lambda matrix: matrix.start):
        if matrix.start != expected or matrix.end < matrix.start:
            raise AdapterFilesError(f"{name} is damaged: its tensors overlap or leave a gap at byte {expected:,}")
        expected = matrix.end
    if expected != data_bytes:
        raise AdapterFilesError(f"{name} is damaged: {data_bytes:,} bytes of weights, {expected:,} expected")


def _matrix_complaints(matrices: Mapping[str, Matrix], config: Mapping[str, Any]) -> Iterator[str]:
    pairs = _pairs(matrices)
    if not pairs:
        yield f"{WEIGHTS} has no LoRA matrix (a tensor named like layers.0.q_proj.lora_A.weight)"
    ranks = {rank for rank in _told_ranks(config).values() if _is_rank(rank)}
    for module, sides in pairs.items():
        yield from _pair_complaints(module, sides, ranks)
    yield from _target_complaints(pairs, config.get("target_modules"))


def _pairs(matrices: Mapping[str, Matrix]) -> dict[str, dict[str, Matrix]]:
    """`{module: {"A": matrix, "B": matrix}}`."""
    pairs: dict[str, dict[str, Matrix]] = {}
    for name, matrix in matrices.items():
        if found := _MATRIX.fullmatch(name):
            pairs.setdefault(found["module"], {})[found["side"]] = matrix
    return pairs


def _pair_complaints(module: str, sides: Mapping[str, Matrix], ranks: set[int]) -> Iterator[str]:
    if set(sides) != {"A", "B"}:
        yield f"{WEIGHTS}: {module} has lora_{next(iter(sides))} alone; an adapter has A and B of each module"
        return
    a, b = sides["A"], sides["B"]
    for side, matrix in (("A", a), ("B", b)):
        width = _FLOAT_BYTES.get(matrix.dtype)
        if width is None:
            yield f"{WEIGHTS}: {module}.lora_{side} is {matrix.dtype}; expected one of {', '.join(_FLOAT_BYTES)}"
        elif math.prod(matrix.shape) * width != matrix.end - matrix.start:
            yield f"{WEIGHTS}: {module}.lora_{side} has another size than its shape {list(matrix.shape)} asks for"
    if len(a.shape) != 2 or len(b.shape) != 2 or a.shape[0] != b.shape[1] or (ranks and a.shape[0] not in ranks):
        shapes = f"A {list(a.shape)} and B {list(b.shape)}"
        rank = " or ".join(map(str, sorted(ranks))) or f"1 … {LARGEST_RANK}"
        yield f"{WEIGHTS}: {module} is {shapes}; expected A [r, in] and B [out, r] with r = {rank}"


def _target_complaints(pairs: Mapping[str, Any], targets: Any) -> Iterator[str]:
    """What the config says was trained is there; a pattern instead of a list says nothing one could check."""
    if not isinstance(targets, list) or not pairs:
        return
    for target in targets:
        if not any(module == target or module.endswith(f".{target}") for module in pairs):
            yield f'{WEIGHTS} has no matrix for "{target}", which {CONFIG} names under target_modules'
