"""Move the rows of closed hours out of the hot table and into segments, a small step at a time.

A step reads and packs first, and takes the write lock only to put the outcome in the rows' place.
Rows of the hot table are never changed, so where as many are deleted as were read, nothing came in
between; else the step is undone and taken anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Connection, bindparam, delete, select, update

from prober.storage import hot
from prober.storage.database import Access
from prober.storage.fetching import among, fetch
from prober.storage.hot import Place
from prober.storage.putting import Row, put
from prober.storage.segment import HOUR_MS, Damaged, Folded, fold, pack, unpack_folded
from prober.storage.session import Session
from prober.storage.tables import segments

GRACE_MS = 300_000  # an hour stays hot for so long after its end: its last rows are on their way

log = structlog.get_logger(__name__)

ByService = dict[int, Folded]
"""Rows by the id of their service, oldest first."""


class Tally(Protocol):
    """Takes note of some services' rows of one closed hour."""

    def __call__(self, hour: int, whole: ByService) -> Callable[[Connection], object]:
        """What writes it, in the transaction that moves the rows.

        `whole` is all rows that are known of the hour; it may be told again, of more.
        """


class Found(NamedTuple):
    """What lies where of some services and an hour."""

    place: Place
    hot: ByService
    packed: ByService
    damaged: Mapping[int, Damaged]

    @property
    def rows(self) -> int:
        """How many are hot."""
        return sum(len(rows.checked_at) for rows in self.hot.values())


class Changed(Exception):
    """Somebody wrote to the rows of a step, or moved them, after they were read."""


class Compaction:
    """Compacts one database; used from one thread at a time."""

    def __init__(self, url: str, tallies: Sequence[Tally] = ()) -> None:
        self._reading = Session(url, access=Access.READ)
        self._writing = Session(url)
        self._tallies = tallies

    def step(self, now_ms: int) -> int:
        """Move a share of the rows of an hour that is closed at `now_ms`; returns how many.

        0 means that nothing is left to move. It is one transaction: a kill at any point leaves each
        row in the one place or in the other. Raises what `failures.explain` makes of a failure.
        """
        while True:
            found = self._reading.run(partial(_look, now_ms))
            if found is None:
                return 0
            try:
                self._writing.run(self._packed(found))
            except Changed:
                continue
            return found.rows

    def close(self) -> None:
        """Let go of the connections."""
        self._reading.close()
        self._writing.close()

    def _packed(self, found: Found) -> Callable[[Connection], None]:
        """What puts segments into the place of what was found."""
        hour = found.place.hour
        whole = {id_: _joined(rows, found.packed.get(id_)) for id_, rows in found.hot.items()}
        packed = [_segment(hour, *item) for item in whole.items()]
        tallied = [tally(hour, whole) for tally in self._tallies]

        def move(connection: Connection) -> None:
            _take(connection, found)
            put(connection, segments, packed)
            for write in tallied:
                write(connection)

        return move


# Made once: putting a statement together costs more than running it for a few services.
OF_HOUR = (segments.c.hour == bindparam("of_hour")) & among(segments.c.service_id, "ids")
PACKED = select(segments.c.service_id, segments.c.data).where(OF_HOUR)
DROP_PACKED = delete(segments).where(OF_HOUR)


def _look(now_ms: int, connection: Connection) -> Found | None:
    """What there is of the oldest hour, if it is closed, and of as many services as make a step."""
    place = hot.first(connection, (now_ms - GRACE_MS) // HOUR_MS)
    if place is None:
        return None
    packed: ByService = {}
    damaged: dict[int, Damaged] = {}
    for service_id, data in fetch(connection, PACKED, _of_hour(place.hour, place.ids)):
        try:
            packed[service_id] = unpack_folded(place.hour, data)
        except Damaged as damage:
            damaged[service_id] = damage
    return Found(place, hot.read(connection, place), packed, damaged)


def _of_hour(hour: int, ids: Iterable[int]) -> dict[str, Any]:
    return {"of_hour": hour, "ids": list(ids)}


def _joined(rows: Folded, packed: Folded | None) -> Folded:
    """All rows of a service, oldest first; of two of the same moment the one packed first."""
    if packed is None:
        return rows
    by_time = {row.checked_at: row for row in (*rows.rows(), *packed.rows())}
    return fold([by_time[at] for at in sorted(by_time)])


def _take(connection: Connection, found: Found) -> None:
    """Delete what was found; raises `Changed` where that is not all there is.

    A damaged segment is set aside, under its service's negative id, for `prober db verify`.
    """
    if hot.drop(connection, found.place) != found.rows:
        raise Changed
    hour = found.place.hour
    for service_id, damage in found.damaged.items():
        log.error("segment set aside", service_id=service_id, hour=hour, damage=str(damage))
        damaged = (segments.c.hour == hour) & (segments.c.service_id == service_id)
        connection.execute(update(segments).where(damaged).values(service_id=-service_id))
    if found.packed:
        dropped = connection.execute(DROP_PACKED, _of_hour(hour, found.packed)).rowcount
        if dropped != len(found.packed):
            raise Changed


def _segment(hour: int, service_id: int, rows: Folded) -> Row:
    return hour, service_id, len(rows.checked_at), pack(hour, rows)
