"""What the figures of the client's benchmark are made of."""

import statistics

import pytest

from benchmarks.client_records import Block, interval, rows


def test_the_interval_of_a_ratio_holds_its_median_and_narrows_with_more_pairs() -> None:
    few, many = [1.0, 1.02, 1.04, 1.5] * 3, [1.0, 1.02, 1.04, 1.5] * 100
    for ratios in (few, many):
        median, low, high = interval(ratios, draws=400)
        assert low <= median == statistics.median(ratios) <= high
    assert interval(many, 400)[2] - interval(many, 400)[1] < interval(few, 400)[2] - interval(few, 400)[1]


@pytest.mark.parametrize(("more", "mark"), [(1.02, "held"), (1.05, "missed")])
def test_records_hold_their_mark_by_the_clock_and_by_cpu_or_miss_it(more: float, mark: str) -> None:
    # A slow moment meets both blocks of a pair: alone, it would look like ten times the cost.
    without = [Block(0.001 * slow, 0.0005 * slow) for slow in (1, 1, 10, 1)]
    keeping = [Block(one.clock_s * more, one.cpu_s * more) for one in without]
    told = [row for row in rows(without, keeping) if "records on" in row]
    assert [row.count(f"{more:.3f} (95 %: {more:.3f}…{more:.3f}) | at most 1.03: {mark} |") for row in told] == [1, 1]
