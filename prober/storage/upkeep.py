"""Keep a database small and quick: a step at a time, each of which holds its lock but briefly."""

from __future__ import annotations

from prober.errors import StoreLocked
from prober.storage import closing, partitions, retention, rollup, unused
from prober.storage.compaction import Compaction
from prober.storage.database import Access
from prober.storage.retention import Keep
from prober.storage.session import Session


class Upkeep:
    """Packs closed hours, makes cells and partitions of days, and lets go of what is too old.

    Used from one thread at a time.
    """

    def __init__(self, url: str, keep: Keep) -> None:
        self.keep = keep
        self._session = Session(url)
        self._reading = Session(url, access=Access.READ)  # for what takes longer to find than to do
        self._compaction = Compaction(url, [rollup.keep])

    def step(self, now_ms: int) -> bool:
        """Do the next small thing that is due at `now_ms`; returns whether there was any.

        Raises what `failures.explain` makes of a failure, and then that thing is undone.
        """
        return (
            self._compaction.step(now_ms) > 0
            or self._session.run(lambda connection: partitions.make_ahead(connection, now_ms))
            or self._close_day(now_ms)
            or self._session.run(lambda connection: unused.step(connection, now_ms))
            or self._session.run(lambda connection: retention.step(connection, self.keep, now_ms))
            or self._drop_empty(now_ms)
            or self._session.run(retention.free)
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()
        self._reading.close()
        self._compaction.close()

    def _close_day(self, now_ms: int) -> bool:
        found = self._reading.run(lambda connection: closing.find(connection, now_ms))
        if found is not None:
            self._session.run(lambda connection: closing.close(connection, found))
        return found is not None

    def _drop_empty(self, now_ms: int) -> bool:
        try:
            return self._session.run(lambda c: partitions.drop_empty(c, now_ms))
        except StoreLocked:  # by somebody who reads: nobody shall wait for this, and it can
            return False
