"""Run the store's upkeep while the daemon lives: small steps on a thread, with room in between."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import structlog

from prober import clock
from prober.errors import ProberError
from prober.storage.upkeep import Upkeep

PAUSE_S = 0.05  # between two steps: results are written meanwhile
IDLE_S = 30.0  # until it is seen again whether something is due
TROUBLE_S = 5.0  # until a database that failed is tried again

log = structlog.get_logger(__name__)


class Housekeeping:
    """Owns an `Upkeep` and the thread that it works on."""

    def __init__(self, upkeep: Upkeep) -> None:
        self.upkeep = upkeep
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upkeep")
        self._task: asyncio.Task[None] | None = None
        self._well = True

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Finish the step that runs, and let go of the database."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await asyncio.get_running_loop().run_in_executor(self._thread, self.upkeep.close)
        self._thread.shutdown(wait=False)

    async def _run(self) -> None:
        while True:
            wait_s = await self._step()
            await asyncio.sleep(wait_s)

    async def _step(self) -> float:
        """Take a step; returns how long to wait for the next one."""
        loop = asyncio.get_running_loop()
        try:
            did = await loop.run_in_executor(self._thread, self.upkeep.step, clock.epoch_ms())
        except ProberError as error:
            if self._well:
                log.warning("upkeep of the database waits", error=str(error))
            self._well = False
            return TROUBLE_S
        self._well = True
        return PAUSE_S if did else IDLE_S
