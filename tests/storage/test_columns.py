"""Columns: numbers as bytes, each byte of all numbers together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.storage.columns import column, read_columns


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([0, 255], "B 00ff"),
        ([1, 256], "H 0100 0001"),
        ([2**16 - 1, 0], "H ff00 ff00"),
        ([2**16, 3], "I 0003 0000 0100 0000"),
        ([2**32 - 1, 0], "I ff00 ff00 ff00 ff00"),
        ([1, 2**32], "Q 0100 0000 0000 0000 0001 0000 0000 0000"),
        ([2**64 - 1], "Q ffffffff ffffffff"),
    ],
)
def test_numbers_take_as_few_bytes_as_the_largest_needs(numbers: list[int], expected: str) -> None:
    letter, _, bytes_ = expected.partition(" ")

    assert column(numbers) == letter.encode() + bytes.fromhex(bytes_)


@pytest.mark.parametrize("numbers", [bytes([3, 9]), array("H", [3, 9]), array("H", [3, 999]), (3,)])
def test_numbers_may_come_in_any_sequence(numbers: Sequence[int]) -> None:
    assert column(numbers) == column(list(numbers))


@pytest.mark.parametrize("numbers", [[-1], [-1, 300], [2**64]])
def test_what_has_no_place_in_a_column_is_refused(numbers: list[int]) -> None:
    with pytest.raises(OverflowError):
        column(numbers)


@given(
    columns=st.lists(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 255), min_size=1)),
    before=st.binary(max_size=9),
)
def test_columns_come_back_as_they_were(columns: list[list[int]], before: bytes) -> None:
    body = before + b"".join(map(column, columns))

    found = read_columns(body, len(before), map(len, columns))

    assert list(map(list, found)) == columns
