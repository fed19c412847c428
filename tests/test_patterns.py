"""Patterns over bytes that may be no text."""

from __future__ import annotations

import pytest

from prober import patterns

BROKEN = {
    "one byte": (b"a\xffb", "a\ufffdb"),
    "each byte for itself": (b"\xff\xfe", "\ufffd\ufffd"),
    "a character that is cut": (b"\xe2\x82", "\ufffd\ufffd"),
    "half of a pair": (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
    "good text between": (b"\xff\xc3\xa9\xff", "\ufffdé\ufffd"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_byte_that_is_no_text_becomes_a_character(case: str) -> None:
    data, legible = BROKEN[case]

    assert patterns.legible(data) == legible.encode()


def test_good_text_stays_as_it_is() -> None:
    assert patterns.legible("é".encode()) == "é".encode()


def test_a_bad_pattern_says_why() -> None:
    with pytest.raises(patterns.BadPattern, match="missing"):
        patterns.compiled("(")
