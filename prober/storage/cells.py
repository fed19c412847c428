"""What a service did in spans of time: from cells of days and hours, and from rows at the edges."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from itertools import chain
from typing import NamedTuple

from sqlalchemy import Connection

from prober.rollups import Cell, merged, times_ms
from prober.storage import archive, rollup
from prober.storage.rollup import DAY_S, HOUR_S, Changes
from prober.storage.segment import DAY_MS, HOUR_MS, Raw, fold
from prober.storage.tables import BUCKET_MS
from prober.storage.walk import LATEST


class Span(NamedTuple):
    """From a moment until another one, in epoch milliseconds."""

    start: int
    end: int


class Told(NamedTuple):
    """What is not in the database yet of one service, oldest first; texts are not asked for."""

    rows: Sequence[Raw] = ()
    changes: Changes = ()

    @property
    def hours(self) -> frozenset[int]:
        """The beginnings of the hours in which there is any of it."""
        moments = chain((row.checked_at for row in self.rows), (at for at, _ in self.changes))
        return frozenset(at - at % HOUR_MS for at in moments)


NOTHING = Told()

Known = Mapping[Span, Cell]
"""Cells that the database holds, by what they cover."""


class Limits(NamedTuple):
    """Where rows may be that no cell counts, until when (ms) is known, and what is told besides."""

    hot: Span
    known_until: int
    told: Told


def over(
    connection: Connection,
    service_id: int,
    spans: Sequence[Span],
    known_until: int,
    told: Told = NOTHING,
) -> list[Cell]:
    """One cell for each span; spans follow each other. After `known_until` (ms) is UNKNOWN.

    The connection must see one state of the database throughout. What is told besides counts as if
    it were in the database; it may be there already.
    """
    hours = told.hours
    known = _known(connection, service_id, spans, hours)
    hot = _hot(connection, hours)
    starts = sorted(span.start for span in known)
    # Nearly all are known where days are asked for.
    parts = [[span] if span in known else list(_parts(span, known, starts, hot)) for span in spans]
    rest = [part for many in parts for part in many if part not in known]
    limits = Limits(hot, known_until, told)
    found = known | _from_rows(connection, service_id, rest, limits)
    return [merged([found[part] for part in many]) for many in parts]


def _known(
    connection: Connection, service_id: int, spans: Sequence[Span], but: Set[int]
) -> dict[Span, Cell]:
    """The cells within the spans: of days where spans hold whole ones, else of hours.

    Without those of the hours `but`, and of their days.
    """
    days = {hour - hour % DAY_MS for hour in but}
    long = [span for span in spans if span.end - span.start >= DAY_MS]
    found = {
        Span(day, day + DAY_MS): cell
        for day, cell in rollup.read(connection, DAY_S, service_id, long)
        if day not in days
    }
    rest = list(_uncovered(spans, found))
    hours = {
        Span(hour, hour + HOUR_MS): cell
        for hour, cell in rollup.read(connection, HOUR_S, service_id, rest)
        if hour not in but
    }
    return found | hours


def _uncovered(spans: Sequence[Span], found: Known) -> Iterator[Span]:
    for start, end in (span for span in spans if span not in found):
        at = start
        for day in _days_within(start, end, found):
            if at < day.start:
                yield Span(at, day.start)
            at = day.end
        if at < end:
            yield Span(at, end)


def _days_within(start: int, end: int, found: Known) -> Iterator[Span]:
    first = -(-start // DAY_MS) * DAY_MS
    days = (Span(day, day + DAY_MS) for day in range(first, end - DAY_MS + 1, DAY_MS))
    return (day for day in days if day in found)


def _parts(span: Span, known: Known, starts: Sequence[int], hot: Span) -> Iterator[Span]:
    """A span cut into what is known, and what isn't, at the borders of hours."""
    at = span.start
    while at < span.end:
        part = _whole(at, span.end, known) or _gap(at, span.end, starts, hot)
        yield part
        at = part.end


def _whole(at: int, end: int, known: Known) -> Span | None:
    """The largest known one that begins there."""
    both = (Span(at, at + DAY_MS), Span(at, at + HOUR_MS))
    return next((span for span in both if span in known and span.end <= end), None)


def _gap(at: int, end: int, starts: Sequence[int], hot: Span) -> Span:
    """What lies before the next border of hours, or all hours in a row that have no result.

    `starts` are those of what is known, in order.
    """
    border = at - at % HOUR_MS + HOUR_MS
    # Whole hours only: a part of one that was packed is made of its rows.
    if at % HOUR_MS == 0 and border <= end and not _may_have_rows(Span(at, border), hot):
        place = bisect_right(starts, at)
        stops = [stop for stop in (*starts[place : place + 1], hot.start) if stop > at]
        border = min((*stops, end - end % HOUR_MS))
    return Span(at, min(border, end))


def _hot(connection: Connection, besides: Iterable[int]) -> Span:
    """The hours in which rows may be that no cell counts: hot ones, and those told besides."""
    buckets = archive.hot_buckets(connection)
    ends = [buckets[0] * BUCKET_MS, buckets[-1] * BUCKET_MS] if buckets else []
    hours = [at - at % HOUR_MS for at in (*ends, *besides)]
    return Span(min(hours), max(hours) + HOUR_MS) if hours else Span(LATEST, LATEST)


def _from_rows(
    connection: Connection, service_id: int, parts: Sequence[Span], limits: Limits
) -> dict[Span, Cell]:
    if not parts:
        return {}
    told = limits.told
    stored = rollup.statuses(connection, [service_id], parts[0].start, parts[-1].end)
    changes = sorted((dict(told.changes) | dict(stored.get(service_id, ()))).items())
    return {
        part: _cell(
            _rows(connection, service_id, part, told.rows)
            if _may_have_rows(part, limits.hot)
            else [],
            changes,
            part,
            limits.known_until,
        )
        for part in parts
    }


def _rows(
    connection: Connection, service_id: int, part: Span, told: Sequence[Raw]
) -> Sequence[Raw]:
    stored = archive.rows(connection, service_id, *part)
    first, end = (bisect_left(told, (moment,)) for moment in part)
    if first == end:
        return stored
    return list({row.checked_at: row for row in (*told[first:end], *stored)}.values())


def _may_have_rows(part: Span, hot: Span) -> bool:
    """A whole hour that was packed has a cell: where it has none, there is no row in it."""
    return part.end - part.start < HOUR_MS or (part.end > hot.start and part.start < hot.end)


def _cell(rows: Sequence[Raw], changes: Changes, part: Span, known_until: int) -> Cell:
    until = min(max(known_until, part.start), part.end)
    ok, degraded, broken, unknown = times_ms(changes, part.start, until)
    times = (ok, degraded, broken, unknown + part.end - until)
    found = rollup.counted(fold(rows)) if rows else Cell()
    return found._replace(times_ms=times)
