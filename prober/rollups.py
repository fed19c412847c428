"""Buckets of time and of latency, and their arithmetic: pure, and exact in integers.

A latency in microseconds falls into a bucket of a histogram. The buckets are 1 µs wide up to 64 µs;
from there on there are 32 to an octave, so that no latency is further from its bucket's middle
than 1.6 % of itself. (The layout is HdrHistogram's, https://hdrhistogram.org, kept sparse.)
Histograms merge by adding counts, so a percentile over a year is as exact as one over an hour.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import ItemsView, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate, pairwise
from operator import sub
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from prober.model import Status

STATUSES = (Status.OK, Status.DEGRADED, Status.BROKEN, Status.UNKNOWN)
SUB_BITS = 5
LINEAR = 1 << SUB_BITS  # what is less than twice as much has a bucket for each µs
BUCKETS = 59 << SUB_BITS  # up to what 63 bits can hold
MILLION = 1_000_000

Key = TypeVar("Key")
Four = tuple[int, int, int, int]
"""One number for each of `STATUSES`."""

Histogram = Mapping[int, int]
"""How many latencies fell into a bucket, by the bucket's number; empty ones are left out."""

NOTHING: Four = (0, 0, 0, 0)
NONE: Mapping[int, int] = MappingProxyType({})


class Sparse(Mapping[int, int]):
    """Counts by number, none below 0, in two columns: what is stored, and rarely looked into.

    `steps` are the first number, and from each to the next; `counts` are theirs.
    """

    def __init__(self, steps: Sequence[int], counts: Sequence[int]) -> None:
        self.steps = steps
        self.counts = counts

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Sparse:
        """Those of a mapping."""
        if isinstance(counts, cls):
            return counts
        numbers = sorted(counts)
        return cls(list(map(sub, numbers, (0, *numbers))), list(map(counts.__getitem__, numbers)))

    @cached_property
    def _by_number(self) -> dict[int, int]:
        return dict(zip(accumulate(self.steps), self.counts, strict=True))

    def __getitem__(self, number: int) -> int:
        return self._by_number[number]

    def __iter__(self) -> Iterator[int]:
        return iter(self._by_number)

    def __len__(self) -> int:
        return len(self.counts)

    def items(self) -> ItemsView[int, int]:  # the mixin's would call for each
        return self._by_number.items()


class Cell(NamedTuple):
    """What one service did in one span of time.

    `counts` are results, and `times_ms` milliseconds, by status. `reasons` counts the results
    without success, by reason. The latencies are those of the answers that took part in latency
    statistics; `min_us` and `max_us` are None where there are none.
    """

    counts: Four = NOTHING
    times_ms: Four = NOTHING
    reasons: Mapping[int, int] = NONE
    sum_us: int = 0
    min_us: int | None = None
    max_us: int | None = None
    histogram: Histogram = NONE


def merged(cells: Sequence[Cell]) -> Cell:
    """One cell over the spans of all."""
    if len(cells) == 1:
        return cells[0]
    return Cell(
        _added(cell.counts for cell in cells),
        _added(cell.times_ms for cell in cells),
        total(cell.reasons for cell in cells),
        sum(cell.sum_us for cell in cells),
        min((cell.min_us for cell in cells if cell.min_us is not None), default=None),
        max((cell.max_us for cell in cells if cell.max_us is not None), default=None),
        _summed([Sparse.of(cell.histogram) for cell in cells]),
    )


def without(whole: Cell, part: Cell) -> Cell:
    """What is left of a cell without what happened in a part of its span.

    The least and the greatest latency are then exact to the width of a bucket.
    """
    left = Counter(whole.histogram) - Counter(part.histogram)
    return Cell(
        _less(whole.counts, part.counts),
        _less(whole.times_ms, part.times_ms),
        Counter(whole.reasons) - Counter(part.reasons),
        max(whole.sum_us - part.sum_us, 0),
        max(whole.min_us or 0, lowest_us(min(left))) if left else None,
        min(whole.max_us or 0, lowest_us(max(left) + 1) - 1) if left else None,
        left,
    )


