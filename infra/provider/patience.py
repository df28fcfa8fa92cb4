"""Waiting for what Cloudflare has accepted and does not know everywhere yet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

_AnswerT = TypeVar("_AnswerT")

WAITS_S = (1.0, 2.0, 4.0, 8.0)


def until_known(call: Callable[[], _AnswerT], is_new: Callable[[Exception], bool]) -> _AnswerT:
    """The answer of a call that may be refused at first, because the token it needs was made a moment ago.

    Assumption, not documented: R2 learns of a token some seconds after it was created.
    """
    for wait_s in WAITS_S:
        try:
            return call()
        except Exception as error:
            if not is_new(error):
                raise
        time.sleep(wait_s)
    return call()
