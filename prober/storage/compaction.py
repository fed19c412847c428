"""Move the rows of closed hours out of the hot table and into segments, a small step at a time.

A step reads and packs first, and takes the write lock only to put the outcome in the rows' place.
Rows of the hot table are never changed, so where as many are deleted as were read, nothing came in
between; else the step is undone and taken anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby, takewhile
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Connection, Delete, bindparam, delete, func, insert, select, update

from prober.storage.archive import RAW
from prober.storage.database import Access
from prober.storage.fetching import fetch
from prober.storage.lenient import fitting
from prober.storage.segment import AT, HOUR_MS, Damaged, Folded, fold, pack, unpack
from prober.storage.session import Session
from prober.storage.tables import results, segments
from prober.storage.walk import BUCKETS_AN_HOUR

GRACE_MS = 300_000  # an hour stays hot for so long after its end: its last rows are on their way
ROWS_A_STEP, SERVICES_A_STEP = 6_000, 100  # what a step moves, about and at most

log = structlog.get_logger(__name__)

ByService = dict[int, Folded]
"""Rows by the id of their service, oldest first."""

Fields = tuple[Any, ...]
"""Those of a `Raw`, and perhaps more."""

SERVICE = itemgetter(-1)  # of a hot row


class Tally(Protocol):
    """Takes note of some services' rows of one closed hour."""

    def __call__(self, hour: int, whole: ByService) -> Callable[[Connection], object]:
        """What writes it, in the transaction that moves the rows.

        `whole` is all rows that are known of the hour; it may be told again, of more.
        """


class Found(NamedTuple):
    """What lies where of some services and an hour, which counts from the epoch."""

    hour: int
    hot: Mapping[int, Sequence[Fields]]
    packed: Mapping[int, Sequence[Fields]]
    damaged: Mapping[int, Damaged]


class Changed(Exception):
    """Somebody wrote to the rows of a step, or moved them, after they were read."""


class Compaction:
    """Compacts one database; used from one thread at a time."""

    def __init__(self, url: str, tallies: Sequence[Tally] = ()) -> None:
        self._reading = Session(url, access=Access.READ)
        self._writing = Session(url)
        self._tallies = tallies

    def step(self, now_ms: int) -> int:
        """Move about `ROWS_A_STEP` rows of an hour that is closed at `now_ms`; returns how many.

        0 means that nothing is left to move. It is one transaction: a kill at any point leaves each
        row in the one place or in the other. Raises what `failures.explain` makes of a failure.
        """
        while True:
            found = self._reading.run(partial(_look, now_ms))
            if found is None:
                return 0
            try:
                self._writing.run(self._packed(found))
            except Changed:
                continue
            return sum(map(len, found.hot.values()))

    def close(self) -> None:
        """Let go of the connections."""
        self._reading.close()
        self._writing.close()

    def _packed(self, found: Found) -> Callable[[Connection], None]:
        """What puts segments into the place of what was found."""
        whole = {id_: fold(_joined(rows, found, id_)) for id_, rows in found.hot.items()}
        packed = [_segment(found.hour, *item) for item in whole.items()]
        tallied = [tally(found.hour, whole) for tally in self._tallies]

        def move(connection: Connection) -> None:
            _take(connection, found)
            connection.execute(insert(segments), packed)
            for write in tallied:
                write(connection)

        return move


# Made once: putting a statement together costs more than running it for a few services.
FIRST = select(func.min(results.c.bucket))
COUNTED = (
    select(results.c.service_id, func.count())
    .where(results.c.bucket == bindparam("bucket"))
    .group_by(results.c.service_id)
    .order_by(results.c.service_id)
    .limit(SERVICES_A_STEP)
)
MINE = results.c.bucket.in_(bindparam("buckets", expanding=True)) & results.c.service_id.in_(
    bindparam("ids", expanding=True)
)
HOT = select(*RAW, results.c.service_id).where(MINE).order_by(*results.primary_key)  # as they lie
DROP_HOT = delete(results).where(MINE)
OF_HOUR = (segments.c.hour == bindparam("of_hour")) & segments.c.service_id.in_(
    bindparam("ids", expanding=True)
)
PACKED = select(segments.c.service_id, segments.c.data).where(OF_HOUR)
DROP_PACKED = delete(segments).where(OF_HOUR)


