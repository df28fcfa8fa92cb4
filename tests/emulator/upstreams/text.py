"""Text nobody has to believe: the same for the same model and prompt, different for another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

VOCABULARY = """
the a light slow river morning answer keeps turning toward some quiet harbor where every small
question finds its own plain shape and then moves on with care past old stones under wide open
sky while careful hands write down what was seen before noon so nothing good is lost again yet
time will show which way
"""
WORDS = VOCABULARY.split()
CHARACTERS_PER_TOKEN = 4
TOKENS_PER_MESSAGE = 3
SHORTEST, LONGEST = 16, 47  # words


def answer_text(model: str, prompt: str) -> str:
    """One sentence, decided by model and prompt alone."""
    digest = sha256(f"{model}\0{prompt}".encode(errors="replace")).digest() * 2
    count = SHORTEST + digest[0] % (LONGEST - SHORTEST + 1)
    words = " ".join(WORDS[byte % len(WORDS)] for byte in digest[1 : count + 1])
    return f"{model.rsplit('/', 1)[-1]}: {words}."


def prompt_of(messages: Any) -> str:
    """All that was said, in one text; parts that are not text stand as their kind."""
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        return str(messages)
    return "\n".join(_message_text(message) for message in messages)


def _message_text(message: Any) -> str:
    if not isinstance(message, Mapping):
        return str(message)
    return f"{message.get('role')}: {content_text(message.get('content'))}"


def content_text(content: Any) -> str:
    if isinstance(content, str) or content is None:
        return content or ""
    if isinstance(content, list):
        return "".join(_part_text(part) for part in content)
    return json.dumps(content)


def _part_text(part: Any) -> str:
    if not isinstance(part, Mapping):
        return str(part)
    if "text" in part:
        return str(part["text"])
    return f"[{part.get('type')} {sha256(json.dumps(part).encode()).hexdigest()[:8]}]"


def token_count(text: str) -> int:
    """An estimate, as no tokenizer is at hand; never zero for a text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def cut_to_tokens(text: str, most: int) -> str:
    return text[: max(0, most) * CHARACTERS_PER_TOKEN]
