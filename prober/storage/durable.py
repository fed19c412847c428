"""Writes that lose nothing: to the database, else to the spool, else kept in memory, for a while.

While anything waits, new batches join the end of what waits, so that the database sees them in
the order in which they were made.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

import structlog

from prober.errors import ProberError
from prober.model import Observation
from prober.storage.spool import Spool
from prober.storage.writer import Writer
from prober.telemetry import Telemetry

TURN_S = 0.5  # how long a turn may replay before new batches are let in
BACKLOG_ROWS = 500_000  # what memory holds where no disk does: some 300 MB; the oldest go first

log = structlog.get_logger(__name__)


class Durable:
    """The way of batches into the database; used from one thread at a time, but for `rescue`."""

    def __init__(self, writer: Writer, spool: Spool, telemetry: Telemetry) -> None:
        self._writer = writer
        self._spool = spool
        self._telemetry = telemetry
        self._backlog: deque[Sequence[Observation]] = deque()
        self._in_hand: Sequence[Observation] = ()
        self._lost = False
        self._replayed = 0
        self._spool_well = True
        self.progress = time.monotonic()
        """When a cycle last ended with every row in the database or on disk (monotonic)."""
        self._account()

    @property
    def waiting(self) -> int:
        """Observations that are not in the database yet."""
        return self._spool.rows + sum(map(len, self._backlog))

    @property
    def away(self) -> bool:
        """Whether the last attempt on the database failed, or something waits for it."""
        return self._lost or self.waiting > 0

    def take(self, batch: Sequence[Observation]) -> None:
        """Bring a batch to the database, or keep it until `turn` can."""
        self._in_hand = batch
        if self.away:
            self._keep(batch)
        else:
            try:
                self._write(batch)
            except Exception as error:  # noqa: BLE001 - a defect too: the batch is kept for `turn`
                self._lose(error)
                self._keep(self._in_hand)
        self._account()

    def rename(self, names: Mapping[str, str]) -> None:
        """Write what is still told under old names under their new ones."""
        self._writer.names = names

    def turn(self, limit_s: float = TURN_S) -> bool:
        """Replay what waits, for about `limit_s`; returns whether it should go on at once."""
        end = time.monotonic() + limit_s
        self._save()
        try:
            while self.waiting and time.monotonic() < end:
                self._replay()
            if not self.waiting:
                self._regain()
        except (ProberError, OSError) as error:
            self._lose(error)
            return False
        finally:
            self._account()
        return self.waiting > 0

    def finish(self, limit_s: float) -> None:
        """A last attempt on the database, then on the spool; says what is lost where both fail."""
        self.turn(limit_s)
        self._writer.close()
        if self._backlog:
            rows = sum(map(len, self._backlog))
            log.error("observations lost: neither database nor spool can be written", rows=rows)

    def rescue(self, *batches: Sequence[Observation]) -> None:
        """From another thread, where the writing one is stuck: spool these; raises OSError."""
        for batch in batches:
            self._save_one(batch)
            if batch is self._in_hand:
                self._in_hand = ()
        self._account()

    def rescue_backlog(self) -> None:
        """The same with what is kept in memory, for the end."""
        self.rescue(*self._backlog)

    def _write(self, batch: Sequence[Observation]) -> None:
        with self._telemetry.store_write.time():
            self._writer.write(batch)
        self._telemetry.store_last_success.set_to_current_time()

    def _keep(self, batch: Sequence[Observation]) -> None:
        if batch:
            self._backlog.append(batch)
        self._save()

    def _save(self) -> None:
        """Move the backlog to the spool, oldest first, as far as the disk lets it."""
        try:
            while self._backlog:
                self._save_one(self._backlog[0])
                self._backlog.popleft()
        except OSError as error:
            if self._spool_well:
                log.error("spool can't be written, rows wait in memory", error=str(error))
        self._spool_well = not self._backlog
        self._let_go()

    def _let_go(self) -> None:
        """Drop what is too much for memory: prober must outlive a full disk."""
        rows = sum(map(len, self._backlog))
        while rows > BACKLOG_ROWS:
            gone = len(self._backlog.popleft())
            rows -= gone
            self._telemetry.dropped.labels("store").inc(gone)
            log.error("observations lost: neither database nor spool can be written", rows=gone)

    def _save_one(self, batch: Sequence[Observation]) -> None:
        try:
            self._spool.append(batch)
        except TypeError:  # a defect: what has no JSON must not hold up the other batches
            log.exception("observations lost: they can't be spooled", rows=len(batch))

    def _replay(self) -> None:
        """Write the oldest batch that waits; one that no database takes is put out of the way."""
        oldest = self._spool.oldest()
        if oldest is None:
            self._replay_backlog()
            return
        file, batch = oldest
        try:
            self._write(batch)
        except ProberError:
            raise
        except Exception as error:  # noqa: BLE001 - a defect must not hold up the other batches
            self._spool.set_aside(file, error)
        else:
            self._spool.drop(file)
            self._replayed += len(batch)

    def _replay_backlog(self) -> None:
        if self._backlog:
            self._write(self._backlog[0])
            self._replayed += len(self._backlog.popleft())

    def _lose(self, error: Exception) -> None:
        if not self._lost:
            self._lost = True
            defect = None if isinstance(error, ProberError | OSError) else error
            log.warning("database away, results are spooled", error=str(error), exc_info=defect)

    def _regain(self) -> None:
        if self._lost or self._replayed:
            log.info("database up to date again", replayed_rows=self._replayed)
        self._lost, self._replayed = False, 0

    def _account(self) -> None:
        self._telemetry.spool_rows.set(self.waiting)
        if not self._backlog:
            self.progress = time.monotonic()
