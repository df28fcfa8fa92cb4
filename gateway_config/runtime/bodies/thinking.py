"""Separates what a model thinks from what it says: `<think>…</think>` never stays in an answer."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class ThinkingFilter:
    """Takes text in pieces cut anywhere, and gives back what was said and what was thought."""

    __slots__ = ("_fresh", "_held", "thinking")

    def __init__(self) -> None:
        self.thinking = False
        self._held = ""  # a beginning of a tag, perhaps
        self._fresh = False  # a thought has just ended: the blank lines after it are part of neither

    def feed(self, text: str) -> tuple[str, str]:
        """What this piece adds to what was said, and to what was thought."""
        if "<" not in text and not self._held and not self.thinking and not self._fresh:
            return text, ""
        text, self._held = self._held + text, ""
        said: list[str] = []
        thought: list[str] = []
        while text:
            text = self._step(text, said, thought)
        return "".join(said), "".join(thought)

    def flush(self) -> tuple[str, str]:
        """What was held back because a tag could have begun with it."""
        held, self._held = self._held, ""
        return ("", held) if self.thinking else (held, "")

    def _step(self, text: str, said: list[str], thought: list[str]) -> str:
        """Takes what belongs together off the text, and returns the rest."""
        if self._fresh and not self.thinking:
            text = text.lstrip()
            self._fresh = not text
        tag = CLOSE if self.thinking else OPEN
        head, found, rest = text.partition(tag)
        if not found:
            held = _beginning(head, tag)
            head, self._held = head[: len(head) - held], head[len(head) - held :]
        (thought if self.thinking else said).append(head)
        if found:
            self._fresh = self.thinking
            self.thinking = not self.thinking
        return rest


def _beginning(text: str, tag: str) -> int:
    """How many characters at the end of a text could be the beginning of a tag."""
    for length in range(min(len(text), len(tag) - 1), 0, -1):
        if text.endswith(tag[:length]):
            return length
    return 0


def split_thinking(text: str) -> tuple[str, str | None]:
    """What a whole answer says, and what was thought (None: nothing).

    Some templates open the thought in the prompt, so that the answer holds only its end; a stream cannot know that.
    """
    if CLOSE not in text and OPEN not in text:
        return text, None
    head, close, tail = text.partition(CLOSE)
    opened = OPEN in head or not close
    own = ThinkingFilter()
    said, thought = own.feed(text if opened else tail)
    last_said, last_thought = own.flush()
    whole = thought + last_thought if opened else head + thought + last_thought
    return (said + last_said).strip(), whole.strip() or None
