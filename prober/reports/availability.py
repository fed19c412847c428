"""Uptime and latency of one service, over a span and over each of its parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from prober.maintenance import Windows
from prober.model import Result, Service, Status
from prober.reports import history, planned, rows
from prober.reports.table import pad
from prober.reports.times import EPOCH, MILLISECOND, rfc3339
from prober.rollups import STATUSES, Cell, percentile_us, uptime
from prober.status import stale_after_s
from prober.storage.cells import Span
from prober.storage.codes import REASON_OF
from prober.storage.reader import Reader

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
PERCENTILES = (50, 95, 99)
COLUMNS = (
    "FROM",
    "SERVICE",
    "UPTIME",
    "BROKEN",
    "UNKNOWN",
    "MAINTENANCE",
    "RESULTS",
    "P50",
    "P95",
    "P99",
)
WIDTHS = (16, 24, 9, 8, 8, 11, 8, 8, 8, 0)  # fixed, since a stream can't wait for its widest cell
UNITS = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


class Availability(NamedTuple):
    """What one service did from `start` until `end` (epoch ms), but for maintenance."""

    service: str
    start: int
    end: int
    cell: Cell
    maintenance_ms: int = 0

    @property
    def uptime(self) -> float | None:
        """The share of the known time in which it was well, from 0 to 1."""
        return uptime(self.cell.times_ms)

    def latency_ms(self, percent: float) -> float | None:
        """The latency that `percent` of its answers didn't exceed."""
        return _ms(percentile_us(self.cell.histogram, percent))


def of(
    reader: Reader,
    name: str,
    spans: Sequence[Span],
    known_until_ms: int,
    windows: Windows = (),
) -> list[Availability]:
    """What a service did in each of the spans, which follow each other, outside of `windows`.

    One that history doesn't know did nothing.
    """
    cells = reader.cells(name, spans, known_until_ms) or [_unknown(span) for span in spans]
    told = list(zip(spans, cells, strict=True))
    left = planned.leave_out(reader, name, told, (known_until_ms, windows))
    return [Availability(name, *span, *one) for span, one in zip(spans, left, strict=True)]


def known_until(
    reader: Reader, names: Sequence[str], services: Iterable[Service], now_ms: int
) -> dict[str, int]:
    """Until when (epoch ms) it is known how each service was: as long as its last result holds.

    Where prober doesn't run, nobody knows what came afterwards.
    """
    configured = {service.name: service for service in services}
    latest = reader.latest(names)
    return {name: _holds(latest.get(name), configured.get(name), now_ms) for name in names}


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


def record(found: Availability) -> dict[str, object]:
    """One part as plain JSON values: shares from 0 to 1, times in seconds, latencies in ms."""
    cell = found.cell
    return {
        "service": found.service,
        "from": rfc3339(found.start),
        "to": rfc3339(found.end),
        "uptime": None if found.uptime is None else round(found.uptime, 6),
        "seconds": {s.value: round(t / 1000, 3) for s, t in _by_status(cell.times_ms)},
        "maintenance_s": round(found.maintenance_ms / 1000, 3),
        "results": {s.value: n for s, n in _by_status(cell.counts)},
        "reasons": {str(REASON_OF[code]): n for code, n in sorted(cell.reasons.items())},
        "latency_ms": {
            "min": _ms(cell.min_us),
            **{f"p{p}": found.latency_ms(p) for p in PERCENTILES},
            "max": _ms(cell.max_us),
        },
    }


def as_table(parts: Iterable[Availability]) -> Iterator[str]:
    """A heading, and a line per part."""
    yield pad(COLUMNS, WIDTHS) + "\n"
    for part in parts:
        yield pad(_words(part), WIDTHS) + "\n"


def as_json(parts: Iterable[Availability]) -> Iterator[str]:
    """A JSON array with one object a line."""
    return history.json_array(map(record, parts))


def as_csv(parts: Iterable[Availability]) -> Iterator[str]:
    """A header and a row per part: what is nested in JSON has names like seconds_OK."""
    for number, part in enumerate(parts):
        flat = dict(_flat(record(part) | {"reasons": None}))
        if not number:
            yield history.csv_line(flat)
        yield history.csv_line(flat.values())


FORMATS: dict[str, Callable[[Iterable[Availability]], Iterator[str]]] = {
    "table": as_table,
    "json": as_json,
    "csv": as_csv,
}


def share(value: float | None) -> str:
    """An uptime for people: "99.950 %", never rounded up to 100."""
    if value is None:
        return rows.NONE
    return f"{int(value * 100_000) / 1000:.3f} %"


def spell(ms: int) -> str:
    """How long, in two units at most: "3d 4h", "12m 30s", "0s"."""
    left, words = ms // 1000, []
    for size, unit in UNITS:
        if left >= size:
            words.append(f"{left // size}{unit}")
            left %= size
    return " ".join(words[:2]) or "0s"


def _words(part: Availability) -> tuple[str, ...]:
    cell = part.cell
    broken, unknown = cell.times_ms[2], cell.times_ms[3]
    return (
        rfc3339(part.start)[:16].replace("T", " "),
        part.service,
        share(part.uptime),
        spell(broken),
        spell(unknown),
        spell(part.maintenance_ms),
        str(sum(cell.counts)),
        *(rows.latency(part.latency_ms(p)) for p in PERCENTILES),
    )


def _flat(record_: dict[str, object]) -> Iterator[tuple[str, object]]:
    for key, value in record_.items():
        if isinstance(value, dict):
            yield from ((f"{key}_{inner}", number) for inner, number in value.items())
        elif key != "reasons":
            yield key, value


def _holds(last: Result | None, service: Service | None, now_ms: int) -> int:
    if last is None:
        return 0
    held_ms = 0 if service is None else round(stale_after_s(service) * 1000)
    return min(last.checked_at + held_ms, now_ms)


def _unknown(span: Span) -> Cell:
    return Cell(times_ms=(0, 0, 0, span.end - span.start))


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
