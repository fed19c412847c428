"""The uptime of all services on each of many days, at a glance: the cells of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, Text, cast, func, select

from prober.storage.fetching import fetch
from prober.storage.rollup import DAY_MS, DAY_S
from prober.storage.tables import rollups

MILLION = 1_000_000

Days = list[float | None]


def uptimes(connection: Connection, first: int, count: int) -> dict[int, Days]:
    """The uptime on `count` days from `first` on (days since the epoch), by service id.

    It is the share of the known time in which the service was well, to a millionth; None where
    nothing is known.
    A service without a cell in any of the days is missing. The day that is not over has none yet.
    """
    found: dict[int, Days] = {}
    for start, cells in fetch(connection, _query(first, first + count)):
        day = start // DAY_MS - first
        for id_, share in _pairs(cells.split(",")):
            if id_ not in found:
                found[id_] = [None] * count
            found[id_][day] = None if share < 0 else share / MILLION
    return found


def _pairs(words: Sequence[str]) -> zip[tuple[int, int]]:
    numbers = list(map(int, words))
    return zip(numbers[::2], numbers[1::2], strict=True)


def _query(first: int, end: int) -> Select[Any]:
    """A row a day, with ids and shares in one text: making 90,000 rows takes longer.

    A share is in millionths; -1 stands for none.
    """
    c = rollups.c
    well = cast(c.ok_ms + c.degraded_ms, BigInteger)
    share = func.coalesce((well * MILLION).op("/")(func.nullif(well + c.broken_ms, 0)), -1)
    cell = cast(c.service_id, Text).concat(",").concat(cast(share, Text))
    return (
        select(c.start, func.aggregate_strings(cell, ","))
        .where(c.resolution_s == DAY_S, c.start.between(first * DAY_MS, (end - 1) * DAY_MS))
        .group_by(c.start)
    )
