"""Lets the real client meet every fault over real sockets, and says what held. Ends with 1 where something did not.

scripts/faults client [--sample] [--only WORDS] [--json]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.faults.client_case import Result, config_of, result_of
from tests.faults.client_certificates import Certificates
from tests.faults.client_faults import FETCHED, WAYS, Fault, faults

ENDS = "ends in"


def results(chosen: Sequence[Fault]) -> Iterator[Result]:
    """Each fault, met by each sort of call, blocking and in asyncio."""
    with tempfile.TemporaryDirectory() as folder:
        config, certificates = config_of(Path(folder)), Certificates(Path(folder))
        for number, fault in enumerate(chosen, 1):
            if sys.stderr.isatty():
                print(f"\r\x1b[K{number}/{len(chosen)} {fault}", end="", file=sys.stderr, flush=True)
            for way in fault.ways:
                for asynchronous in (False, True):
                    yield result_of(fault, way, asynchronous, config, certificates)
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)


def sample(found: Sequence[Fault]) -> list[Fault]:
    """One fault of each name."""
    return list({fault.name: fault for fault in reversed(found)}.values())[::-1]


def rows(found: Sequence[Result]) -> Iterator[tuple[str, ...]]:
    """For each fault, how many cases of each sort of call held, with a `!` those that did not, and their endings."""
    for name in dict.fromkeys(result.fault.name for result in found):
        own = [result for result in found if result.fault.name == name]
        yield (name, *(_cell([result for result in own if result.way == way]) for way in WAYS), _endings(own))
    yield ("all", *(_cell([result for result in found if result.way == way]) for way in WAYS), "")


def _cell(found: Sequence[Result]) -> str:
    wrong = sum(result.why is not None for result in found)
    held = len(found) - wrong
    return (f"{held} !{wrong}" if wrong else str(held)) if found else "–"


def _endings(found: Sequence[Result]) -> str:
    counts = Counter(ending for result in found for ending in result.endings)
    return ", ".join(name if name == FETCHED else f"`{name}`" for name, _ in counts.most_common())


def summary(found: Sequence[Result], duration_s: float) -> str:
    late_ms = max(result.late_s for result in found) * 1000
    calls = sum(len(result.endings) for result in found)
    wrong = sum(result.why is not None for result in found)
    return (
        f"The client: {len(found):,} cases, {calls:,} calls in {duration_s:.0f} s, {wrong:,} wrong;"
        f" no call ended later than {late_ms:.0f} ms after its deadline."
    )


def table(found: Sequence[Result]) -> Iterator[str]:
    """Lines of a Markdown table."""
    yield f"| fault | {' | '.join(WAYS)} | {ENDS} |"
    yield f"|---|{'---:|' * len(WAYS)}---|"
    for row in rows(found):
        yield f"| {' | '.join(row)} |"


def as_json(found: Sequence[Result]) -> str:
    columns = ("fault", *WAYS, ENDS)
    told = {
        "cases": len(found),
        "wrong": [str(result) for result in found if result.why],
        "rows": [dict(zip(columns, row, strict=True)) for row in rows(found)],
    }
    return json.dumps(told, indent=1)


def main() -> int:
    parser = argparse.ArgumentParser("scripts/faults client", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sample", action="store_true", help="one case of each fault")
    parser.add_argument("--only", default="", help="faults whose names hold these words")
    parser.add_argument("--json", action="store_true", help="print JSON")
    chosen = parser.parse_args()
    wanted = [fault for fault in faults() if chosen.only in str(fault)]
    began = time.monotonic()
    found = list(results(sample(wanted) if chosen.sample else wanted))
    if chosen.json:
        print(as_json(found))
    else:
        print(summary(found, time.monotonic() - began), "", *table(found), sep="\n")
        print(*(f"  {result}" for result in found if result.why), sep="\n")
    return 1 if any(result.why for result in found) else 0


if __name__ == "__main__":
    sys.exit(main())
