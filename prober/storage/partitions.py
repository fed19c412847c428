"""Divide PostgreSQL's hot table by days: each is made before its rows come, and dropped once empty.

On SQLite, and where the table's owner divided it in a way of their own, there is nothing to do.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from sqlalchemy import Connection

from prober.storage.segment import DAY_MS
from prober.storage.tables import BUCKET_MS

BUCKETS_A_DAY = DAY_MS // BUCKET_MS
BOUND = re.compile(r"FOR VALUES FROM \((MINVALUE|\d+)\) TO \((MAXVALUE|\d+)\)")
ENDS = {"MINVALUE": -math.inf, "MAXVALUE": math.inf}

FOUND = """
SELECT inhrelid::regclass::text, pg_get_expr(part.relpartbound, part.oid)
FROM pg_class AS whole
LEFT JOIN pg_inherits ON inhparent = whole.oid LEFT JOIN pg_class AS part ON part.oid = inhrelid
WHERE whole.oid = 'results'::regclass AND whole.relkind = 'p'
"""
TODAY = "SELECT floor(extract(epoch FROM clock_timestamp()) / 86400)"
SCHEMA = "SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'results'::regclass"

# Lets rows come and go, unlike CREATE TABLE … PARTITION OF, and one maker in at a time.
MAKE_LOCK = "LOCK TABLE ONLY results IN SHARE UPDATE EXCLUSIVE MODE"

# Whoever works with the table waits as long as this waits; it comes again.
DROP_TIMEOUT = "SET LOCAL lock_timeout = '100ms'"
DROP_LOCK = "LOCK TABLE ONLY results IN ACCESS EXCLUSIVE MODE"
FIRST = "SELECT min(bucket) FROM results"
MOMENT = "SELECT clock_timestamp()"
OTHERS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND pid <> pg_backend_pid() AND backend_type = 'client backend' AND xact_start <= %s
"""


class Part(NamedTuple):
    """A partition, with its first day and the day after its last, counted from the epoch."""

    name: str
    first: float
    end: float


class Days:
    """The days that have a partition, as far as one writer knows."""

    def __init__(self) -> None:
        self._known: set[int] = set()

    def forget(self) -> None:
        """Look them up anew: one may have been dropped."""
        self._known = set()

    def cover(self, connection: Connection, times: Iterable[int]) -> None:
        """See that rows of these times find a partition, in the transaction that inserts them."""
        if connection.dialect.name != "postgresql":
            return
        days = {at // DAY_MS for at in times}
        if not days <= self._known:
            make(connection, days)
            self._known |= days


def make(connection: Connection, days: Collection[int]) -> bool:
    """Make the partitions that these days lack; returns whether there was any.

    Days before yesterday share one, from the partition before them until the one after: history
    that is brought in needs no thousands of them, and what it needs is soon emptied and dropped.
    """
    if not _missing(_found(connection), days):
        return False
    connection.exec_driver_sql(MAKE_LOCK)  # and look again: another may have made them meanwhile
    yesterday = int(connection.exec_driver_sql(TODAY).scalar_one()) - 1
    while missing := _missing(parts := _found(connection), days):
        _attach(connection, _fitting(missing[0], parts or [], yesterday))
    return True


def make_ahead(connection: Connection, now_ms: int) -> bool:
    """Make the partitions of today and tomorrow where they are missing; whether there was any."""
    today = now_ms // DAY_MS
    return make(connection, (today, today + 1))


def drop_empty(connection: Connection, now_ms: int) -> bool:
    """Drop a partition of days that are over, all of whose rows have left it; whether any was.

    Raises a failure of the database where others keep the table busy: it can be done later.
    """
    over = [part for part in _found(connection) or () if part.end <= now_ms // DAY_MS]
    gone = [part for part in over if part.end <= _first_day(connection)]
    if not gone or _looked_back_at(connection):
        return False
    connection.exec_driver_sql(DROP_TIMEOUT)
    connection.exec_driver_sql(DROP_LOCK)
    if gone[0].end > _first_day(connection):  # a late row came before the lock did
        return False
    connection.exec_driver_sql(f"DROP TABLE {gone[0].name}")
    return True


def _looked_back_at(connection: Connection) -> bool:
    """Whether a transaction may still see rows that were there: it must find them."""
    moment = connection.exec_driver_sql(MOMENT).scalar_one()
    return bool(connection.exec_driver_sql(OTHERS, (moment,)).scalar_one())


def _first_day(connection: Connection) -> float:
    bucket = connection.exec_driver_sql(FIRST).scalar_one()
    return math.inf if bucket is None else bucket // BUCKETS_A_DAY


def _found(connection: Connection) -> list[Part] | None:
    """The partitions, oldest first; None where the table isn't divided as prober does it."""
    if connection.dialect.name != "postgresql":
        return None
    rows = connection.exec_driver_sql(FOUND).all()
    bounds = {name: BOUND.fullmatch(bound) for name, bound in rows if name is not None}
    if not rows or None in bounds.values():
        return None
    parts = [Part(name, *map(_day, bound.groups())) for name, bound in bounds.items() if bound]
    return sorted(parts, key=lambda part: part.first)


def _day(bound: str) -> float:
    return ENDS[bound] if bound in ENDS else int(bound) // BUCKETS_A_DAY


def _missing(parts: list[Part] | None, days: Collection[int]) -> list[int]:
    if parts is None:
        return []
    return [day for day in sorted(days) if not any(p.first <= day < p.end for p in parts)]


def _fitting(day: int, parts: list[Part], yesterday: int) -> Part:
    """The partition to make for a day: its own, or the gap in which it lies."""
    if day >= yesterday:
        return Part(f"results_{_date(day)}", day, day + 1)
    first = max((part.end for part in parts if part.end <= day), default=-math.inf)
    end = min((int(part.first) for part in parts if part.first > day), default=yesterday)
    end = min(end, yesterday)
    return Part(f"results_until_{_date(end)}", first, end)


def _date(day: int) -> str:
    return f"{datetime.fromtimestamp(day * 86_400, UTC):%Y%m%d}"


def _attach(connection: Connection, part: Part) -> None:
    schema = connection.exec_driver_sql(SCHEMA).scalar_one()
    name = f"{schema}.{part.name}"
    connection.exec_driver_sql(
        f"CREATE TABLE {name} (LIKE results INCLUDING ALL EXCLUDING IDENTITY)"
    )
    bounds = f"FROM ({_bound(part.first)}) TO ({_bound(part.end)})"
    connection.exec_driver_sql(f"ALTER TABLE results ATTACH PARTITION {name} FOR VALUES {bounds}")


def _bound(day: float) -> str:
    return "MINVALUE" if day == -math.inf else str(int(day * BUCKETS_A_DAY))
