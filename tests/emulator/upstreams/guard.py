"""Llama Guard: which hazards a text holds.  Some words are hazards; `hazard:S4` is one by decree."""

from __future__ import annotations

import re

HAZARD_WORDS = {
    "murder": "S1",
    "burglary": "S2",
    "defame": "S5",
    "bomb": "S9",
    "racist": "S10",
    "suicide": "S11",
    "ignore previous instructions": "P1",
}
DECREED = re.compile(r"hazard:(S\d{1,2}|P1)")


def hazards_in(text: str) -> list[str]:
    """The hazard codes of a text, sorted; none is a safe text."""
    spoken = text.lower()
    found = {code for words, code in HAZARD_WORDS.items() if words in spoken}
    return sorted(found | set(DECREED.findall(text)))
