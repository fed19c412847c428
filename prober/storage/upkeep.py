"""Keep a database small and quick: a step at a time, each of which holds its lock but briefly."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from prober.errors import StoreLocked
from prober.storage import partitions, retention, rollup, unused
from prober.storage.compaction import GRACE_MS, Compaction
from prober.storage.retention import Keep
from prober.storage.segment import DAY_MS
from prober.storage.session import Session
from prober.storage.tables import rollups


class Upkeep:
    """Packs closed hours, makes cells and partitions of days, and lets go of what is too old.

    Used from one thread at a time.
    """

    def __init__(self, url: str, keep: Keep) -> None:
        self.keep = keep
        self._session = Session(url)
        self._compaction = Compaction(url, [rollup.keep])

    def step(self, now_ms: int) -> bool:
        """Do the next small thing that is due at `now_ms`; returns whether there was any.

        Raises what `failures.explain` makes of a failure, and then that thing is undone.
        """
        return (
            self._compaction.step(now_ms) > 0
            or self._session.run(lambda connection: partitions.make_ahead(connection, now_ms))
            or self._session.run(lambda connection: _close_days(connection, now_ms))
            or self._session.run(lambda connection: unused.step(connection, now_ms))
            or self._session.run(lambda connection: retention.step(connection, self.keep, now_ms))
            or self._drop_empty(now_ms)
            or self._session.run(retention.free)
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()
        self._compaction.close()

    def _drop_empty(self, now_ms: int) -> bool:
        try:
            return self._session.run(lambda c: partitions.drop_empty(c, now_ms))
        except StoreLocked:  # by somebody who reads: nobody shall wait for this, and it can
            return False


def _close_days(connection: Connection, now_ms: int) -> bool:
    """Make cells of the first day that is over and lacks some; whether there was such a day."""
    day = _first_open(connection)
    while day is not None and day + DAY_MS + GRACE_MS <= now_ms:
        if rollup.close_day(connection, day):
            return True
        day += DAY_MS
    return False


def _first_open(connection: Connection) -> int | None:
    """The day to look at first: the last one that has a cell, else the first that has an hour."""
    last = select(func.max(rollups.c.start)).where(rollups.c.resolution_s == rollup.DAY_S)
    first = select(func.min(rollups.c.start)).where(rollups.c.resolution_s == rollup.HOUR_S)
    for query in (last, first):
        start: int | None = connection.execute(query).scalar_one()
        if start is not None:
            return start - start % DAY_MS
    return None
