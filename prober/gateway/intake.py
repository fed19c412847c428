"""The way of events into the ledger: many in one transaction, each answered after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from prober.errors import ProberError
from prober.storage.ledger import Entry

BATCH = 500
WAITING = 5000  # more than that in line, and newcomers are turned away at once
PATIENCE_S = 5.0  # how long an event waits for a database that is stuck
PAUSE_S = 0.01
CLOSE_S = 1.5

Waiting = tuple[Entry, asyncio.Future[None]]

log = structlog.get_logger(__name__)


class NotStored(Exception):
    """An event is not known to be in the ledger: its sender should send it again."""


class Intake:
    """Appends on a thread of its own; for one event loop.

    `append` commits all of the entries that it is given, or raises and commits none.
    """

    def __init__(
        self, append: Callable[[Sequence[Entry]], None], release: Callable[[], None]
    ) -> None:
        self._append = append
        self._release = release
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._waiting: list[Waiting] = []
        self._draining: asyncio.Task[None] | None = None
        self._away = False

    async def record(self, entry: Entry) -> None:
        """Return once the entry is committed; raises `NotStored`."""
        if len(self._waiting) >= WAITING:
            raise NotStored
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        self._waiting.append((entry, future))
        if self._draining is None or self._draining.done():
            self._draining = asyncio.create_task(self._drain())
        patience = loop.call_later(PATIENCE_S, _refuse, future)  # a fifth of asyncio.timeout's cost
        try:
            await future
        finally:
            patience.cancel()

    async def close(self) -> None:
        """Commit what waits, as far as the database lets it."""
        if self._draining is not None:
            await asyncio.wait([self._draining], timeout=CLOSE_S)
            self._draining.cancel()
        self._thread.submit(self._release)
        self._thread.shutdown(wait=False)

    async def _drain(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
            await self._commit([waiting for waiting in batch if not waiting[1].done()])
            # The database is left to others for a while, the writer of results first; and more
            # events come together for the next transaction.
            await asyncio.sleep(PAUSE_S)

    async def _commit(self, batch: Sequence[Waiting]) -> None:
        entries = [entry for entry, _ in batch]
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._append, entries)
        except ProberError as error:
            self._lose(error)
            _refuse(*(future for _, future in batch))
        except Exception as error:  # noqa: BLE001 - a defect: one entry must not take others along
            await self._isolate(batch, error)
        else:
            self._regain()
            for _, future in batch:
                if not future.done():
                    future.set_result(None)

    async def _isolate(self, batch: Sequence[Waiting], error: Exception) -> None:
        """Commit each by itself, so that only the one which the database can't take is refused."""
        if len(batch) > 1:
            for one in batch:
                await self._commit([one])
        else:
            log.error("event not stored", error=str(error), exc_info=error)
            _refuse(batch[0][1])

    def _lose(self, error: ProberError) -> None:
        if not self._away:
            log.warning("ledger can't be written, events are refused", error=str(error))
        self._away = True

    def _regain(self) -> None:
        if self._away:
            log.info("ledger written again")
        self._away = False


def _refuse(*futures: asyncio.Future[None]) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(NotStored())
