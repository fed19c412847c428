"""Make the cells of hours and days anew from the results that are still there."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from prober.storage import rollup
from prober.storage.connecting import connected
from prober.storage.database import Access
from prober.storage.fetching import shares
from prober.storage.segment import Damaged, fold, unpack
from prober.storage.tables import segments

SEGMENTS_A_STEP = 20  # the write lock is held for so many


def rebuild(url: str) -> Iterator[int]:
    """Make all cells anew, a small transaction at a time; yields how many hours each took.

    Cells of results that are gone stay as they are, and so do those of damaged segments.
    """
    for share in shares(_keys(url), SEGMENTS_A_STEP):
        with connected(url, Access.WRITE) as connection:
            for hour, service_id in share:
                _rebuild(connection, hour, service_id)
        yield len(share)


def _keys(url: str) -> list[tuple[int, int]]:
    query = select(segments.c.hour, segments.c.service_id).where(segments.c.service_id > 0)
    with connected(url) as connection:
        return [(hour, service_id) for hour, service_id in connection.execute(query)]


def _rebuild(connection: Connection, hour: int, service_id: int) -> None:
    mine = (segments.c.hour == hour) & (segments.c.service_id == service_id)
    data = connection.execute(select(segments.c.data).where(mine)).scalar_one_or_none()
    try:
        rows = [] if data is None else unpack(hour, data)
    except Damaged:
        return
    if rows:
        rollup.keep(hour, {service_id: fold(rows)})(connection)
