"""The store's side lane: the current state of each service, for the fleet's own table.

Only the latest counts, so nothing is spooled: while the table's database is away, the newest
observation of each service waits in memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import structlog

from prober.errors import ProberError
from prober.model import Observation, Service
from prober.storage.runtime import RuntimeTable

RETRY_S = 1.0
CLOSE_S = 1.5

log = structlog.get_logger(__name__)


class Runtime:
    """Writes the table on a thread of its own: it may be another database than the store's."""

    def __init__(self, table: RuntimeTable) -> None:
        self._table = table
        self._pending: dict[str, Observation] = {}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="runtime")
        self._task: asyncio.Task[None] | None = None
        self._away = False

    def retarget(self, services: Mapping[str, Service]) -> None:
        """Take over the services of a reloaded configuration."""
        self._table.retarget(services)

    def tell(self, batch: Sequence[Observation]) -> None:
        """Take the newest of each service, and write them soon."""
        for observation in batch:
            self._pending[observation.service] = self._merge(observation)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())

    async def close(self) -> None:
        """Write what is pending, as far as the database lets it."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=CLOSE_S)
            self._task.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _merge(self, observation: Observation) -> Observation:
        """A status that changed without a probe keeps the result that is still to be written."""
        before = self._pending.get(observation.service)
        if before is None or observation.result is not None:
            return observation
        return observation._replace(result=before.result)

    async def _drain(self) -> None:
        while self._pending:
            taken, self._pending = self._pending, {}
            if not await self._write(taken):
                self._pending = taken | self._pending
                await asyncio.sleep(RETRY_S)

    async def _write(self, latest: Mapping[str, Observation]) -> bool:
        loop = asyncio.get_running_loop()
        try:
            await loop.run_in_executor(self._thread, self._table.write, latest)
        except Exception as error:  # noqa: BLE001 - the lane lives on, whatever the table did
            self._lose(error)
            return False
        self._regain()
        return True

    def _lose(self, error: Exception) -> None:
        if not self._away:
            defect = None if isinstance(error, ProberError) else error
            log.warning("runtime table not written", error=str(error), exc_info=defect)
        self._away = True

    def _regain(self) -> None:
        if self._away:
            log.info("runtime table written again")
        self._away = False
