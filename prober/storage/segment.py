"""Pack the results of one service and one hour into few bytes, and unpack them again.

    segment   head, then body
    head      "!BII": the format's version (1), the number of rows, the CRC-32 of all the rest
    body      zlib (RFC 1950) of: front, then columns as in columns.py
    front     "!II": the number of combinations, the usual step

What seldom changes from row to row (outcome to stalled) is kept once per combination, and each row
names its combination. The columns are:

    outcome to stalled    of each combination, seven columns: the value plus 1, or 0 for None
    steps                 the time since the row before (for the first: since the hour began), in
                          ms, less the usual step, zigzag
    latencies             in microseconds, plus 1, or 0 for None
    combinations          which one, from 0
"""

from __future__ import annotations

import struct
import zlib
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate, count, repeat
from operator import sub
from typing import Any, NamedTuple

from prober.storage.columns import column, read_columns

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
VERSION = 1
LEVEL = 1  # 6 takes half as long again, and saves 2 % at this length

_HEAD = struct.Struct("!BII")
_FRONT = struct.Struct("!II")
_raw = tuple.__new__  # what Raw._make is, without its check

Kind = tuple[int, int | None, int | None, int | None, int | None, int | None, int | None]
"""What rows have in common: the fields of a `Raw` from `outcome` on."""


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


class Folded(NamedTuple):
    """Rows of one service in order, as a segment has them: what they share is told once.

    `which` is the place of a row's combination in `kinds`.
    """

    kinds: Sequence[Kind]
    checked_at: Sequence[int]
    latency_us: Sequence[int | None]
    which: Sequence[int]

    def rows(self) -> list[Raw]:
        """The rows one by one."""
        kinds = map(self.kinds.__getitem__, self.which)
        each = zip(self.checked_at, self.latency_us, kinds, strict=True)
        return [_raw(Raw, (at, latency_us, *kind)) for at, latency_us, kind in each]

    def between(self, since_ms: int, until_ms: int) -> Folded:
        """The rows from `since_ms` until `until_ms`."""
        kinds, times, *_ = self
        part = slice(bisect_left(times, since_ms), bisect_left(times, until_ms))
        return Folded(kinds, times[part], self.latency_us[part], self.which[part])


def fold(rows: Sequence[Raw]) -> Folded:
    """Rows of one service, in their order, folded."""
    return fold_columns(*zip(*rows, strict=True)) if rows else Folded((), (), (), ())


def fold_columns(
    times: Sequence[int], latencies: Sequence[int | None], *rest: Sequence[Any]
) -> Folded:
    """The same rows, given by the columns of a `Raw`."""
    # In most hours nothing changes, or one column: that is seen sooner than rows are looked up.
    mixed = [values for values in rest if values.count(values[0]) < len(times)]
    if not mixed:
        kinds = zip(*[values[:1] for values in rest], strict=True)
        return Folded(tuple(kinds), times, latencies, bytes(len(times)))
    places: defaultdict[Any, int] = defaultdict(count().__next__)  # in the order they come
    if len(mixed) > 1:
        which = list(map(places.__getitem__, zip(*rest, strict=True)))
        return Folded(tuple(places), times, latencies, which)
    [alone] = mixed
    which = list(map(places.__getitem__, alone))
    columns = [places if values is alone else repeat(values[0]) for values in rest]
    return Folded(tuple(zip(*columns, strict=False)), times, latencies, which)


class Damaged(ValueError):
    """A segment can't be read; the message says what is wrong with it."""


def pack(hour: int, rows: Folded) -> bytes:
    """A segment of rows in the order of `checked_at`; `hour` counts from the epoch."""
    kinds, times, latencies, which = rows
    steps = list(map(sub, times, (hour * HOUR_MS, *times)))
    usual = sorted(steps)[len(steps) // 2]
    body = b"".join(
        (
            _FRONT.pack(len(kinds), usual),
            _kinds(tuple(kinds)),
            column(_zigzag(steps, usual)),
            column(_filled(latencies)),
            column(which),
        )
    )
    packed = zlib.compress(body, LEVEL)
    return _HEAD.pack(VERSION, len(times), _checksum(len(times), packed)) + packed


@lru_cache  # most services have the same
def _kinds(kinds: tuple[Kind, ...]) -> bytes:
    return b"".join(column(_filled(values)) for values in zip(*kinds, strict=True))


def unpack(hour: int, segment: bytes) -> list[Raw]:
    """The rows of a segment. Raises `Damaged` where it isn't as it was packed."""
    return unpack_folded(hour, segment).rows()


def unpack_folded(hour: int, segment: bytes) -> Folded:
    """The same rows, folded; raises as `unpack` does."""
    kinds, times, latencies, which = _columns(hour, segment)
    return Folded(kinds, times, _emptied(latencies), which)


def unpack_last(hour: int, segment: bytes, until_ms: int) -> Raw | None:
    """The last row before `until_ms`, or None; raises as `unpack` does."""
    kinds, times, latencies, which = _columns(hour, segment)
    place = bisect_left(times, until_ms) - 1
    if place < 0:
        return None
    [latency_us] = _emptied(latencies[place : place + 1])
    return _raw(Raw, (times[place], latency_us, *kinds[which[place]]))


def _columns(
    hour: int, segment: bytes
) -> tuple[list[Kind], list[int], Sequence[int], Sequence[int]]:
    """The combinations, and of each row its time, its latency as it is stored, its combination."""
    rows, body = _body(segment)
    size, usual = _FRONT.unpack_from(body)
    widths = (*[size] * (len(Raw._fields) - 2), rows, rows, rows)
    *rest, steps, latencies, which = read_columns(body, _FRONT.size, widths)
    times = list(accumulate(_unzigzag(steps, usual), initial=hour * HOUR_MS))
    return list(zip(*map(_emptied, rest), strict=True)), times[1:], latencies, which


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


# Of whole columns at once: a call for each number would cost more than its arithmetic.


def _zigzag(steps: Sequence[int], usual: int) -> list[int]:
    return [apart + apart if (apart := step - usual) >= 0 else ~(apart + apart) for step in steps]


def _unzigzag(values: Sequence[int], usual: int) -> list[int]:
    return [usual + (~(value >> 1) if value & 1 else value >> 1) for value in values]


def _filled(values: Sequence[int | None]) -> list[int]:
    return [0 if value is None else value + 1 for value in values]


def _emptied(values: Sequence[int]) -> list[int | None]:
    return [value - 1 if value else None for value in values]
