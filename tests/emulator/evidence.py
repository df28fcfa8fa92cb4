"""How well each promise of the emulator is founded: a tag and a source, kept where the code is.

LIVE reported from the real API · OAS OpenAPI · SDK official SDK · DOC documentation · TF Terraform provider ·
3P third party · MEM from memory · EMULATOR a thing of this emulator only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

Tag = Literal["LIVE", "OAS", "SDK", "DOC", "TF", "3P", "MEM", "EMULATOR"]
Thing = TypeVar("Thing", bound=Callable[..., object])


@dataclass(frozen=True)
class Behaviour:
    """One claim about Cloudflare that a piece of code lives up to."""

    claim: str
    tag: Tag
    source: str
    where: str


BEHAVIOURS: list[Behaviour] = []


def behaviour(claim: str, tag: Tag, source: str) -> Callable[[Thing], Thing]:
    """Note that the decorated code does what `claim` says, on the word of `source`."""

    def note(thing: Thing) -> Thing:
        where = thing.__module__.removeprefix("tests.emulator.")
        BEHAVIOURS.append(Behaviour(claim, tag, source, where))
        return thing

    return note
