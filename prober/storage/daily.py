"""The uptime of all services on each of many days, at a glance: the cells of a page."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Connection,
    ScalarSelect,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    select,
)

from prober.storage.fetching import fetch
from prober.storage.segment import DAY_MS
from prober.storage.tables import OF_DAYS, rollups, services

MILLION = 1_000_000
OTHERS = 2 * MILLION  # more than there are days, and than a share has millionths

Days = list[float | None]


def uptimes(connection: Connection, first: int, count: int) -> dict[str, Days]:
    """The uptime on `count` days from `first` on (days since the epoch), by service.

    It is the share of the known time in which the service was well, to a millionth; None where
    nothing is known.
    A service without a cell in any of the days is missing. The day that is not over has none yet.
    """
    limits = {"first": first * DAY_MS, "last": (first + count - 1) * DAY_MS, "count": count}
    found = fetch(connection, TOLD, limits)
    return {name: _days(text, count) for name, text in found if text is not None}


def _days(text: str, count: int) -> Days:
    days: Days = [None] * (count + 1)  # one more, for all of which nothing is known
    for number in orjson.loads(f"[{text}]"):  # the quickest there is
        if number < OTHERS:
            days[number] = 1.0
        else:
            days[number // OTHERS - 1] = number % OTHERS / MILLION
    return days[:count]


def _numbers() -> ScalarSelect[Any]:
    """A number for each of a service's days, in a text: nearly all were well, and rows cost more.

    Days count from 0. It is the day itself where the service was well throughout, `count` where
    nothing is known, and else 2,000,000 times the day plus one, and the share in millionths.
    """
    c = rollups.c
    day = (c.start - bindparam("first")) // DAY_MS
    good = c.ok_ms + c.degraded_ms
    share = (cast(good, BigInteger) * MILLION).op("/")(func.nullif(good + c.broken_ms, 0))
    other = func.coalesce((day + 1) * OTHERS + share, bindparam("count", type_=BigInteger))
    number = case((and_(c.broken_ms == 0, good > 0), day), else_=other)
    mine = select(func.aggregate_strings(cast(number, Text), ","))
    mine = mine.where(OF_DAYS, c.service_id == services.c.id)
    return mine.where(c.start.between(bindparam("first"), bindparam("last"))).scalar_subquery()


# Service by service, since that is the order of the index.
TOLD = select(services.c.name, _numbers())
