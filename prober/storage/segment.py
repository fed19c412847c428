"""Pack the results of one service and one hour into few bytes, and unpack them again.

    segment   head, then body
    head      "!BHI": the format's version (1), the number of rows, the CRC-32 of all the rest
    body      zlib (RFC 1950) of: "!H" the number of combinations, the combinations, three columns
    column    a type letter of `array`, then for each byte of that type, the lowest first, this
              byte of every row

What seldom changes from row to row (outcome to stalled) is kept once per combination, as eight
"!q" with EMPTY for None, and each row names its combination by its place in the list. High bytes
are nearly all zero, and cost next to nothing once they stand together. The columns are:

    steps         the time since the row before (for the first: since the hour began), in ms, less
                  the usual step, zigzag; the usual step itself stands in front as "!I"
    latencies     in microseconds, plus 1; 0 for None
    combinations  places in the list
"""

from __future__ import annotations

import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from itertools import accumulate
from operator import sub
from typing import NamedTuple

HOUR_MS = 3_600_000
VERSION = 1
EMPTY = -(2**63)
MOST_ROWS = 0xFFFF
LEVEL = 6  # higher ones take longer, and save nothing at this length

_HEAD = struct.Struct("!BHI")
_FRONT = struct.Struct("!HI")
_COMBINATION = struct.Struct("!7q")
_TYPES = "BHIQ"  # of 1, 2, 4 and 8 bytes


class Raw(NamedTuple):
    """One row of `results`, but for its service: ids and codes as they are stored."""

    checked_at: int
    latency_us: int | None
    outcome: int
    http_code: int | None
    endpoint_id: int | None
    snippet_id: int | None
    reason: int | None
    phase: int | None
    stalled: int | None


class Damaged(ValueError):
    """A segment can't be read; the message says what is wrong with it."""


def pack(hour: int, rows: Sequence[Raw]) -> bytes:
    """A segment of rows in the order of `checked_at`; `hour` counts from the epoch."""
    times, latencies, *rest = zip(*rows, strict=True)
    steps = list(map(sub, times, (hour * HOUR_MS, *times)))
    usual = sorted(steps)[len(steps) // 2]
    combinations = list(zip(*rest, strict=True))
    places = {combination: place for place, combination in enumerate(dict.fromkeys(combinations))}
    body = b"".join(
        (
            _FRONT.pack(len(places), usual),
            *(_COMBINATION.pack(*map(_filled, combination)) for combination in places),
            _column([_zigzag(step - usual) for step in steps]),
            _column([0 if latency is None else latency + 1 for latency in latencies]),
            _column(list(map(places.__getitem__, combinations))),
        )
    )
    packed = zlib.compress(body, LEVEL)
    return _HEAD.pack(VERSION, len(rows), _checksum(len(rows), packed)) + packed


def unpack(hour: int, segment: bytes) -> list[Raw]:
    """The rows of a segment. Raises `Damaged` where it isn't as it was packed."""
    count, body = _body(segment)
    kinds, usual = _FRONT.unpack_from(body)
    start = _FRONT.size + kinds * _COMBINATION.size
    listed = [tuple(map(_emptied, c)) for c in _COMBINATION.iter_unpack(body[_FRONT.size : start])]
    columns = []
    for _ in range(3):
        column, start = _read_column(body, start, count)
        columns.append(column)
    steps, latencies, which = columns
    times = accumulate((usual + _unzigzag(step) for step in steps), initial=hour * HOUR_MS)
    next(times)
    return [
        Raw._make((at, latency - 1 if latency else None, *listed[place]))
        for at, latency, place in zip(times, latencies, which, strict=True)
    ]


def count(segment: bytes) -> int:
    """How many rows a segment holds, by its head."""
    rows: int = _HEAD.unpack_from(segment)[1]
    return rows


def _body(segment: bytes) -> tuple[int, bytes]:
    if len(segment) < _HEAD.size:
        raise Damaged(f"it has {len(segment)} bytes, and its head alone has {_HEAD.size}")
    version, rows, checksum = _HEAD.unpack_from(segment)
    if version != VERSION:
        raise Damaged(f"its format is {version}, and this prober knows {VERSION}")
    packed = segment[_HEAD.size :]
    if _checksum(rows, packed) != checksum:
        raise Damaged("its checksum doesn't fit")
    return rows, zlib.decompress(packed)


def _checksum(rows: int, packed: bytes) -> int:
    return zlib.crc32(packed, rows)


def _column(values: Sequence[int]) -> bytes:
    largest = max(values)
    letter = next(t for t in _TYPES if largest < 256 ** array(t).itemsize)
    numbers = array(letter, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    plain = numbers.tobytes()
    width = numbers.itemsize
    return letter.encode() + b"".join(plain[place::width] for place in range(width))


def _read_column(body: bytes, start: int, rows: int) -> tuple[array[int], int]:
    numbers = array(chr(body[start]))
    width, start = numbers.itemsize, start + 1
    end = start + rows * width
    plain = bytearray(rows * width)
    for place in range(width):
        plain[place::width] = body[start + place * rows : start + (place + 1) * rows]
    numbers.frombytes(plain)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers, end


def _zigzag(value: int) -> int:
    return value << 1 if value >= 0 else ~(value << 1)


def _unzigzag(value: int) -> int:
    return ~(value >> 1) if value & 1 else value >> 1


def _filled(value: int | None) -> int:
    return EMPTY if value is None else value


def _emptied(value: int) -> int | None:
    return None if value == EMPTY else value
