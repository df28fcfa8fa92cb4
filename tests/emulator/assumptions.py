"""What nobody knows about Cloudflare, by name: a question, our default, and what else might be true.

An assumption is declared next to the code that needs it; a world answers with its current choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """An open question; the first choice is the default."""

    name: str
    question: str
    choices: tuple[str, ...]

    @property
    def default(self) -> str:
        return self.choices[0]


ASSUMPTIONS: dict[str, Assumption] = {}


def assumption(name: str, question: str, *choices: str) -> Assumption:
    """Declare an open question; a name is used once."""
    if name in ASSUMPTIONS or len(choices) < 2:
        raise ValueError(f"assumption {name!r} is declared twice, or has no alternative")
    return ASSUMPTIONS.setdefault(name, Assumption(name, question, choices))


class Choices:
    """The answers one world lives by; standing ones are those it returns to."""

    def __init__(self) -> None:
        self._chosen: dict[str, str] = {}
        self._standing: dict[str, str] = {}

    def __call__(self, question: Assumption) -> str:
        return self._chosen.get(question.name, question.default)

    def choose(self, choices: Mapping[str, str]) -> None:
        """Switch assumptions, all of these or none; raises ValueError that lists what there is."""
        for name, choice in choices.items():
            known = ASSUMPTIONS.get(name)
            if known is None:
                raise ValueError(f"no assumption is named {name!r}; there are: {', '.join(sorted(ASSUMPTIONS))}")
            if choice not in known.choices:
                raise ValueError(f"{name} can be {' or '.join(known.choices)}, not {choice!r}")
        self._chosen |= choices

    def stand(self, text: str) -> None:
        """Take `NAME=CHOICE,…` as the answers to begin with and to return to; raises ValueError."""
        parts = [part.partition("=") for part in text.split(",") if part]
        if not all(equals for _, equals, _ in parts):
            raise ValueError("expected NAME=CHOICE, such as missing-key=as-in-mongodb")
        self.choose({name: choice for name, _, choice in parts})
        self._standing = dict(self._chosen)

    def reset(self) -> None:
        self._chosen = dict(self._standing)

    def as_dict(self) -> dict[str, str]:
        return {name: self(known) for name, known in sorted(ASSUMPTIONS.items())}
