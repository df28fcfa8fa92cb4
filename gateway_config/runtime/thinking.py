"""Separates what a model thinks from what it says: `<think>…</think>` never stays in an answer."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


def split_thinking(text: str) -> tuple[str, str | None]:
    """What was said, and what was thought (None: nothing).

    Some templates open the thought in the prompt, so that the answer holds only its end.
    """
    if CLOSE not in text and OPEN not in text:
        return text, None
    said: list[str] = []
    thought: list[str] = []
    rest = text
    head, close, tail = text.partition(CLOSE)
    if close and OPEN not in head:
        thought.append(head)
        rest = tail
    while rest:
        head, _, rest = rest.partition(OPEN)
        said.append(head)
        inner, _, rest = rest.partition(CLOSE)
        thought.append(inner)
    return "".join(said).strip(), "".join(thought).strip() or None
