"""`gatewright rotation`: which tokens end soon or are to be rotated, by the dates of a stage's config."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway_config.commands.options import JsonOption, StageOption
from infra.stage_options import ProjectOption, Wanted, engine_of

if TYPE_CHECKING:
    from infra.token_dates import TokenDates

DUE = 7
WITHIN_DAYS = 14


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(rotation)


def rotation(
    within_days: Annotated[
        int, typer.Option("--within", metavar="DAYS", help="How near is near.", min=0)
    ] = WITHIN_DAYS,
    stage: StageOption = "dev",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which tokens end soon or are to be rotated, by the dates in Pulumi.<stage>.yaml. Cloudflare is not asked.

    \b
    Example: gatewright rotation --stage prod --within 30
    Exit codes: 0 none is near, 1 problems in the stage's config, 2 wrong usage, 7 one is due.
    """
    engine = engine_of(Wanted(None, stage, project, None, None))
    engine.require_stage_file()
    found = reminders(engine.settings().tokens, datetime.now(UTC).date(), within_days)
    if as_json:
        typer.echo(json.dumps([reminder.as_json() for reminder in found], indent=2))
    else:
        typer.echo("\n".join(lines(found, stage, within_days)))
    if any(reminder.due for reminder in found):
        raise typer.Exit(DUE)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What there is to do about one token. `due`: one of its dates is near, or over."""

    use: str
    dates: TokenDates
    today: date
    due: bool

    def __str__(self) -> str:
        words = (
            self._told(self.dates.rotate_on, "is to be rotated", "was to be rotated"),
            self._told(self.dates.expires_on, "ends", "ended"),
            self._previous(),
        )
        return f"{self.use}: {', '.join(filter(None, words))}"

    def _told(self, day: date | None, coming: str, over: str) -> str:
        if day is None:
            return ""
        days = (day - self.today).days
        return f"{coming if days >= 0 else over} on {day} ({_distance(days)})"

    def _previous(self) -> str:
        *previous, newest = self.dates.generations
        return f"generation {previous[0]} is still valid beside {newest}" if previous else ""

    def as_json(self) -> dict[str, Any]:
        """`{token, due, rotate_on, expires_on, generations}`; dates as ISO 8601, or null."""
        days = {"rotate_on": self.dates.rotate_on, "expires_on": self.dates.expires_on}
        return {
            "token": self.use,
            "due": self.due,
            **{name: day.isoformat() if day else None for name, day in days.items()},
            "generations": list(self.dates.generations),
        }


def reminders(tokens: Mapping[Any, TokenDates], today: date, within_days: int = WITHIN_DAYS) -> list[Reminder]:
    """The tokens with something to do, the most urgent first."""
    found = [Reminder(use, dates, today, _first(dates, today) <= within_days) for use, dates in tokens.items()]
    found = [reminder for reminder in found if reminder.due or len(reminder.dates.generations) > 1]
    return sorted(found, key=lambda reminder: (_first(reminder.dates, today), reminder.use))


def lines(found: list[Reminder], stage: str, within_days: int) -> Iterator[str]:
    """What a person reads, on a terminal and in an issue."""
    if not found:
        yield f"No token of {stage} ends or is to be rotated within {within_days} days."
        return
    yield from (f"- {reminder}" for reminder in found)
    yield ""
    yield (
        f"To rotate a token, set new dates in Pulumi.{stage}.yaml and raise its `generation` with "
        "`keep_previous: true`; `gatewright up` makes the new one. When everyone uses it, drop `keep_previous`; "
        "the next `up` removes the old one."
    )


def _first(dates: TokenDates, today: date) -> int:
    """Days until the earlier of the two dates; what has none is never near."""
    days = [(day - today).days for day in (dates.rotate_on, dates.expires_on) if day]
    return min(days, default=date.max.toordinal())


def _distance(days: int) -> str:
    if days == 0:
        return "today"
    count = f"{abs(days)} {'day' if abs(days) == 1 else 'days'}"
    return f"in {count}" if days > 0 else f"{count} ago"
