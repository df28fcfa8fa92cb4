"""Answers every API call of a lifecycle wrongly in turn, and says what held. Ends with 1 where something did not."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Iterator, Sequence

from tests.counting import at_least_one
from tests.emulator.server import Running, running_emulator
from tests.faults.case import Case, Result, Subject, cases, result_of
from tests.faults.engine_life import ENGINE, KILL_STEPS, engine_cases, kill_cases, killed
from tests.faults.logpush_life import LOGPUSH_JOB
from tests.faults.lora_life import LORA_ADAPTER
from tests.faults.published_life import published_config
from tests.faults.route_life import ROUTE
from tests.faults.stage_life import stage, stage_cases, world_of_stages
from tests.faults.table import Table, as_json, show
from tests.s3 import running_s3

SAMPLE = 12


def table_of(
    subject: Subject, chosen: Sequence[Case], emulator: Running, run: Callable[[Case, Running], Result] = result_of
) -> Table:
    """Runs the cases one after another, until a Ctrl-C; on a terminal, a line tells how far it is."""
    began = time.monotonic()
    results: list[Result] = []
    for number, case in enumerate(chosen, 1):
        if sys.stderr.isatty():
            print(f"\r\x1b[K{number}/{len(chosen)} {case}", end="", file=sys.stderr, flush=True)
        try:
            results.append(run(case, emulator))
        except KeyboardInterrupt:
            break
        except Exception as error:
            results.append(Result(case, "wrong", None, f"the run itself failed: {error!r}"))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    return Table(subject.name, subject.steps, results, time.monotonic() - began)


def spread(found: Sequence[Case], most: int | None) -> list[Case]:
    """All, or so many that lie evenly among them."""
    if most is None or len(found) <= most:
        return list(found)
    return [found[number * len(found) // most] for number in range(most)]


def planned(part: str) -> Iterator[tuple[Subject, list[Case], Callable[[Case, Running], Result], Running]]:
    """Who is tried with what, how a case of it is run, and where."""
    if part in ("all", "provider"):
        with running_s3() as s3, running_emulator(seed=1) as emulator:
            for subject in (ROUTE, LOGPUSH_JOB, LORA_ADAPTER, published_config(s3)):
                yield subject, list(cases(subject, emulator)), result_of, emulator
    if part in ("all", "engine"):
        with running_emulator(seed=1) as emulator:
            yield ENGINE, list(engine_cases(emulator)), result_of, emulator
    if part in ("all", "stage"):
        with world_of_stages() as world:
            whole = stage(world, "a whole stage with the engine")
            yield whole, list(stage_cases(whole, world)), result_of, world.emulator
    if part in ("all", "kills"):
        with world_of_stages() as world:
            kills = [
                stage(world, "up killed with its engine", KILL_STEPS, adapters=True, r2=r2) for r2 in (False, True)
            ]
            found = [case for subject in kills for case in kill_cases(subject, world.emulator)]
            yield kills[0], found, killed, world.emulator


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/faults", description=__doc__, epilog="scripts/faults client: what calls meet."
    )
    parser.add_argument("part", nargs="?", default="all", choices=("all", "provider", "engine", "stage", "kills"))
    parser.add_argument(
        "--sample",
        type=at_least_one,
        nargs="?",
        const=SAMPLE,
        metavar="N",
        help=f"N cases of each kind, spread evenly ({SAMPLE})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    tables = []
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # moto's, which tells each call
    for subject, found, run, emulator in planned(chosen.part):
        tables.append(table_of(subject, spread(found, chosen.sample), emulator, run))
        if not chosen.json:
            show(tables[-1])
    if chosen.json:
        print(as_json(tables))
    return 1 if any(result.why for table in tables for result in table.results) else 0


if __name__ == "__main__":
    sys.exit(main())
