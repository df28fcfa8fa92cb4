"""Ships closed segments of records to R2: at least once, each under its own name, so that a double replaces itself."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from gateway_config.cloudflare.r2 import Bucket
from gateway_config.runtime.records.segments import close_abandoned, closed_segments
from gateway_config.runtime.stores import bucket_of

PREFIX = "usage"


@dataclass(frozen=True, slots=True)
class Shipped:
    """One segment that has arrived; sizes in bytes, packed and as it was."""

    key: str
    packed: int
    size: int


def usage_bucket(environment: Mapping[str, str] = os.environ) -> Bucket:
    """Of CLOUDFLARE_ACCOUNT_ID and GATEWRIGHT_USAGE_BUCKET, _TOKEN_ID and _TOKEN (that of `ship-usage`)."""
    return bucket_of("GATEWRIGHT_USAGE", "ships usage", environment)


def ship(folder: Path, bucket: Bucket, keep: bool = False) -> Iterator[Shipped]:
    """Ships every closed segment as `usage/YYYY/MM/DD/<segment>.jsonl.gz`, then removes it here, unless it is kept.

    A segment that arrived but was not removed (killed in between) arrives again under the same name, with the same ids.
    """
    close_abandoned(folder)
    for path in closed_segments(folder):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # somebody else has shipped it meanwhile
        packed = gzip.compress(content, mtime=0)
        day = path.name[:8]
        key = f"{PREFIX}/{day[:4]}/{day[4:6]}/{day[6:8]}/{path.name}.gz"
        bucket.put(key, packed, "application/gzip")
        if not keep:
            path.unlink(missing_ok=True)
        yield Shipped(key, len(packed), len(content))
