"""Numbers as bytes that compress well: each byte of all numbers, one after the other.

A column is a type letter of `array`, then for each byte of that type, the lowest first, this byte
of every number. High bytes are nearly all zero, and cost next to nothing once they stand together.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Sequence

TYPES = "BHIQ"  # unsigned, of 1, 2, 4 and 8 bytes


def column(values: Sequence[int]) -> bytes:
    """A column of at least one number, none of them negative."""
    largest = max(values)
    if largest < 256:
        return b"B" + bytes(values)
    letter = next(t for t in TYPES if largest < 256 ** array(t).itemsize)
    numbers = array(letter, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    plain = numbers.tobytes()
    width = numbers.itemsize
    return letter.encode() + b"".join([plain[place::width] for place in range(width)])


def read_columns(body: bytes, start: int, counts: Iterable[int]) -> list[array[int]]:
    """The columns that follow each other from `start` on, of so many numbers each."""
    columns = []
    for count in counts:
        columns.append(_read(body, start, count))
        start += 1 + count * columns[-1].itemsize
    return columns


def _read(body: bytes, start: int, count: int) -> array[int]:
    numbers = array(chr(body[start]))
    width = numbers.itemsize
    plain = body[start + 1 : start + 1 + count * width]
    if width > 1:  # most have one byte each, and lie there as they are
        mixed = bytearray(len(plain))
        for place in range(width):
            mixed[place::width] = plain[place * count : (place + 1) * count]
        plain = bytes(mixed)
    numbers.frombytes(plain)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
