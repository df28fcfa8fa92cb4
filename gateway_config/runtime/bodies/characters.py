"""Whole characters out of halves: JSON can write one as two surrogates, and a stream can be cut between them."""

from __future__ import annotations


def whole_characters(text: str) -> str:
    """The text with its pairs of surrogates joined, and lone ones replaced: those nobody could print or send on."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class Halves:
    """Joins the characters of a text that comes in parts, wherever it is cut."""

    __slots__ = ("_half",)

    def __init__(self) -> None:
        self._half = ""

    def feed(self, part: str) -> str:
        """What is whole until now."""
        if part.isascii() and not self._half:
            return part
        text = self._half + part
        self._half = text[-1] if text and "\ud800" <= text[-1] <= "\udbff" else ""
        return whole_characters(text[:-1] if self._half else text)

    def flush(self) -> str:
        """What stands for a half whose other half never came."""
        half, self._half = self._half, ""
        return whole_characters(half)
