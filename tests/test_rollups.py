"""Rollups: cells that merge, and histograms that keep percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, repeat
from math import ceil

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from prober.model import Status
from prober.rollups import (
    NOTHING,
    Cell,
    Sparse,
    bucket,
    histogram,
    merged,
    middle_us,
    percentile_us,
    times_ms,
    uptime,
    uptime_ppm,
    without,
)

LATENCIES = st.lists(st.integers(0, 10**8), min_size=1, max_size=60)
FOURS = st.tuples(*[st.integers(0, 10**6)] * 4)
CELLS = st.builds(
    Cell,
    counts=FOURS,
    times_ms=FOURS,
    reasons=st.dictionaries(st.integers(1, 10), st.integers(1, 99), max_size=3),
    sum_us=st.integers(0, 10**9),
    min_us=st.none() | st.integers(0, 10**6),
    max_us=st.none() | st.integers(0, 10**6),
    histogram=LATENCIES.map(histogram),
)


@given(latency_us=st.integers(0, 2**40))
def test_a_bucket_stands_for_its_latencies_within_two_percent(latency_us: int) -> None:
    middle = middle_us(bucket(latency_us))

    assert abs(middle - latency_us) <= 0.016 * latency_us


@given(latency_us=st.integers(0, 2**40))
def test_buckets_follow_each_other_without_gaps(latency_us: int) -> None:
    assert bucket(latency_us + 1) - bucket(latency_us) in {0, 1}


@given(latency_us=st.integers(0, 2**63 - 1))
@example(4_095).via("the last that the table holds")
@example(4_096).via("the first that is looked up without its last bits")
@example(2**19 - 1).via("the last of these")
@example(2**19).via("the first that is computed")
def test_a_histogram_counts_a_latency_in_its_bucket(latency_us: int) -> None:
    assert histogram([latency_us]) == {bucket(latency_us): 1}


@given(latencies=LATENCIES, percent=st.sampled_from([0, 50, 90, 95, 99, 100]))
def test_a_percentile_is_within_two_percent_of_the_exact_one(
    latencies: list[int], percent: int
) -> None:
    rank = max(-(-len(latencies) * percent // 100), 1)
    exact = sorted(latencies)[rank - 1]

    assert percentile_us(histogram(latencies), percent) == pytest.approx(exact, rel=0.016)


def test_no_latencies_have_no_percentile() -> None:
    assert percentile_us({}, 50) is None


@given(cells=st.lists(CELLS, max_size=5), place=st.integers(0, 5))
def test_cells_merge_in_any_grouping(cells: Sequence[Cell], place: int) -> None:
    parts = [merged(cells[:place]), merged(cells[place:])]

    assert merged(parts) == merged(cells)


@given(one=LATENCIES, other=LATENCIES)
def test_merged_histograms_are_those_of_all_latencies(one: list[int], other: list[int]) -> None:
    cells = [Cell(histogram=histogram(one)), Cell(histogram=histogram(other))]

    assert merged(cells).histogram == histogram([*one, *other])


def cell_of(latencies: list[int]) -> Cell:
    return Cell(
        (len(latencies), 0, 0, 0),
        (1000 * len(latencies), 0, 0, 7),
        {1: len(latencies)},
        sum(latencies),
        min(latencies),
        max(latencies),
        histogram(latencies),
    )


@given(left=LATENCIES, gone=LATENCIES)
def test_what_is_left_of_a_cell_is_the_rest(left: list[int], gone: list[int]) -> None:
    expected = cell_of(left)

    found = without(merged([expected, cell_of(gone)]), cell_of(gone))

    assert (found[:4], found.histogram) == (expected[:4], expected.histogram)
    assert found.min_us is not None and found.max_us is not None
    assert bucket(found.min_us) == bucket(min(left)) and found.min_us <= min(left)
    assert bucket(found.max_us) == bucket(max(left)) and found.max_us >= max(left)


def test_a_cell_without_itself_is_empty() -> None:
    assert without(cell_of([5, 9]), cell_of([5, 9])) == Cell(reasons={}, histogram={})


@given(counts=st.dictionaries(st.integers(0, 2000), st.integers(1, 10**6), max_size=30))
def test_sparse_counts_are_those_of_the_mapping(counts: dict[int, int]) -> None:
    assert Sparse.of(counts) == counts


@given(
    counts=st.dictionaries(st.integers(0, 2000), st.integers(1, 99), min_size=1, max_size=30),
    percent=st.floats(0, 100),
)
def test_percentiles_of_sparse_counts_are_those_of_the_mapping(
    counts: dict[int, int], percent: float
) -> None:
    each = sorted(chain.from_iterable(map(repeat, counts.keys(), counts.values())))
    rank = max(ceil(len(each) * percent / 100), 1)

    assert percentile_us(Sparse.of(counts), percent) == middle_us(each[rank - 1])


def test_nothing_merged_is_nothing() -> None:
    assert merged([]) == Cell()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], (0, 0, 0, 100)),
        ([(0, Status.OK)], (100, 0, 0, 0)),
        ([(500, Status.OK), (1030, Status.BROKEN)], (30, 0, 70, 0)),
        ([(1010, Status.DEGRADED), (1040, Status.UNKNOWN)], (0, 30, 0, 70)),
        ([(500, Status.OK), (600, Status.BROKEN), (2000, Status.OK)], (0, 0, 100, 0)),
    ],
)
def test_time_is_weighed_by_status(
    changes: list[tuple[int, Status]], expected: tuple[int, ...]
) -> None:
    assert times_ms(changes, 1000, 1100) == expected


@given(
    moments=st.lists(st.integers(0, 300), max_size=9).map(sorted),
    statuses=st.lists(st.sampled_from(Status), min_size=9, max_size=9),
)
def test_the_times_fill_the_span(moments: list[int], statuses: list[Status]) -> None:
    changes = list(zip(moments, statuses, strict=False))

    assert sum(times_ms(changes, 100, 200)) == 100


@given(
    moments=st.lists(st.integers(0, 300), max_size=9).map(sorted),
    statuses=st.lists(st.sampled_from(Status), min_size=9, max_size=9),
    cut=st.integers(100, 200),
)
def test_the_times_of_two_parts_are_those_of_the_whole(
    moments: list[int], statuses: list[Status], cut: int
) -> None:
    changes = list(zip(moments, statuses, strict=False))
    parts = [times_ms(changes, 100, cut), times_ms(changes, cut, 200)]

    assert tuple(map(sum, zip(*parts, strict=True))) == times_ms(changes, 100, 200)


@pytest.mark.parametrize(
    ("times", "expected"),
    [(NOTHING, None), ((0, 0, 0, 9), None), ((3, 0, 1, 96), 0.75), ((2, 1, 1, 0), 0.75)],
)
def test_uptime_leaves_out_what_is_unknown(
    times: tuple[int, int, int, int], expected: float | None
) -> None:
    assert uptime(times) == expected


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (NOTHING, None),
        ((0, 0, 0, 9), None),
        ((0, 0, 9, 0), 0),
        ((1, 1, 0, 9), 1_000_000),
        ((1, 1, 1, 9), 666_666),
        ((86_399_999, 0, 1, 0), 999_999),
    ],
)
def test_uptime_in_millionths_is_rounded_down(
    times: tuple[int, int, int, int], expected: int | None
) -> None:
    assert uptime_ppm(times) == expected
