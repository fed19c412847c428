"""The sink that remembers: every observation reaches the database, or waits on disk for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from prober.config.tree import Config
from prober.model import Observation, Service
from prober.sinks.runtime import Runtime
from prober.storage.durable import Durable
from prober.storage.runtime import RuntimeTable
from prober.storage.spool import Spool
from prober.storage.writer import Writer
from prober.telemetry import Telemetry

T = TypeVar("T")

TURN_S = 1.0  # how often what waits is tried again
PATIENCE_S = 0.25  # how long a batch waits for a database that is stuck before it is spooled
FINISH_S = 1.0  # how long the end may replay
CLOSE_S = 2.0  # how long the end waits for a database that is stuck


class Store:
    """Writes on a thread of its own, so that a slow database stalls nothing else."""

    name = "store"
    lossless = True
    linger_s = 0.1  # and 0.2 s in a worker: a kill takes little, on a busy machine too

    def __init__(self, durable: Durable, runtime: Runtime | None = None) -> None:
        self._durable = durable
        self._runtime = runtime
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._turning: asyncio.Task[None] | None = None

    @classmethod
    def build(cls, config: Config, services: Sequence[Service], telemetry: Telemetry) -> Store:
        """The store as configured; raises `NotWritable` where the spool can't be used."""
        store, runtime = config.store, None
        if store.runtime_table is not None:
            table = store.runtime_table
            runtime = Runtime(RuntimeTable(table.url or store.url, table.name, _by_name(services)))
        writer = Writer(store.url, migrate=store.migrate)
        return cls(Durable(writer, Spool(store.spool), telemetry), runtime)

    @property
    def progress(self) -> float:
        """When all that was handed over was last safe, in the database or on disk (monotonic)."""
        return time.monotonic() if self._turning is None else self._durable.progress

    @property
    def spooling(self) -> bool:
        """Whether the database is away, or has still to be told what waited for it."""
        return self._durable.away

    def retarget(self, services: Sequence[Service]) -> None:
        """Take over the services of a reloaded configuration."""
        self._durable.rename({s.was: s.name for s in services if s.was is not None})
        if self._runtime is not None:
            self._runtime.retarget(_by_name(services))

    async def write(self, batch: Sequence[Observation]) -> None:
        """Bring a batch to the database or the spool; an outage is no exception."""
        if self._turning is None:
            self._turning = asyncio.create_task(self._turn())
        if self._runtime is not None:
            self._runtime.tell(batch)
        taking = asyncio.ensure_future(self._run(lambda: self._durable.take(batch)))
        if not (await asyncio.wait((taking,), timeout=PATIENCE_S))[0]:
            await self._bypass(batch, taking)

    async def close(self) -> None:
        """Bring everything to the database within about 2 s, or else to the spool."""
        if self._turning is not None:
            self._turning.cancel()
        closing = [self._finish()] + ([self._runtime.close()] if self._runtime else [])
        await asyncio.gather(*closing)

    async def _finish(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_S):
                await self._run(lambda: self._durable.finish(FINISH_S))
        except TimeoutError:
            with suppress(OSError):
                await asyncio.to_thread(self._durable.rescue_backlog)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _bypass(self, batch: Sequence[Observation], taking: asyncio.Future[None]) -> None:
        """Spool a batch that the writing thread can't take yet; to be written twice is no harm."""
        try:
            await asyncio.to_thread(self._durable.rescue, batch)
        except OSError:
            await taking  # no disk either: it waits in memory
        else:
            taking.cancel()

    async def _turn(self) -> None:
        while True:
            if not await self._run(self._durable.turn):
                await asyncio.sleep(TURN_S)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _by_name(services: Sequence[Service]) -> dict[str, Service]:
    return {service.name: service for service in services}
