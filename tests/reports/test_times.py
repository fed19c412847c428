from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.reports.times import LATEST, moment, rfc3339

NOW = 1_795_359_600_123


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert rfc3339(NOW) == "2026-11-22T15:00:00.123Z"


@given(st.integers(0, LATEST))
def test_a_written_time_is_read_back_as_it_was(ms: int) -> None:
    assert moment(rfc3339(ms), NOW) == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("24h", NOW - 86_400_000),
        ("1d12h", NOW - 129_600_000),
        ("90s", NOW - 90_000),
        ("0s", NOW),
        (" 1.5m ", NOW - 90_000),
    ],
)
def test_a_duration_is_so_long_ago(text: str, ms: int) -> None:
    assert moment(text, NOW) == ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22", "2026-11-22T00:00:00.000Z"),
        ("2026-11-22T15:00:00", "2026-11-22T15:00:00.000Z"),
        ("2026-11-22 15:00", "2026-11-22T15:00:00.000Z"),
        ("2026-11-22T15:00:00.5+02:00", "2026-11-22T13:00:00.500Z"),
        ("1795359600123", "2026-11-22T15:00:00.123Z"),
        ("999999999999d", "1970-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_read_as_utc_unless_it_says_otherwise(text: str, expected: str) -> None:
    assert rfc3339(moment(text, NOW)) == expected


@pytest.mark.parametrize(
    "text", ["", "yesterday", "-5m", "5 years", "2026-13-01", "\u0663h", "9" * 400]
)
def test_anything_else_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write 24h, 7d, 2026-11-22"):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["1969-12-31", "99999999999999999999", "0001-01-01T00:00+05:00"])
def test_a_time_that_no_database_holds_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="outside the years"):
        moment(text, NOW)
