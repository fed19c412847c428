"""Delete what is older than its keep time, an hour or a day at a time."""

from __future__ import annotations

import math
from typing import NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, delete, func, select, true

from prober.storage.rollup import DAY_S, HOUR_S
from prober.storage.segment import HOUR_MS
from prober.storage.tables import results, rollups, segments
from prober.storage.walk import BUCKETS_AN_HOUR

SERVICES_A_STEP = 1_000
FREED_A_STEP = 200  # pages
EVERY = true()


class Keep(NamedTuple):
    """For how long results, hours and days are kept, in seconds; infinite for ever.

    `size` is the number of bytes that an SQLite file may use before the oldest results go early.
    """

    raw_s: float = math.inf
    hour_s: float = math.inf
    day_s: float = math.inf
    size: int | None = None


def step(connection: Connection, keep: Keep, now_ms: int) -> bool:
    """Delete a little of what is too old at `now_ms`; returns whether there was any.

    An hour of results goes as a whole once all of it is too old.
    """
    oldest = (now_ms - keep.raw_s * 1000) // HOUR_MS
    return (
        _drop_results(connection, oldest)
        or _drop_rollups(connection, HOUR_S, now_ms - keep.hour_s * 1000)
        or _drop_rollups(connection, DAY_S, now_ms - keep.day_s * 1000)
        or _drop_for_size(connection, keep.size)
    )


def free(connection: Connection) -> bool:
    """Give some unused pages of an SQLite file back to the disk; returns whether more are left."""
    if connection.dialect.name != "sqlite" or _pragma(connection, "auto_vacuum") != 2:
        return False
    if not _pragma(connection, "freelist_count"):
        return False
    cursor = connection.connection.cursor()
    for _ in range(FREED_A_STEP):  # a page at a time: Python's driver goes no further at once
        cursor.execute("PRAGMA incremental_vacuum(1)")
    return _pragma(connection, "freelist_count") > 0


def _drop_results(connection: Connection, before: float) -> bool:
    """Drop a share of the oldest hour of segments, and of the oldest hot bucket, before an hour."""
    dropped = False
    hour = _oldest(connection, segments.c.hour)
    if hour is not None and hour < before:
        _drop_share(connection, segments, segments.c.hour == hour)
        dropped = True
    bucket = _oldest(connection, results.c.bucket)
    if bucket is not None and bucket // BUCKETS_AN_HOUR < before:
        _drop_share(connection, results, results.c.bucket == bucket)
        dropped = True
    return dropped


def _drop_rollups(connection: Connection, resolution_s: int, before_ms: float) -> bool:
    mine = rollups.c.resolution_s == resolution_s
    start = _oldest(connection, rollups.c.start, mine)
    if start is None or start + resolution_s * 1000 > before_ms:
        return False
    _drop_share(connection, rollups, mine & (rollups.c.start == start))
    return True


def _drop_share(connection: Connection, table: Table, mine: ColumnElement[bool]) -> None:
    """Delete what some of the services have of it: of all, it would hold the lock for too long."""
    ids = select(table.c.service_id).where(mine).distinct().limit(SERVICES_A_STEP)
    connection.execute(delete(table).where(mine, table.c.service_id.in_(ids)))


def _drop_for_size(connection: Connection, size: int | None) -> bool:
    if size is None or connection.dialect.name != "sqlite":
        return False
    used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    if used * _pragma(connection, "page_size") <= size:
        return False
    return _drop_results(connection, math.inf)


def _oldest(
    connection: Connection, column: Column[int], among: ColumnElement[bool] = EVERY
) -> int | None:
    found: int | None = connection.execute(select(func.min(column)).where(among)).scalar_one()
    return found


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
