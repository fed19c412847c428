"""Move the rows of closed hours out of the hot table and into segments, a small step at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import accumulate, groupby, takewhile
from operator import itemgetter
from typing import Protocol

import structlog
from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from prober.storage.archive import RAW
from prober.storage.fetching import fetch
from prober.storage.lenient import fitting
from prober.storage.segment import HOUR_MS, Columns, Damaged, Raw, columns, pack, unpack
from prober.storage.session import Session
from prober.storage.tables import results, segments
from prober.storage.walk import BUCKETS_AN_HOUR

GRACE_MS = 300_000  # an hour stays hot for so long after its end: its last rows are on their way
ROWS_A_STEP = 2_000  # what a step moves, about: the write lock is held meanwhile

log = structlog.get_logger(__name__)

ByService = dict[int, Columns]
"""Rows by the id of their service, oldest first."""

SERVICE = itemgetter(0)


class Fold(Protocol):
    """Takes note of some services' rows of one closed hour, in the transaction that moves them."""

    def __call__(self, connection: Connection, hour: int, whole: ByService) -> None:
        """`whole` is all rows that are known of the hour; it may be told again, of more."""


class Compaction:
    """Compacts one database; used from one thread at a time."""

    def __init__(self, url: str, folds: Sequence[Fold] = ()) -> None:
        self._session = Session(url)
        self._folds = folds

    def step(self, now_ms: int) -> int:
        """Move about `ROWS_A_STEP` rows of an hour that is closed at `now_ms`; returns how many.

        0 means that nothing is left to move. It is one transaction: a kill at any point leaves each
        row in the one place or in the other. Raises what `failures.explain` makes of a failure.
        """
        return self._session.run(partial(self._step, now_ms))

    def close(self) -> None:
        """Let go of the connection."""
        self._session.close()

    def _step(self, now_ms: int, connection: Connection) -> int:
        bucket = connection.execute(FIRST).scalar_one()
        if bucket is None or bucket // BUCKETS_AN_HOUR >= (now_ms - GRACE_MS) // HOUR_MS:
            return 0
        hour = bucket // BUCKETS_AN_HOUR
        hot = _taken(connection, hour, _share(connection, bucket))
        whole = _joined(_untied(connection, hour, list(hot)), hot)
        connection.execute(insert(segments), [_segment(hour, *item) for item in whole.items()])
        for fold in self._folds:
            fold(connection, hour, whole)
        return sum(len(rows.checked_at) for rows in hot.values())


# Made once: putting a statement together costs more than running it for a few services.
FIRST = select(func.min(results.c.bucket))
COUNTED = (
    select(results.c.service_id, func.count())
    .where(results.c.bucket == bindparam("bucket"))
    .group_by(results.c.service_id)
    .order_by(results.c.service_id)
    .limit(ROWS_A_STEP // BUCKETS_AN_HOUR)
)
HOT = results.c.bucket.in_(bindparam("buckets", expanding=True)) & results.c.service_id.in_(
    bindparam("ids", expanding=True)
)
TAKEN = select(results.c.service_id, *RAW).where(HOT).order_by(*results.primary_key)  # as they lie
DROP_TAKEN = delete(results).where(HOT)
PACKED = (segments.c.hour == bindparam("of_hour")) & segments.c.service_id.in_(
    bindparam("ids", expanding=True)
)
UNTIED = select(segments.c.service_id, segments.c.data).where(PACKED)
DROP_UNTIED = delete(segments).where(PACKED)


def _share(connection: Connection, bucket: int) -> list[int]:
    """Services whose rows of a whole hour make about one step, by their number in one bucket."""
    counted = fetch(connection, COUNTED, {"bucket": bucket})
    sums = accumulate(BUCKETS_AN_HOUR * count for _, count in counted)
    fitting = sum(1 for _ in takewhile(lambda total: total <= ROWS_A_STEP, sums))
    return [service_id for service_id, _ in counted[: max(fitting, 1)]]


def _taken(connection: Connection, hour: int, ids: Sequence[int]) -> ByService:
    """Take the hour's rows of these services out of the hot table, oldest first for each."""
    buckets = range(hour * BUCKETS_AN_HOUR, (hour + 1) * BUCKETS_AN_HOUR)
    mine = {"buckets": buckets, "ids": ids}
    found = fetch(connection, fitting(connection, TAKEN), mine)
    connection.execute(DROP_TAKEN, mine)
    found.sort(key=SERVICE)  # keeps the order of time, which buckets lie in
    taken: ByService = {}
    for id_, rows in groupby(found, SERVICE):
        _, *fields = zip(*rows, strict=True)
        taken[id_] = Columns._make(fields)
    return taken


def _untied(connection: Connection, hour: int, ids: Sequence[int]) -> dict[int, list[Raw]]:
    """Take out what segments of the hour hold already, where rows come late.

    One that is damaged is set aside, under its service's negative id, for `prober db verify`.
    """
    found: dict[int, list[Raw]] = {}
    mine = {"of_hour": hour, "ids": ids}
    for service_id, data in fetch(connection, UNTIED, mine):
        try:
            found[service_id] = unpack(hour, data)
        except Damaged as damage:
            log.error("segment set aside", service_id=service_id, hour=hour, damage=str(damage))
            damaged = (segments.c.hour == hour) & (segments.c.service_id == service_id)
            connection.execute(update(segments).where(damaged).values(service_id=-service_id))
    if found:
        connection.execute(DROP_UNTIED, mine)
    return found


def _joined(archived: Mapping[int, Sequence[Raw]], hot: ByService) -> ByService:
    """All rows of each service, oldest first; of two of the same moment the one archived first."""
    both = {**hot}
    for service_id, rows in archived.items():
        late = map(Raw._make, zip(*hot[service_id], strict=True))
        by_time = {row.checked_at: row for row in (*late, *rows)}
        both[service_id] = columns([by_time[at] for at in sorted(by_time)])
    return both


def _segment(hour: int, service_id: int, rows: Columns) -> dict[str, object]:
    return {
        "hour": hour,
        "service_id": service_id,
        "count": len(rows.checked_at),
        "data": pack(hour, rows),
    }
