"""The rows of services, wherever they lie: in the hot table, or in the segments of closed hours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import structlog
from sqlalchemy import Column, Connection, Select, Table, and_, func, select

from prober.storage.fetching import fetch, shares
from prober.storage.segment import HOUR_MS, Damaged, Raw, unpack
from prober.storage.tables import BUCKET_MS, endpoints, results, segments, services, snippets

BUCKETS_AN_HOUR = HOUR_MS // BUCKET_MS
NEVER = 2**31 - 1  # a bucket that no time reaches
LATEST = NEVER * BUCKET_MS  # epoch milliseconds
DAY = 24 * BUCKETS_AN_HOUR  # the most that one query looks at
RAW = (
    results.c.checked_at,
    results.c.latency_us,
    results.c.outcome,
    results.c.http_code,
    results.c.endpoint_id,
    results.c.snippet_id,
    results.c.reason,
    results.c.phase,
    results.c.stalled,
)
"""The columns of a `Raw`, in its order."""

log = structlog.get_logger(__name__)


class Row(NamedTuple):
    """One row and the id of its service."""

    service_id: int
    raw: Raw


def rows(connection: Connection, window: range, ids: Sequence[int]) -> list[Row]:
    """The rows of services in a window of buckets, oldest first.

    The connection must see one state of the database throughout: a row moves from one place to
    the other. A damaged segment is logged and left out.
    """
    found = [*_archived(connection, window, ids), *_hot(connection, window, ids)]
    return sorted(found, key=_time)


def last(
    connection: Connection, ids: Sequence[int], since_ms: int = 0, until_ms: int = LATEST
) -> dict[int, Raw]:
    """The last row of each of the services within a span, by id; those without any are missing."""
    found: dict[int, Raw] = {}
    for way in (_last_hot, _last_archived):
        missing = [id_ for id_ in ids if id_ not in found]
        found |= way(connection, missing, since_ms, until_ms)
    return found


def count(
    connection: Connection, ids: Sequence[int] | None, since_ms: int = 0, until_ms: int = LATEST
) -> int:
    """How many rows of the services (of all, for None) lie in the hours that a span touches."""
    hours = (since_ms // HOUR_MS, (until_ms - 1) // HOUR_MS)
    buckets = (hours[0] * BUCKETS_AN_HOUR, (hours[1] + 1) * BUCKETS_AN_HOUR - 1)
    hot = select(func.count()).where(results.c.bucket.between(*buckets))
    packed = select(func.sum(segments.c.count)).where(segments.c.hour.between(*hours))
    if ids is not None:
        hot = hot.where(results.c.service_id.in_(ids))
        packed = packed.where(segments.c.service_id.in_(ids))
    return sum(connection.execute(query).scalar_one() or 0 for query in (hot, packed))


class Texts:
    """The texts that rows name by ids, looked up once."""

    def __init__(self) -> None:
        self._endpoints: dict[int | None, str | None] = {None: None}
        self._snippets: dict[int | None, str | None] = {None: None}

    def learn(self, connection: Connection, found: Iterable[Raw]) -> None:
        """Look up what these rows name, and is not known yet."""
        gathered = list(found)
        _look_up(connection, endpoints, {r.endpoint_id for r in gathered}, self._endpoints)
        _look_up(connection, snippets, {r.snippet_id for r in gathered}, self._snippets)

    def endpoint(self, raw: Raw) -> str | None:
        """The endpoint that answered as expected."""
        return self._endpoints.get(raw.endpoint_id)

    def snippet(self, raw: Raw) -> str | None:
        """The start of the body."""
        return self._snippets.get(raw.snippet_id)


class Walk:
    """The way through the buckets, in windows that grow up to a day and pass over empty time."""

    def __init__(
        self,
        newest_first: bool,
        since_ms: int | None = None,
        until_ms: int | None = None,
        *,
        only_hot: bool = False,
    ) -> None:
        self._only_hot = only_hot
        self._low = 0 if since_ms is None else since_ms // BUCKET_MS
        self._high = NEVER if until_ms is None else (until_ms - 1) // BUCKET_MS
        self._newest_first = newest_first
        # Whoever asks for a span wants all of it; else a few of the newest or oldest may do.
        self._width = DAY if since_ms is not None and not only_hot else 1

    def step(self, connection: Connection) -> range | None:
        """The buckets to read next, or None at the end."""
        nearest = self._nearest(connection) if self._low <= self._high else None
        if nearest is None:
            return None
        # To the end of an hour, whose segment would else be unpacked for each window.
        whole = 1 if self._only_hot else BUCKETS_AN_HOUR
        if self._newest_first:
            first = (nearest - self._width + 1) // whole * whole
            window = range(max(self._low, first), nearest + 1)
            self._high = window.start - 1
        else:
            last = (nearest + self._width - 1) // whole
            window = range(nearest, min(self._high + 1, (last + 1) * whole))
            self._low = window.stop
        self._width = min(2 * self._width, DAY)
        return window

    def _nearest(self, connection: Connection) -> int | None:
        """The bucket in which the next row may be, by where there is any row at all."""
        found = [
            bucket
            for bucket in (self._nearest_hot(connection), self._nearest_archived(connection))
            if bucket is not None
        ]
        if not found:
            return None
        return max(found) if self._newest_first else min(found)

    def _nearest_hot(self, connection: Connection) -> int | None:
        bucket = results.c.bucket
        mine = bucket.between(self._low, self._high)
        found: int | None = connection.execute(self._end(bucket).where(mine)).scalar_one()
        return found

    def _nearest_archived(self, connection: Connection) -> int | None:
        if self._only_hot:
            return None
        between = (self._low // BUCKETS_AN_HOUR, self._high // BUCKETS_AN_HOUR)
        mine = segments.c.hour.between(*between)
        hour: int | None = connection.execute(self._end(segments.c.hour).where(mine)).scalar_one()
        if hour is None:
            return None
        first = hour * BUCKETS_AN_HOUR
        if self._newest_first:
            return min(first + BUCKETS_AN_HOUR - 1, self._high)
        return max(first, self._low)

    def _end(self, column: Column[int]) -> Select[Any]:
        return select(func.max(column) if self._newest_first else func.min(column))


def _hot(connection: Connection, window: range, ids: Sequence[int]) -> Iterator[Row]:
    # Every bucket by its number: a range would make the database read all services in it.
    query = select(results.c.service_id, *RAW).where(
        results.c.bucket.in_(window), results.c.service_id.in_(ids)
    )
    for row in fetch(connection, query):
        yield Row(row[0], Raw._make(row[1:]))


def _archived(connection: Connection, window: range, ids: Sequence[int]) -> Iterator[Row]:
    hours = range(window.start // BUCKETS_AN_HOUR, (window.stop - 1) // BUCKETS_AN_HOUR + 1)
    query = select(segments.c.hour, segments.c.service_id, segments.c.data).where(
        segments.c.hour.in_(hours), segments.c.service_id.in_(ids)
    )
    first, end = window.start * BUCKET_MS, window.stop * BUCKET_MS
    for hour, service_id, data in fetch(connection, query):
        for raw in _unpacked(hour, service_id, data):
            if first <= raw[0] < end:
                yield Row(service_id, raw)


def _unpacked(hour: int, service_id: int, data: bytes) -> list[Raw]:
    try:
        return unpack(hour, data)
    except Damaged as damage:
        log.warning("segment left out", service_id=service_id, hour=hour, damage=str(damage))
        return []


def _last_hot(
    connection: Connection, ids: Sequence[int], since_ms: int, until_ms: int
) -> dict[int, Raw]:
    found: dict[int, Raw] = {}
    walk = Walk(True, since_ms, until_ms, only_hot=True)
    while len(found) < len(ids) and (window := walk.step(connection)):
        missing = [id_ for id_ in ids if id_ not in found]
        for row in fetch(connection, _last_in(window, missing, (since_ms, until_ms - 1))):
            found[row[0]] = Raw._make(row[1:])
    return found


def _last_in(window: range, ids: Sequence[int], between: tuple[int, int]) -> Select[Any]:
    of_all = results.alias()
    # By its key for each service: a group would read all rows of a bucket.
    at = (
        select(func.max(of_all.c.checked_at))
        .where(of_all.c.bucket.in_(window), of_all.c.service_id == services.c.id)
        .where(of_all.c.checked_at.between(*between))
    )
    last = select(services.c.id, at.scalar_subquery().label("at")).where(services.c.id.in_(ids))
    ends = last.subquery()
    mine = and_(
        results.c.bucket == ends.c.at // BUCKET_MS,
        results.c.service_id == ends.c.id,
        results.c.checked_at == ends.c.at,
    )
    return select(results.c.service_id, *RAW).join(ends, mine)


def _last_archived(
    connection: Connection, ids: Sequence[int], since_ms: int, until_ms: int
) -> dict[int, Raw]:
    found: dict[int, Raw] = {}
    hours = range(since_ms // HOUR_MS, (until_ms - 1) // HOUR_MS + 1)
    missing = list(ids)
    # Once for nearly all; again for those whose newest hour has no row within the span.
    while missing and hours:
        newest = connection.execute(_newest(hours, missing)).all()
        for hour, service_id, data in newest:
            fitting = [r for r in _unpacked(hour, service_id, data) if since_ms <= r[0] < until_ms]
            if fitting:
                found[service_id] = fitting[-1]
        missing = [row.service_id for row in newest if row.service_id not in found]
        hours = range(hours.start, max((row.hour for row in newest), default=0))
    return found


def _newest(hours: range, ids: Sequence[int]) -> Select[Any]:
    ends = (
        select(segments.c.service_id, func.max(segments.c.hour).label("hour"))
        .where(segments.c.service_id.in_(ids))
        .where(segments.c.hour.between(hours.start, hours.stop - 1))
        .group_by(segments.c.service_id)
        .subquery()
    )
    mine = and_(segments.c.service_id == ends.c.service_id, segments.c.hour == ends.c.hour)
    return select(segments.c.hour, segments.c.service_id, segments.c.data).join(ends, mine)


def _look_up(
    connection: Connection,
    table: Table,
    ids: set[int | None],
    known: dict[int | None, str | None],
) -> None:
    for share in shares(ids - known.keys()):
        query = select(*table.c).where(table.c.id.in_(share))
        known |= {row[0]: row[1] for row in connection.execute(query)}


def _time(row: Row) -> int:
    return row[1][0]
