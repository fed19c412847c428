"""Close days that are over: make the cells of services that have none, a few at a time."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Connection, exists, func, select

from prober.storage.compaction import GRACE_MS
from prober.storage.rollup import DAY_S, HOUR_S, hours_of, make_day, of
from prober.storage.segment import DAY_MS
from prober.storage.tables import rollups, services

SERVICES_A_STEP = 25


class Open(NamedTuple):
    """Services whose cell of a day is missing; `day` is its first millisecond."""

    day: int
    ids: list[int]


def find(connection: Connection, now_ms: int) -> Open | None:
    """Some of the services of the first day that is over at `now_ms` and lacks cells of theirs."""
    day = _first(connection)
    while day is not None and day + DAY_MS + GRACE_MS <= now_ms:
        if ids := _missing(connection, day):
            return Open(day, ids)
        day = _next(connection, day)
    return None


def close(connection: Connection, found: Open) -> None:
    """Make the cells of what `find` has found."""
    make_day(connection, found.day, found.ids)


def _missing(connection: Connection, day: int) -> list[int]:
    # A look-up or two in the key for each service: to read all cells of the day takes too long.
    mine = exists().where(rollups.c.service_id == services.c.id)
    missing = (
        select(services.c.id)
        .where(~mine.where(of(DAY_S, day)), mine.where(hours_of(day)))
        .limit(SERVICES_A_STEP)
    )
    return list(connection.execute(missing).scalars())


def _first(connection: Connection) -> int | None:
    """The day to look at first: the last one that has a cell, else the first that has an hour."""
    last: int | None = connection.scalar(
        select(func.max(rollups.c.start)).where(rollups.c.resolution_s == DAY_S)
    )
    return _next(connection, -DAY_MS) if last is None else last


def _next(connection: Connection, day: int) -> int | None:
    """The next day that has an hour."""
    hour = select(func.min(rollups.c.start)).where(
        rollups.c.resolution_s == HOUR_S, rollups.c.start >= day + DAY_MS
    )
    start: int | None = connection.scalar(hour)
    return None if start is None else start - start % DAY_MS
