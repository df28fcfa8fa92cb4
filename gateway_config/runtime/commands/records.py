"""`gatewright usage`, `why`, `feedback`, `ship` on records, and `verify` on what is deployed."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from gateway_config.commands.lookup import compiled_config, to_json
from gateway_config.commands.options import STAGE, ConfigOption, JsonOption, StageOption
from gateway_config.errors import UsageError

DRIFTED = 7
Records = Annotated[
    Path,
    typer.Option(
        "--records", metavar="DIR", envvar="GATEWRIGHT_RECORDS", help="The folder of records; else GATEWRIGHT_RECORDS."
    ),
]


class Format(StrEnum):
    """How a table is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def usage(
    records: Records,
    by: Annotated[str, typer.Option("--by", metavar="NAMES", help="Such as day,route,arm.")] = "day,route,arm",
    since: Annotated[str, typer.Option("--since", metavar="DAY", help="From this day on, such as 2026-11-01.")] = "",
    format: Annotated[Format, typer.Option("--format", help="csv and json for other tools.")] = Format.TABLE,
    as_json: JsonOption = False,
) -> None:
    """Print calls, tokens, cost and time from the records.

    A cost or count that is not known is never counted as zero: `unpriced` and `uncounted` say of how many calls.
    `hit_rate` is that of calls with a cache. How many lines are no records stands on standard error.

    \b
    Example: gatewright usage --records records --by day,project
    Exit codes: 0 printed, 2 wrong usage, 3 the records cannot be read.
    """
    from gateway_config.runtime.records.reader import RecordReader, odd_words
    from gateway_config.runtime.records.usage import BY, table, usage_rows

    names = list(dict.fromkeys(name.strip() for name in by.split(",") if name.strip()))
    if unknown := [name for name in names if name not in BY]:
        raise UsageError(f'there is no "{unknown[0]}" to group by. Known: {", ".join(BY)}.')
    if since and not _is_day(since):
        raise UsageError(f"a day is written like 2026-11-01; found {since!r:.60}.")
    _must_exist(records)
    found = RecordReader(records)
    rows = usage_rows((record for record in found if record["at"] >= since), names)
    if as_json or format is Format.JSON:
        typer.echo(to_json(rows))
    else:
        typer.echo(table(rows) if format is Format.TABLE else _csv(rows, names), nl=format is Format.TABLE)
    if found.odd:
        typer.echo(odd_words(found.odd), err=True)


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _csv(rows: list[dict[str, object]], by: list[str]) -> str:
    """The rows, beneath their names also where there are none."""
    import csv
    import io

    from gateway_config.runtime.records.usage import FIGURES

    text = io.StringIO()
    writer = csv.DictWriter(text, [*by, *FIGURES], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _must_exist(records: Path) -> None:
    if not records.is_dir():
        raise UsageError(f'there is no folder "{records}". Name that of the records with --records DIR.')


def why(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="Of an answer, an error or a log.")],
    records: Records,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Tell why a call went the way it went: what was declared and where, the way, who served, attempts, cost.

    \b
    Example: gatewright why 0123456789ab.01a1fd8e8f170011223344556677.1 --records records
    Exit codes: 0 told, 1 the config has problems, 2 there is no such record.
    """
    from gateway_config.runtime.records.why import record_of, told

    _must_exist(records)
    record = record_of(records, trace)
    typer.echo(to_json(record) if as_json else "\n".join(told(record, compiled_config(config, stage))))


def feedback(
    trace: Annotated[str, typer.Argument(metavar="TRACE", help="Of the answer.")],
    thumb: Annotated[str | None, typer.Option("--thumb", metavar="up|down", help="Good or bad.")] = None,
    score: Annotated[float | None, typer.Option("--score", metavar="NUMBER", help="0 to 100.")] = None,
    note: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Why.")] = None,
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Note what somebody thought of an answer.

    \b
    Example: gatewright feedback 0123456789ab.01a1fd8e8f170011223344556677.1 --thumb up
    Exit codes: 0 noted, 1 the config has problems, 2 wrong usage.
    """
    from gateway_config.runtime.commands.asking import client_of

    with client_of(config, stage) as client:
        hand: Literal["up", "down"] | None = thumb  # type: ignore[assignment]
        noted = client.feedback(trace, thumb=hand, score=score, note=note)
    if client.lost_records:
        raise UsageError("the feedback is not noted: its folder of records cannot be written. Name another one.")
    log = "the gateway's log has it, too" if noted.in_gateway_log else f"not in the gateway's log: {noted.why_not}"
    typer.echo(to_json(asdict(noted)) if as_json else f"noted as {noted.id}; {log}")


def ship(
    records: Records,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the segments here, too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Ship closed segments of records to R2, at least once each.

    GATEWRIGHT_USAGE_BUCKET, GATEWRIGHT_USAGE_TOKEN_ID and GATEWRIGHT_USAGE_TOKEN name the bucket and its keys.

    \b
    Example: gatewright ship --records records
    Exit codes: 0 shipped, 2 wrong usage, 3 R2 could not be reached, or refused.
    """
    from gateway_config.runtime.records.shipping import ship as shipping
    from gateway_config.runtime.records.shipping import usage_bucket

    _must_exist(records)
    shipped = []
    with usage_bucket() as bucket:
        for segment in shipping(records, bucket, keep):
            shipped.append(asdict(segment))
            if not as_json:
                typer.echo(f"{segment.key}  {segment.size:,} bytes, {segment.packed:,} packed")
    typer.echo(to_json(shipped) if as_json else f"{len(shipped)} segments shipped")


def verify(
    config: ConfigOption = None,
    stage: StageOption = STAGE,
    as_json: JsonOption = False,
) -> None:
    """Compare the deployed routes with the config, without Pulumi.

    Routes only: the gateway's own settings are compared by `gatewright preview --expect-no-changes`.
    CLOUDFLARE_API_TOKEN needs AI Gateway Read.

    \b
    Example: gatewright verify --stage prod
    Exit codes: 0 as declared, 1 the config has problems, 2 wrong usage, 3 not reached or refused, 7 something differs.
    """
    import os

    from gateway_config.cloudflare.control_plane import ControlPlane
    from gateway_config.runtime.errors import MissingSettingError
    from gateway_config.runtime.verify import verify as verified

    account = os.environ.get("CLOUDFLARE_ACCOUNT_ID")
    if not account:
        raise MissingSettingError("CLOUDFLARE_ACCOUNT_ID is not set. Export the id of the account.")
    with ControlPlane.from_environment() as api:
        findings = verified(compiled_config(config, stage), account, api)
    lines = [line for finding in findings for line in (f"{finding.route}: {finding.state}", *_indented(finding.words))]
    typer.echo(to_json([asdict(finding) for finding in findings]) if as_json else "\n".join(lines))
    if any(finding.state != "same" for finding in findings):
        raise typer.Exit(DRIFTED)


def _indented(words: tuple[str, ...]) -> list[str]:
    return [f"  {word}" for word in words]


COMMANDS = (usage, why, feedback, ship, verify)
