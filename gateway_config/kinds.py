"""What a kind of model is: whether a dynamic route can carry it, and what its price counts.

A dynamic route takes the shape of OpenAI chat completions only (facts: usage page of 2026-10-02); every other kind goes
to the same gateway by its provider endpoint, and `decide` chooses the arm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

KindName = Literal["chat", "vision", "image", "embed", "rerank", "transcribe", "speak", "classify"]

_TOKENS = ("in_usd_per_mtok", "out_usd_per_mtok", "cached_in_usd_per_mtok")


@dataclass(frozen=True, slots=True)
class Kind:
    """`routed`: served by a dynamic route. `prices`: the price keys that fit the kind.

    `texts`: which of prompt and answer are text, and can be kept in records.
    """

    name: str
    routed: bool
    prices: tuple[str, ...]
    texts: tuple[str, ...] = ("prompt",)


KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("chat", True, _TOKENS, ("prompt", "answer")),
        Kind("vision", True, _TOKENS, ("prompt", "answer")),
        Kind(
            "image",
            False,
            ("usd_per_input_tile_step", "usd_per_output_tile_step", "usd_per_tile", "usd_per_step"),
        ),
        Kind("embed", False, ("in_usd_per_mtok",)),
        Kind("rerank", False, ("in_usd_per_mtok",)),
        Kind("transcribe", False, ("usd_per_audio_min",), ("answer",)),
        Kind("speak", False, ("usd_per_audio_min", "usd_per_kchar")),
        Kind("classify", False, _TOKENS),
    )
}
