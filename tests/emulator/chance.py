"""Everything random in a world, from one seed: draws of percentage elements, and ids."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterable
from random import Random


class Chance:
    """Draws and ids have separate generators, so an extra id never moves a draw."""

    def __init__(self, seed: int) -> None:
        self.reseed(seed)

    def reseed(self, seed: int) -> None:
        self.seed = seed
        self._draws = Random(seed)
        self._ids = Random(f"ids {seed}")
        self._injected: deque[int] = deque()

    def inject(self, draws: Iterable[int]) -> None:
        """These draws come next, in this order, before any random one."""
        self._injected.extend(draws)

    def draw(self) -> int:
        """An integer from 0 to 99."""
        return self._injected.popleft() if self._injected else self._draws.randrange(100)

    def gauss(self) -> float:
        return self._ids.gauss(0.0, 1.0)

    def hex_id(self, digits: int = 32) -> str:
        return f"{self._ids.getrandbits(4 * digits):0{digits}x}"

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def uuid7(self, now_s: float) -> str:
        """A time-ordered id in lower case, as log ids are since 2026-10-08."""
        high = (int(now_s * 1000) << 16) | 0x7000 | self._ids.getrandbits(12)
        low = (0b10 << 62) | self._ids.getrandbits(62)
        text = f"{high:016x}{low:016x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def secret(self, length: int = 40) -> str:
        """A token value: letters, digits, - and _."""
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
        return "".join(self._ids.choices(letters, k=length))
