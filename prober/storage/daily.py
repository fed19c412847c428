"""The uptime of all services on each of many days, at a glance: the cells of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
)

from prober.rollups import MILLION
from prober.storage.fetching import among, fetch
from prober.storage.rollup import DAY_S
from prober.storage.segment import DAY_MS
from prober.storage.tables import OF_DAYS, rollups, services

Days = list[float | None]

Gather = Callable[[Select[Any]], ColumnElement[Any]]
"""Makes a JSON list of the rows of a query, in their order."""


def uptimes(connection: Connection, first: int, count: int) -> dict[str, Days]:
    """The uptime on `count` days from `first` on (days since the epoch), by service.

    It is the share of the known time in which the service was well, to a millionth; None where
    nothing is known.
    A service without a cell in any of the days is missing. The day that is not over has none yet.
    The connection must see one state of the database throughout.
    """
    limits = {"first": first * DAY_MS, "end": (first + count) * DAY_MS}
    told = fetch(connection, UPTIMES[connection.dialect.name], limits)
    found = {id_: (name, _shares(text)) for id_, name, text in told if text != "[]"}
    short = {id_: len(mine) for id_, (_, mine) in found.items() if len(mine) < count}
    places = _places(connection, short, limits) if short else {}
    return {
        name: _placed(mine, places[id_], count) if id_ in places else mine
        for id_, (name, mine) in found.items()
    }


def _shares(millionths: str) -> Days:
    # Nearly all are 1, which is told sooner than it is worked out.
    return [
        1.0 if n == MILLION else None if n is None else n / MILLION
        for n in orjson.loads(millionths)
    ]


def _places(
    connection: Connection, lengths: Mapping[int, int], limits: Mapping[str, int]
) -> dict[int, Sequence[int]]:
    """The days, counted from 0, of which services have a cell, by id; `lengths` says how many."""
    usual = [start for (start,) in fetch(connection, USUAL, limits)]
    # Who has a cell of each day of which any has need not be asked: in a young fleet, all.
    odd = [id_ for id_, length in lengths.items() if length < len(usual)]
    query = STARTS[connection.dialect.name]
    told = fetch(connection, query, {**limits, "ids": odd}) if odd else []
    own = {id_: text for id_, _, text in told}
    # Services that came or went together have the same.
    counted = {text: _counted(orjson.loads(text), limits["first"]) for text in set(own.values())}
    places = dict.fromkeys(lengths, _counted(usual, limits["first"]))
    return places | {id_: counted[text] for id_, text in own.items()}


def _counted(starts: Sequence[int], first: int) -> Sequence[int]:
    return [(start - first) // DAY_MS for start in starts]


def _placed(mine: Days, places: Sequence[int], count: int) -> Days:
    days: Days = [None] * count
    for place, share in zip(places, mine, strict=True):
        days[place] = share
    return days


def _usual() -> Select[Any]:
    """The days on which any service has a cell: from each to the next, by the key."""
    start, of_days = rollups.c.start, rollups.c.resolution_s == DAY_S
    oldest = select(func.min(start).label("start")).where(of_days, start >= bindparam("first"))
    days = oldest.cte("days", recursive=True)
    later = select(func.min(start)).where(of_days, start > days.c.start).scalar_subquery()
    days = days.union_all(select(later).where(days.c.start < bindparam("end")))
    return select(days.c.start).where(days.c.start < bindparam("end"))


def _array(days: Select[Any]) -> ColumnElement[Any]:
    return func.array_to_json(func.array(days.scalar_subquery()))


def _group_array(days: Select[Any]) -> ColumnElement[Any]:
    # In the order of the query inside: an aggregate itself takes none before SQLite 3.44.
    return select(func.json_group_array(*days.subquery().c)).scalar_subquery()


def _listed(gather: Gather, column: Column[Any]) -> Select[Any]:
    """Of each service a JSON list of what its days have there, oldest first: rows cost more."""
    c = rollups.c
    # Service by service, since that is the order of the index.
    mine = select(column).where(OF_DAYS, c.service_id == services.c.id).correlate(services)
    days = mine.where(c.start >= bindparam("first"), c.start < bindparam("end")).order_by(c.start)
    return select(services.c.id, services.c.name, cast(gather(days), Text))


GATHER: dict[str, Gather] = {"sqlite": _group_array, "postgresql": _array}
UPTIMES = {database: _listed(how, rollups.c.uptime_ppm) for database, how in GATHER.items()}
STARTS = {
    database: _listed(how, rollups.c.start).where(among(services.c.id, "ids"))
    for database, how in GATHER.items()
}
USUAL = _usual()
