"""When a token ends and when it is to be rotated, as a stage's config says it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def _day(value: Any) -> Any:
    """Pulumi's CLI rewrites a date that is not quoted as "2027-06-01 00:00:00 +0000 UTC"."""
    return value.removesuffix(" 00:00:00 +0000 UTC") if isinstance(value, str) else value


def _no_switch(value: Any) -> Any:
    """To Python, true is 1: a retention of one day, where somebody meant "yes"."""
    if isinstance(value, bool):
        raise ValueError("a whole number")
    return value


Day = Annotated[date, BeforeValidator(_day)]
Count = Annotated[int, BeforeValidator(_no_switch)]


class TokenDates(BaseModel):
    """One token's dates, and its rotation in two steps.

    Raise `generation` with `keep_previous: true`: the next `up` makes the new token and leaves the old one valid.
    When everyone uses the new one, drop `keep_previous`: the next `up` removes the old one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    expires_on: Day | None = None
    rotate_on: Day | None = None
    generation: Count = Field(default=1, ge=1)
    keep_previous: bool = False

    @model_validator(mode="after")
    def _rotated_in_time(self) -> Self:
        if self.rotate_on and self.expires_on and self.rotate_on > self.expires_on:
            raise ValueError("rotate_on no later than expires_on")
        return self

    @property
    def generations(self) -> tuple[int, ...]:
        """The generations that are valid now, the newest last."""
        previous = (self.generation - 1,) if self.keep_previous and self.generation > 1 else ()
        return (*previous, self.generation)
