"""What a person at a terminal sees while a command waits for an answer."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from typing import TextIO

EVERY_S = 1.0


@contextlib.contextmanager
def waiting(what: str, stream: TextIO | None = None) -> Iterator[None]:
    """Tells each second for how long it has been waited, on standard error; nothing where that is no terminal."""
    shown = stream or sys.stderr
    if not shown.isatty():
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_tell, args=(what, shown, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _tell(what: str, shown: TextIO, over: threading.Event) -> None:
    began = time.monotonic()
    while not over.wait(EVERY_S):
        shown.write(f"\r{what}: {time.monotonic() - began:.0f} s")
        shown.flush()
    shown.write("\r\x1b[K")  # takes the line away
    shown.flush()
