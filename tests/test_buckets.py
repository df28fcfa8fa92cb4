"""The hash behind sticky splits is an API: published vectors, even buckets, independent routes."""

import json
from collections import Counter
from collections.abc import Callable

import pytest

from gateway_config.buckets import BUCKETS, bucket_of

SUBJECTS = ["", "1", "user-1", "user-2", "anna@example.org", "Ünïcode", "日本語", "a\0b", "x" * 1000, "0198c0de-7abc"]
ROUTES = ["quick-chat", "ask", "chat"]


def test_the_vectors_are_the_published_ones(golden: Callable[[str, str], None]) -> None:
    vectors = [
        {"route": route, "subject": subject, "bucket": bucket_of(route, subject)}
        for route in ROUTES
        for subject in SUBJECTS
    ]
    golden("buckets.json", json.dumps(vectors, indent=1, ensure_ascii=False) + "\n")


def test_one_vector_worked_out_by_hand() -> None:
    # sha256("quick-chat\0user-1") begins with 8 bytes that, read as a number and scaled by 100 / 2^64, floor to this.
    import hashlib

    head = hashlib.sha256(b"quick-chat\x00user-1").hexdigest()[:16]
    assert bucket_of("quick-chat", "user-1") == f"{int(head, 16) * 100 // 2**64:02d}"


def test_buckets_are_a_hundred_texts_of_two_digits() -> None:
    assert tuple(f"{number // 10}{number % 10}" for number in range(100)) == BUCKETS


def test_route_and_subject_do_not_run_into_each_other() -> None:
    pairs = [("a", "bc"), ("ab", "c"), ("abc", "")]
    assert len({bucket_of(route, subject + str(n)) for route, subject in pairs for n in range(3)}) > 3


@pytest.fixture(scope="module")
def many() -> list[str]:
    return [f"subject-{number}" for number in range(20_000)]


def chi_square(counts: Counter[object], cells: int, total: int) -> float:
    expected = total / cells
    return sum((count - expected) ** 2 / expected for count in counts.values()) + expected * (cells - len(counts))


def test_many_subjects_fill_the_buckets_evenly(many: list[str]) -> None:
    counts: Counter[object] = Counter(bucket_of("chat", subject) for subject in many)
    # 99 degrees of freedom: beyond 148.2 once in a thousand; the subjects are fixed, so this never flickers.
    assert chi_square(counts, 100, len(many)) < 148.2


def test_arms_of_two_routes_are_independent(many: list[str]) -> None:
    pairs: Counter[object] = Counter(
        (bucket_of("chat", subject)[0], bucket_of("think", subject)[0]) for subject in many
    )
    assert chi_square(pairs, 100, len(many)) < 148.2


def test_a_challenger_on_one_route_says_nothing_about_another(many: list[str]) -> None:
    challenged = [subject for subject in many if bucket_of("chat", subject) >= "90"]
    again = sum(bucket_of("think", subject) >= "90" for subject in challenged)
    expected = len(challenged) / 10
    assert abs(again - expected) < 3.3 * (expected * 0.9) ** 0.5
