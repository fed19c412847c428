"""The uptime of all services on each of many days, at a glance: the cells of a page."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, select

from prober.storage.fetching import fetch
from prober.storage.rollup import DAY_MS, DAY_S
from prober.storage.tables import rollups

Days = list[float | None]


def uptimes(connection: Connection, first: int, count: int) -> dict[int, Days]:
    """The uptime on `count` days from `first` on (days since the epoch), by service id.

    It is the share of the known time in which the service was well; None where nothing is known.
    A service without a cell in any of the days is missing. The day that is not over has none yet.
    """
    end = first + count
    found: dict[int, Days] = {}
    for id_, cells in groupby(fetch(connection, _query(first, end)), itemgetter(0)):
        days = found[id_] = [None] * count
        for _, start, well, broken in cells:
            if well + broken:
                days[start // DAY_MS - first] = well / (well + broken)
    return found


def _query(first: int, end: int) -> Select[Any]:
    c = rollups.c
    return (
        select(c.service_id, c.start, c.ok_ms + c.degraded_ms, c.broken_ms)
        .where(c.resolution_s == DAY_S, c.start.between(first * DAY_MS, (end - 1) * DAY_MS))
        .order_by(c.service_id)
    )
