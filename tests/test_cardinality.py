"""Counts of events by type in a sliding window."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.cardinality import MAX_TYPES, OTHERS, Cardinality, per_minute

EVENTS = st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 30, width=32)), max_size=50)


@given(EVENTS, st.integers(30, 100))
def test_what_is_counted_is_what_came_within_the_window(
    events: list[tuple[str, float]], now: int
) -> None:
    window = Cardinality(20, 0)
    for type_, at in sorted(events, key=lambda event: event[1]):
        window.add(type_, at)

    expected = Counter(type_ for type_, at in events if int(at) > now - 20)

    assert window.counts(now) == dict(expected)


def test_a_burst_of_types_is_bounded_and_still_counted() -> None:
    window = Cardinality(20, 0)
    for n in range(MAX_TYPES + 50):
        window.add(f"t{n}", 1)

    counts = window.counts(2)

    assert (len(counts), counts[OTHERS]) == (MAX_TYPES + 1, 50)


def test_a_window_covers_at_first_only_what_was_watched() -> None:
    window = Cardinality(300, since_s=100)

    assert (window.covered_s(110), window.covered_s(1000)) == (10, 300)


@pytest.mark.parametrize(("count", "covered_s", "rate"), [(10, 300, 2), (10, 60, 10), (5, 0, 300)])
def test_a_rate_is_per_minute(count: int, covered_s: float, rate: float) -> None:
    assert per_minute(count, covered_s) == rate
