"""Delete endpoints and snippets that no result names any more.

A text is marked with the hour in which it was used last: the writer's own, or that of its newest
result where this is later. So no result of a later hour names it, and it can go once results of
that hour and of all before are gone. What the writer remembers was marked in the hour that it
writes in, and is out of reach for `MARGIN_HOURS`.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, delete, func, select

from prober.storage.fetching import fetch
from prober.storage.segment import HOUR_MS
from prober.storage.tables import endpoints, results, segments, snippets
from prober.storage.walk import BUCKETS_AN_HOUR

MARGIN_HOURS = 6  # by how much clocks of those who write may differ, and a transaction may last
TEXTS_A_STEP = 100  # each of which may lie on a page of its own of the index of texts


def step(connection: Connection, now_ms: int) -> bool:
    """Delete a few texts that are unused at `now_ms`; returns whether there were any."""
    [ends] = fetch(connection, OLDEST)
    limits = (*ends, now_ms // HOUR_MS - MARGIN_HOURS)
    before = min(hour for hour in limits if hour is not None)
    return any(_drop(connection, table, before) for table in (endpoints, snippets))


def _drop(connection: Connection, table: Table, before: int) -> bool:
    gone = [id_ for (id_,) in fetch(connection, UNUSED[table.name], {"before": before})]
    if gone:
        connection.execute(delete(table).where(table.c.id.in_(gone)))
    return bool(gone)


def _unused(table: Table) -> Select[Any]:
    return (
        select(table.c.id)
        .where(table.c.used_hour < bindparam("before"))
        # SQLite would give the newest id once more, and to another text.
        .where(table.c.id < select(func.max(table.c.id)).scalar_subquery())
        .order_by(table.c.used_hour)
        .limit(TEXTS_A_STEP)
        # What a writer marks meanwhile is used again.
        .with_for_update(skip_locked=True)
    )


# Made once: putting a statement together costs more than running it.
OLDEST = select(
    # Each by itself: asked for both at once, SQLite reads a whole table.
    select(func.min(segments.c.hour)).scalar_subquery(),
    select(func.min(results.c.bucket) // BUCKETS_AN_HOUR).scalar_subquery(),
)
UNUSED = {table.name: _unused(table) for table in (endpoints, snippets)}
