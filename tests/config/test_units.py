"""Durations and sizes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.config import units


@given(st.integers(min_value=0, max_value=400 * units.DURATION_MS["d"]))
def test_a_duration_in_whole_milliseconds_survives_writing_and_reading(ms: int) -> None:
    assert units.seconds(units.duration(ms / 1000)) == ms / 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [("300ms", 0.3), ("5s", 5), ("1.5h", 5400), ("1m30s", 90), ("2d", 172_800), ("0.1s", 0.1)],
)
def test_a_duration_is_read_in_seconds(text: str, expected: float) -> None:
    assert units.seconds(text) == expected


@pytest.mark.parametrize("text", ["", "5", "5x", "-5s", "5 s", "s", "5S", "\u0665s", "5s\n"])
def test_what_is_no_duration_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write 5s, 5m or 1h"):
        units.seconds(text)


@given(st.text())
def test_no_text_breaks_the_parser_of_durations(text: str) -> None:
    try:
        units.seconds(text)
    except ValueError as error:
        assert str(error).startswith("is not a duration")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("65536", 65_536), ("64KiB", 65_536), ("64 KiB", 65_536), ("1MB", 1_000_000), ("7B", 7)],
)
def test_a_size_is_read_in_bytes(text: str, expected: int) -> None:
    assert units.size(text) == expected


@pytest.mark.parametrize("text", ["", "64K", "1.5MB", "-1", "kB", "9" * 5000])
def test_what_is_no_size_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="write 65536, 64KiB or 1MiB"):
        units.size(text)
