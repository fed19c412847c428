"""The rows of services, wherever they lie: in the hot table, or in the segments of closed hours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Any

import orjson
import structlog
from sqlalchemy import ColumnElement, Connection, Select, Text, bindparam, cast, func, select

from prober.storage.fetching import among, fetch
from prober.storage.lenient import fitting
from prober.storage.segment import HOUR_MS, Damaged, Folded, Raw, fold, unpack_folded, unpack_last
from prober.storage.tables import BUCKET_MS, results, segments, services
from prober.storage.walk import BUCKETS_AN_HOUR, LATEST, NEVER, Walk

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

Function = Callable[..., ColumnElement[Any]]  # of SQL

JSON_ARRAY: dict[str, Function] = {
    "sqlite": func.json_array,
    "postgresql": func.json_build_array,
}
"""What makes a JSON list of its arguments, by database."""

_raw = tuple.__new__  # what Raw._make is, without its check

log = structlog.get_logger(__name__)


def rows(connection: Connection, service_id: int, since_ms: int, until_ms: int) -> list[Raw]:
    """The rows of a service in a span of time, oldest first, each moment once: see `pieces`."""
    return [
        row for piece in pieces(connection, service_id, since_ms, until_ms) for row in piece.rows()
    ]


def pieces(connection: Connection, service_id: int, since_ms: int, until_ms: int) -> list[Folded]:
    """The rows of a service in a span of time in pieces, oldest first, each moment once.

    The connection must see one state of the database throughout: a row moves from one place to
    the other. A damaged segment is logged and left out.
    """
    hot = _hot(connection, service_id, range(since_ms // BUCKET_MS, -(-until_ms // BUCKET_MS)))
    found = _archived(connection, service_id, _hours(since_ms, until_ms))
    if hot and found and hot[0].checked_at <= found[-1].checked_at[-1]:  # some came late
        by_time = {row.checked_at: row for row in chain(hot, *(piece.rows() for piece in found))}
        hot, found = [by_time[at] for at in sorted(by_time)], []
    found.append(fold(hot))
    return [piece.between(since_ms, until_ms) for piece in found]


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
    buckets = (hours[0] * BUCKETS_AN_HOUR, min((hours[1] + 1) * BUCKETS_AN_HOUR - 1, NEVER))
    hot = select(func.count()).where(results.c.bucket.between(*buckets))
    packed = select(func.sum(segments.c.count)).where(segments.c.hour.between(*hours))
    if ids is not None:
        hot = hot.where(among(results.c.service_id, "ids"))
        packed = packed.where(among(segments.c.service_id, "ids"))
    both = (fetch(connection, query, {"ids": ids}) for query in (hot, packed))
    return sum(number or 0 for [(number,)] in both)


def hot_buckets(connection: Connection) -> range:
    """The buckets in which rows may be hot."""
    [(first, last_)] = fetch(connection, BOUNDS)
    return range(0) if first is None else range(first, last_ + 1)


# Made once: putting a statement together costs more than running it for a few services.
BOUNDS = select(
    # Each by itself: asked for both at once, SQLite reads the whole table.
    select(func.min(results.c.bucket)).scalar_subquery(),
    select(func.max(results.c.bucket)).scalar_subquery(),
)
# Each bucket by its number: a range would make the database read all services in it.
HOT = (
    select(*RAW)
    .where(among(results.c.bucket, "numbers"), results.c.service_id == bindparam("id"))
    .order_by(results.c.bucket, results.c.checked_at)
)
ARCHIVED = (
    select(segments.c.hour, segments.c.data)
    .where(among(segments.c.hour, "numbers"), segments.c.service_id == bindparam("id"))
    .order_by(segments.c.hour)
)


def _hot(connection: Connection, service_id: int, buckets: range) -> list[Raw]:
    there = hot_buckets(connection)
    wanted = range(max(there.start, buckets.start), min(there.stop, buckets.stop))
    if not wanted:
        return []
    found = fetch(connection, fitting(connection, HOT), {"numbers": wanted, "id": service_id})
    return [_raw(Raw, row) for row in found]


def _archived(connection: Connection, service_id: int, hours: range) -> list[Folded]:
    found = fetch(connection, ARCHIVED, {"numbers": hours, "id": service_id})
    unpacked = (_unpacked(hour, service_id, data) for hour, data in found)
    return [piece for piece in unpacked if piece is not None]


def _hours(since_ms: int, until_ms: int) -> range:
    return range(since_ms // HOUR_MS, -(-until_ms // HOUR_MS))


def _unpacked(hour: int, service_id: int, data: bytes) -> Folded | None:
    try:
        return unpack_folded(hour, data)
    except Damaged as damage:
        _say(hour, service_id, damage)
        return None


def _unpacked_last(hour: int, service_id: int, data: bytes, until_ms: int) -> Raw | None:
    try:
        return unpack_last(hour, data, until_ms)
    except Damaged as damage:
        _say(hour, service_id, damage)
        return None


def _say(hour: int, service_id: int, damage: Damaged) -> None:
    log.warning("segment left out", service_id=service_id, hour=hour, damage=str(damage))


def _last_hot(
    connection: Connection, ids: Sequence[int], since_ms: int, until_ms: int
) -> dict[int, Raw]:
    found: dict[int, Raw] = {}
    walk = Walk(True, since_ms, until_ms, only_hot=True)
    query = fitting(connection, LAST_HOT[connection.dialect.name])
    while len(found) < len(ids) and (window := walk.step(connection)):
        missing = [id_ for id_ in ids if id_ not in found]
        mine = {"numbers": window, "ids": missing, "first": since_ms, "last": until_ms - 1}
        told = [(id_, raw) for id_, raw in fetch(connection, query, mine) if raw is not None]
        raws = orjson.loads(f"[{','.join(raw for _, raw in told)}]")
        found |= {id_: _raw(Raw, raw) for (id_, _), raw in zip(told, raws, strict=True)}
    return found


def _last_of_each(array: Function) -> Select[Any]:
    """Of each service the `Raw` of its last row in a JSON list, which costs less than a join."""
    at = results.c.checked_at
    mine = among(results.c.bucket, "numbers") & (results.c.service_id == services.c.id)
    within = select(cast(array(*RAW), Text))
    within = within.where(mine, at.between(bindparam("first"), bindparam("last")))
    last = within.order_by(results.c.bucket.desc(), at.desc()).limit(1)
    return select(services.c.id, last.scalar_subquery()).where(among(services.c.id, "ids"))


LAST_HOT = {name: _last_of_each(array) for name, array in JSON_ARRAY.items()}
NEWEST_HOUR = select(func.max(segments.c.hour)).where(segments.c.hour < bindparam("end"))
OLDEST_HOUR = select(func.min(segments.c.hour)).where(segments.c.hour >= bindparam("start"))
NEWEST_FIRST = (
    select(segments.c.hour, segments.c.service_id, segments.c.data)
    .where(among(segments.c.hour, "numbers"), among(segments.c.service_id, "ids"))
    .order_by(segments.c.hour.desc())
)


def _last_archived(
    connection: Connection, ids: Sequence[int], since_ms: int, until_ms: int
) -> dict[int, Raw]:
    found: dict[int, Raw] = {}
    if not ids:
        return found
    for hours in _backwards(connection, _hours(since_ms, until_ms)):
        missing = [id_ for id_ in ids if id_ not in found]
        if not missing:
            break
        mine = {"numbers": hours, "ids": missing}
        for hour, service_id, data in fetch(connection, NEWEST_FIRST, mine):
            if service_id not in found:
                raw = _unpacked_last(hour, service_id, data, until_ms)
                if raw is not None and raw.checked_at >= since_ms:
                    found[service_id] = raw
    return found


def _backwards(connection: Connection, hours: range) -> Iterator[range]:
    """The hours from the newest that has a segment to the oldest, in windows of up to a day."""
    [(newest,)] = fetch(connection, NEWEST_HOUR, {"end": hours.stop})
    [(oldest,)] = fetch(connection, OLDEST_HOUR, {"start": hours.start})
    if newest is None or oldest is None:
        return
    end, width = newest + 1, 1
    while end > oldest:
        yield range(max(end - width, oldest), end)
        end, width = end - width, min(2 * width, 24)
