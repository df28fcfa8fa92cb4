"""The hash that makes a split sticky: one of a hundred buckets for each subject on each route.

This function is an API: other languages may compute it, and records are read years later. Its vectors are published
in `tests/golden/buckets.json`.
"""

from __future__ import annotations

import hashlib

BUCKETS: tuple[str, ...] = tuple(f"{number:02d}" for number in range(100))


def bucket_of(route: str, subject: str) -> str:
    """The bucket, `"00"` … `"99"`, of a subject (a user, a tenant, a request id) on a route.

    The first eight bytes of SHA-256 over `route`, a zero byte and `subject` (UTF-8), read as a big-endian number,
    scaled to a hundred without a remainder's bias. Each route hashes for itself, so arms of two routes are independent.
    """
    head = hashlib.sha256(f"{route}\0{subject}".encode()).digest()[:8]
    return BUCKETS[(int.from_bytes(head, "big") * 100) >> 64]