def uptime(times_ms: Four) -> float | None:
    """The share of the known time in which the service was well, or None where none is known.

    DEGRADED is well. UNKNOWN is prober's own trouble, or nobody looked: it is left out.
    """
    well, known = _well_and_known(times_ms)
    return well / known if known else None


def uptime_ppm(times_ms: Four) -> int | None:
    """`uptime` in whole millionths, rounded down."""
    well, known = _well_and_known(times_ms)
    return well * MILLION // known if known else None


def times_ms(changes: Sequence[tuple[int, Status]], start: int, end: int) -> Four:
    """How long each status held from `start` until `end`.

    `changes` are moments and the status from then on, in order; before the first it is UNKNOWN.
    """
    first = max(bisect_left(changes, (start,)) - 1, 0)
    last = bisect_left(changes, (end,))
    within = [(max(at, start), status) for at, status in changes[first:last]]
    spans: defaultdict[Status, int] = defaultdict(int)
    for (since, status), (until, _) in pairwise(
        [(start, Status.UNKNOWN), *within, (end, Status.UNKNOWN)]
    ):
        spans[status] += until - since
    return (
        spans[Status.OK],
        spans[Status.DEGRADED],
        spans[Status.BROKEN],
        spans[Status.UNKNOWN],
    )


def lowest_us(number: int) -> int:
    """The smallest latency that falls into a bucket."""
    octave = max((number >> SUB_BITS) - 1, 0)
    return (number - (octave << SUB_BITS)) << octave


def bucket(latency_us: int) -> int:
    """The number of the bucket that a latency falls into."""
    octave = (latency_us | LINEAR).bit_length() - SUB_BITS - 1
    return (octave << SUB_BITS) + (latency_us >> octave)


NEAR_US = 4_096
NEAR = tuple(map(bucket, range(NEAR_US)))
FAR_BITS = 7  # the last ones, which make no difference from NEAR_US on
FAR_US = NEAR_US << FAR_BITS
FAR = tuple(map(bucket, range(0, FAR_US, 1 << FAR_BITS)))


def middle_us(number: int) -> float:
    """The latency that stands for a bucket."""
    return (lowest_us(number) + lowest_us(number + 1) - 1) / 2


def histogram(latencies_us: Iterable[int]) -> Histogram:
    """Count latencies by bucket."""
    # From tables, as far as they go: `bucket` takes five times as long.
    return Counter(
        [
            NEAR[us] if us < NEAR_US else FAR[us >> FAR_BITS] if us < FAR_US else bucket(us)
            for us in latencies_us
        ]
    )


def percentile_us(counts: Histogram, percent: float) -> float | None:
    """The latency that `percent` of all don't exceed, by nearest rank; None where there are none.

    It is within 1.6 % of the exact one.
    """
    columns = Sparse.of(counts)
    sums = list(accumulate(columns.counts))
    if not sums:
        return None
    rank = max(-(-sums[-1] * percent // 100), 1)
    return middle_us(sum(columns.steps[: bisect_left(sums, rank) + 1]))


def total(mappings: Iterable[Mapping[Key, int]]) -> Mapping[Key, int]:
    """The sums of numbers under the same key."""
    sums: defaultdict[Key, int] = defaultdict(int)
    for one in mappings:
        for key, count in one.items():
            sums[key] += count
    return dict(sums)


def _well_and_known(times_ms: Four) -> tuple[int, int]:
    ok, degraded, broken, _ = times_ms
    return ok + degraded, ok + degraded + broken


def _summed(histograms: Sequence[Sparse]) -> Histogram:
    # A place for every bucket, as adding to a list takes half as long as to a mapping.
    sums = [0] * BUCKETS
    for one in histograms:
        for number, count in zip(accumulate(one.steps), one.counts, strict=True):
            sums[number] += count
    return {number: count for number, count in enumerate(sums) if count}


def _less(whole: Four, part: Four) -> Four:
    # Never below nothing: the whole may have been read a moment before its part.
    a, b, c, d = (max(one - other, 0) for one, other in zip(whole, part, strict=True))
    return a, b, c, d


def _added(fours: Iterable[Four]) -> Four:
    a = b = c = d = 0
    for e, f, g, h in fours:
        a, b, c, d = a + e, b + f, c + g, d + h
    return a, b, c, d
