"""One fault at one call of one step, and what must hold after one more `up`."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from tests.emulator.server import Running
from tests.faults.answers import ANSWERS, ONCE, TIMEOUT_S
from tests.faults.peers import Peer

WAY_ON = re.compile(r"\b([Rr]un|Check|Wait|again|Remove|Choose|choose|report|finish(es)?)\b")
"""Words by which a sentence says what to do."""
STOCK = re.compile(r"\b(GET|POST|PUT|DELETE): \d{3} |Exception calling application")
"""What the stand-in for Cloudflare's own provider says; those words are not ours to choose."""

Ending = Literal["unnoticed", "finished", "wrong"]


class ToldError(Exception):
    """A step that failed, with the sentence that a person reads."""


class Life(Protocol):
    """Something declared, in a world of its own."""

    peer: Peer
    """Who is called in the steps, and answers wrongly."""

    def prepare(self, step: str) -> None:
        """Everything before the step, without a fault."""

    def run(self, step: str) -> None:
        """The step; ToldError where it fails."""

    def up(self, step: str) -> None:
        """One more run that should reach what the step wanted."""

    def wrong(self, step: str) -> str | None:
        """What is not as it must be at Cloudflare: an orphan, a duplicate, a lost version."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A kind of life: who leads it, and what happens in it."""

    name: str
    steps: tuple[str, ...]
    begin: Callable[[Running], AbstractContextManager[Life]]
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: ANSWERS)


@dataclass(frozen=True, slots=True)
class Case:
    """The fault `answer` at a step's call number `index`, once or from there on."""

    subject: Subject
    step: str
    index: int
    call: str
    answer: str
    lasting: bool = False

    def __str__(self) -> str:
        often = "and every later one " if self.lasting else ""
        return f"{self.subject.name}, {self.step}, call {self.index + 1} ({self.call}) {often}met {self.answer}"


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended; `told` is what the person read, `why` what is wrong."""

    case: Case
    ending: Ending
    told: str | None
    why: str | None = None


def calls(subject: Subject, step: str, emulator: Running) -> list[str]:
    """The calls of a step that meets no fault, in their order."""
    emulator.reset()
    with subject.begin(emulator) as life:
        life.prepare(step)
        before = len(life.peer.calls())
        life.run(step)
        found = life.peer.calls()[before:]
        if wrong := life.wrong(step):
            raise AssertionError(f"{subject.name}, {step}, without a fault: {wrong}")
    return found


def cases(subject: Subject, emulator: Running, lasting: tuple[bool, ...] = (False, True)) -> Iterator[Case]:
    """Every answer at every call of every step."""
    for step in subject.steps:
        for index, call in enumerate(calls(subject, step, emulator)):
            for answer in subject.answers:
                for on in lasting:
                    if not (on and answer in ONCE):
                        yield Case(subject, step, index, call, answer, on)


def result_of(case: Case, emulator: Running) -> Result:
    """Runs a case in a new world."""
    emulator.reset()
    with case.subject.begin(emulator) as life:
        life.prepare(case.step)
        answer = case.subject.answers[case.answer]
        life.peer.fault(case.index, None if case.lasting else 1, **answer)
        told = _told(lambda: life.run(case.step))
        met = life.peer.met()
        life.peer.mend()
        if "delay_ms" in answer:
            time.sleep(TIMEOUT_S * 2)  # what was under way is carried out
        again = _told(lambda: life.up(case.step)) if told else None
        why = again or life.wrong(case.step) or _unclear(told) or (None if met else "the fault was not met")
    return Result(case, "wrong" if why else "finished" if told else "unnoticed", told, why)


def _told(act: Callable[[], None]) -> str | None:
    try:
        act()
    except ToldError as error:
        return str(error)
    return None


def _unclear(told: str | None) -> str | None:
    if told is None or STOCK.search(told):
        return None
    if "defect" in told or "Traceback" in told:
        return f"not an error of ours: {told}"
    return None if WAY_ON.search(told) else f"does not say what to do: {told}"
