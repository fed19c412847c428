"""Numbers as bytes that compress well: each byte of all numbers, one after the other.

A column is a type letter of `array`, then for each byte of that type, the lowest first, this byte
of every number. High bytes are nearly all zero, and cost next to nothing once they stand together.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

LETTERS = {1: "B", 2: "H", 4: "I", 8: "Q"}  # unsigned, by the number of bytes
WIDTHS = {ord(letter): width for width, letter in LETTERS.items()}


def column(values: Sequence[int]) -> bytes:
    """A column of at least one number, none of them negative."""
    try:
        return b"B" + bytes(list(values))  # of an array, `bytes` would take the memory
    except ValueError:  # one is larger
        numbers = _narrowest(values)
    if sys.byteorder == "big":
        numbers.byteswap()
    plain = numbers.tobytes()
    width = numbers.itemsize
    return numbers.typecode.encode() + b"".join([plain[place::width] for place in range(width)])


def _narrowest(values: Sequence[int]) -> array[int]:
    # To try costs less than to look for the largest.
    for letter in "HI":
        try:
            return array(letter, values)
        except OverflowError:
            continue
    return array("Q", values)


def read_columns(body: bytes, start: int, counts: Iterable[int]) -> list[Sequence[int]]:
    """The columns that follow each other from `start` on, of so many numbers each."""
    columns: list[Sequence[int]] = []
    for count in counts:
        width, first = WIDTHS[body[start]], start + 1
        start = first + count * width
        plain = body[first:start]
        # Most have one byte each, and lie there as they are.
        columns.append(plain if width == 1 else _mixed(plain, width, count))
    return columns


def _mixed(plain: bytes, width: int, count: int) -> array[int]:
    mixed = bytearray(len(plain))
    for place in range(width):
        mixed[place::width] = plain[place * count : (place + 1) * count]
    numbers = array(LETTERS[width], mixed)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
