"""See whether every segment can be read and holds what it says, and whether no text is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Row,
    Table,
    and_,
    exists,
    func,
    or_,
    select,
)

from prober.storage.connecting import connected
from prober.storage.lenient import fitting
from prober.storage.segment import HOUR_MS, Damaged, Raw, fold, unpack
from prober.storage.tables import endpoints, results, segments, services, snippets
from prober.storage.texts import Texts
from prober.storage.walk import BUCKETS_AN_HOUR


class Fault(NamedTuple):
    """What is wrong with the results of a service in an hour, which counts from the epoch."""

    service: str
    hour: int
    what: str

    def __str__(self) -> str:
        began = datetime.fromtimestamp(self.hour * 3600, UTC)
        return f"{self.service}, {began:%Y-%m-%d %H}:00 UTC: {self.what}"


def count(url: str) -> int:
    """How many segments there are."""
    with connected(url) as connection:
        return int(connection.execute(select(func.count()).select_from(segments)).scalar_one())


def faults(url: str, passed: Callable[[int], object] = lambda _: None) -> Iterator[Fault]:
    """What is wrong with segments, oldest first, then with hot rows.

    `passed` is told how many more segments were read.
    """
    with connected(url) as connection:
        names = dict(connection.execute(select(services.c.id, services.c.name)).all())
    hour = -1
    while (following := _hour_after(url, hour)) is not None:
        hour, size, wrong = following
        for service_id, what in wrong:
            yield Fault(names.get(service_id, f"service {service_id}"), hour, what)
        passed(size)
    with connected(url) as connection:
        for service_id, hour, lost in connection.execute(fitting(connection, LOST)):
            yield Fault(names.get(service_id, f"service {service_id}"), hour, _nameless(lost))


def _hour_after(url: str, hour: int) -> tuple[int, int, list[tuple[int, str]]] | None:
    """The next hour that has segments, how many, and what is wrong with which service's."""
    following = select(func.min(segments.c.hour)).where(segments.c.hour > hour)
    with connected(url) as connection:
        found: int | None = connection.execute(following).scalar_one()
        if found is None:
            return None
        rows = connection.execute(select(segments).where(segments.c.hour == found)).all()
        return found, len(rows), list(_wrong(connection, rows))


def _wrong(connection: Connection, rows: Iterable[Row[Any]]) -> Iterator[tuple[int, str]]:
    texts = Texts()
    for row in rows:
        hour, service_id, rows_told, data = tuple(row)
        try:
            raws = unpack(hour, data)
        except Damaged as damage:
            what = str(damage)
        else:
            texts.learn(connection, fold(raws).kinds)
            what = _complaint(hour, rows_told, raws) or _nameless(texts.lost(raws))
        if service_id < 0:
            what = f"set aside since late rows came: {what or 'it can be read'}"
        if what:
            yield abs(service_id), what


def _complaint(hour: int, rows_told: int, rows: Sequence[Raw]) -> str:
    """What is wrong, in words; empty where nothing is."""
    moments = [row.checked_at for row in rows]
    if len(rows) != rows_told:
        return f"it holds {len(rows)} results, and its row says {rows_told}"
    if any(moment // HOUR_MS != hour for moment in moments):
        return "it holds results of another hour"
    if any(b <= a for a, b in pairwise(moments)):
        return "its results are not in order"
    return ""


def _nameless(lost: int) -> str:
    return f"texts of {lost} results are missing" if lost else ""


def _missing(id_: Column[Any], table: Table) -> ColumnElement[bool]:
    return and_(id_.is_not(None), ~exists().where(table.c.id == id_))


HOUR = (results.c.bucket // BUCKETS_AN_HOUR).label("hour")
LOST = (
    select(results.c.service_id, HOUR, func.count())
    .where(
        or_(_missing(results.c.endpoint_id, endpoints), _missing(results.c.snippet_id, snippets))
    )
    .group_by(results.c.service_id, "hour")
    .order_by("hour", results.c.service_id)
)
