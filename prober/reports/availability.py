"""Uptime and latency of one service, over a span and over each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from prober.model import Status
from prober.reports.times import EPOCH, MILLISECOND, rfc3339
from prober.rollups import STATUSES, Cell, percentile_us, uptime
from prober.storage.cells import Span
from prober.storage.codes import REASON_OF

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PERCENTILES = (50, 95, 99)


class Availability(NamedTuple):
    """What one service did from `start` until `end` (epoch ms)."""

    service: str
    start: int
    end: int
    cell: Cell

    @property
    def uptime(self) -> float | None:
        """The share of the known time in which it was well, from 0 to 1."""
        return uptime(self.cell.times_ms)

    def latency_ms(self, percent: float) -> float | None:
        """The latency that `percent` of its answers didn't exceed."""
        return _ms(percentile_us(self.cell.histogram, percent))


def whole(since: int, until: int) -> list[Span]:
    """The span as one part."""
    return [Span(since, until)]


def hours(since: int, until: int) -> list[Span]:
    """The span cut at full hours, UTC."""
    return _cut(since, until, HOUR_MS)


def days(since: int, until: int) -> list[Span]:
    """The span cut at midnights, UTC."""
    return _cut(since, until, DAY_MS)


def months(since: int, until: int) -> list[Span]:
    """The span cut where calendar months begin, UTC."""
    inner = [at for at in _months(since, until) if at > since]
    return [Span(a, b) for a, b in pairwise([since, *inner, until])]


CUTS: dict[str, Callable[[int, int], list[Span]]] = {
    "whole": whole,
    "hour": hours,
    "day": days,
    "month": months,
}


def month(text: str) -> Span:
    """The calendar month that "2026-11" names, UTC. Raises ValueError with a remedy."""
    try:
        first = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise ValueError(f"{text!r} is not a month; write 2026-11") from None
    return Span(_epoch_ms(first), _epoch_ms(_next_month(first)))


def as_json(found: Availability) -> dict[str, object]:
    """One part as plain JSON values: shares from 0 to 1, times in seconds, latencies in ms."""
    cell = found.cell
    return {
        "service": found.service,
        "from": rfc3339(found.start),
        "to": rfc3339(found.end),
        "uptime": None if found.uptime is None else round(found.uptime, 6),
        "seconds": {s.value: round(t / 1000, 3) for s, t in _by_status(cell.times_ms)},
        "results": {s.value: n for s, n in _by_status(cell.counts)},
        "reasons": {str(REASON_OF[code]): n for code, n in sorted(cell.reasons.items())},
        "latency_ms": {f"p{p}": found.latency_ms(p) for p in PERCENTILES}
        | {"min": _ms(cell.min_us), "max": _ms(cell.max_us)},
    }


def _by_status(four: Sequence[int]) -> Iterator[tuple[Status, int]]:
    return zip(STATUSES, four, strict=True)


def _cut(since: int, until: int, width: int) -> list[Span]:
    inner = range(since - since % width + width, until, width)
    return [Span(a, b) for a, b in pairwise([since, *inner, until])]


def _months(since: int, until: int) -> Iterator[int]:
    first = (EPOCH + since * MILLISECOND).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while _epoch_ms(first) < until:
        yield _epoch_ms(first)
        first = _next_month(first)


def _next_month(first: datetime) -> datetime:
    return (first + timedelta(days=31)).replace(day=1)


def _epoch_ms(at: datetime) -> int:
    return (at - EPOCH) // MILLISECOND


def _ms(us: float | None) -> float | None:
    return None if us is None else round(us / 1000, 3)