def _look(now_ms: int, connection: Connection) -> Found | None:
    """What there is of the oldest hour, if it is closed, and of as many services as make a step."""
    [(bucket,)] = fetch(connection, FIRST)
    if bucket is None or bucket // BUCKETS_AN_HOUR >= (now_ms - GRACE_MS) // HOUR_MS:
        return None
    hour = bucket // BUCKETS_AN_HOUR
    hot = _hot(connection, _place(hour, _share(connection, bucket)))
    packed: dict[int, Sequence[Fields]] = {}
    damaged: dict[int, Damaged] = {}
    for service_id, data in fetch(connection, PACKED, _place(hour, hot)):
        try:
            packed[service_id] = unpack(hour, data)
        except Damaged as damage:
            damaged[service_id] = damage
    return Found(hour, hot, packed, damaged)


def _place(hour: int, ids: Iterable[int]) -> dict[str, Any]:
    """Where the rows of some services and an hour lie, hot or packed."""
    buckets = range(hour * BUCKETS_AN_HOUR, (hour + 1) * BUCKETS_AN_HOUR)
    return {"of_hour": hour, "buckets": buckets, "ids": list(ids)}


def _share(connection: Connection, bucket: int) -> list[int]:
    """Services whose rows of a whole hour make about one step, by their number in one bucket."""
    counted = fetch(connection, COUNTED, {"bucket": bucket})
    sums = accumulate(BUCKETS_AN_HOUR * count for _, count in counted)
    fitting = sum(1 for _ in takewhile(lambda total: total <= ROWS_A_STEP, sums))
    return [service_id for service_id, _ in counted[: max(fitting, 1)]]


def _hot(connection: Connection, place: Mapping[str, Any]) -> dict[int, Sequence[Fields]]:
    found = fetch(connection, fitting(connection, HOT), place)
    found.sort(key=SERVICE)  # keeps the order of time, which buckets lie in
    return {id_: list(rows) for id_, rows in groupby(found, SERVICE)}


def _joined(hot: Sequence[Fields], found: Found, service_id: int) -> Sequence[Fields]:
    """All rows of a service, oldest first; of two of the same moment the one packed first."""
    packed = found.packed.get(service_id)
    if packed is None:
        return hot
    by_time = {AT(row): row for row in (*hot, *packed)}
    return [by_time[at] for at in sorted(by_time)]


def _take(connection: Connection, found: Found) -> None:
    """Delete what was found, where it is still all there is.

    A damaged segment is set aside, under its service's negative id, for `prober db verify`.
    """
    rows = sum(map(len, found.hot.values()))
    _delete(connection, DROP_HOT, _place(found.hour, found.hot), rows)
    for service_id, damage in found.damaged.items():
        log.error("segment set aside", service_id=service_id, hour=found.hour, damage=str(damage))
        damaged = (segments.c.hour == found.hour) & (segments.c.service_id == service_id)
        connection.execute(update(segments).where(damaged).values(service_id=-service_id))
    if found.packed:
        _delete(connection, DROP_PACKED, _place(found.hour, found.packed), len(found.packed))


def _delete(
    connection: Connection, statement: Delete, place: Mapping[str, Any], expected: int
) -> None:
    if connection.execute(statement, place).rowcount != expected:
        raise Changed


def _segment(hour: int, service_id: int, rows: Folded) -> dict[str, object]:
    return {
        "hour": hour,
        "service_id": service_id,
        "count": len(rows.checked_at),
        "data": pack(hour, rows),
    }
