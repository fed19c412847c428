"""The uptime of all services on each of many days, at a glance: the cells of a page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    select,
)

from prober.storage.fetching import fetch
from prober.storage.rollup import DAY_S
from prober.storage.segment import DAY_MS
from prober.storage.tables import rollups

MILLION = 1_000_000

Days = list[float | None]


def uptimes(connection: Connection, first: int, count: int) -> dict[int, Days]:
    """The uptime on `count` days from `first` on (days since the epoch), by service id.

    It is the share of the known time in which the service was well, to a millionth; None where
    nothing is known.
    A service without a cell in any of the days is missing. The day that is not over has none yet.
    """
    days: list[dict[int, float | None]] = [{} for _ in range(count)]
    for start, well, others in fetch(connection, _query(first, first + count)):
        day = days[start // DAY_MS - first]
        day |= dict.fromkeys(_numbers(well), 1.0)
        day |= _shares(_numbers(others))
    ids = list(set().union(*days))
    shares = zip(*(map(day.get, ids) for day in days), strict=True)
    return dict(zip(ids, map(list, shares), strict=True))


def _numbers(text: str | None) -> list[int]:
    numbers: list[int] = orjson.loads(f"[{text or ''}]")  # the quickest there is
    return numbers


def _shares(numbers: Sequence[int]) -> dict[int, float | None]:
    shares = [None if share < 0 else share / MILLION for share in numbers[1::2]]
    return dict(zip(numbers[::2], shares, strict=True))


def _query(first: int, end: int) -> Select[Any]:
    """A row a day: the ids of services that were well all day, and ids and shares of the others.

    Nearly all are well, and making 90,000 rows or shares takes longer than reading the cells. A
    share is in millionths; -1 stands for none.
    """
    c = rollups.c
    good = c.ok_ms + c.degraded_ms
    scaled = cast(good, BigInteger) * MILLION
    share = func.coalesce(scaled.op("/")(func.nullif(good + c.broken_ms, 0)), -1)
    id_ = cast(c.service_id, Text)
    told = id_.concat(",").concat(cast(share, Text))
    well = and_(c.broken_ms == 0, good > 0)
    return (
        select(c.start, _listed(well, id_), _listed(~well, told))
        .where(c.resolution_s == DAY_S, c.start.between(first * DAY_MS, (end - 1) * DAY_MS))
        .group_by(c.start)
    )


def _listed(those: ColumnElement[bool], word: ColumnElement[str]) -> ColumnElement[str]:
    return func.aggregate_strings(case((those, word)), ",")
