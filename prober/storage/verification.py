"""See whether every segment can be read and holds what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

from sqlalchemy import Row, func, select

from prober.storage.connecting import connected
from prober.storage.segment import HOUR_MS, Damaged, unpack
from prober.storage.tables import segments, services


class Fault(NamedTuple):
    """A segment that can't be read, or isn't what its row says; `hour` counts from the epoch."""

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
    """The segments that are damaged, oldest first; `passed` is told how many more were read."""
    with connected(url) as connection:
        names = dict(connection.execute(select(services.c.id, services.c.name)).all())
    hour = -1
    while (following := _hour_after(url, hour)) is not None:
        hour, found = following
        for service_id, what in _wrong(found):
            yield Fault(names.get(service_id, f"service {service_id}"), hour, what)
        passed(len(found))


def _hour_after(url: str, hour: int) -> tuple[int, Sequence[Row[Any]]] | None:
    following = select(func.min(segments.c.hour)).where(segments.c.hour > hour)
    with connected(url) as connection:
        found: int | None = connection.execute(following).scalar_one()
        if found is None:
            return None
        return found, connection.execute(select(segments).where(segments.c.hour == found)).all()


def _wrong(rows: Iterable[Row[Any]]) -> Iterator[tuple[int, str]]:
    for row in rows:
        hour, service_id, rows_told, data = tuple(row)
        what = _complaint(hour, rows_told, data)
        if service_id < 0:
            what = f"set aside since late rows came: {what or 'it can be read'}"
        if what is not None:
            yield abs(service_id), what


def _complaint(hour: int, rows_told: int, data: bytes) -> str | None:
    try:
        rows = unpack(hour, data)
    except Damaged as damage:
        return str(damage)
    moments = [row.checked_at for row in rows]
    if len(rows) != rows_told:
        return f"it holds {len(rows)} results, and its row says {rows_told}"
    if any(moment // HOUR_MS != hour for moment in moments):
        return "it holds results of another hour"
    if any(b <= a for a, b in pairwise(moments)):
        return "its results are not in order"
    return None
