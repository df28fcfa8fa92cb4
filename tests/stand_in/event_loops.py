"""What Pulumi's SDK leaves behind in the process of a run that fails: an open event loop, for the garbage collector."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collected_at_once() -> Iterator[None]:
    """Collects it here, else it is told as a leak of whatever test happens to run when it is collected."""
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
