"""Keep the workers alive: spread the services over them, and replace the one that dies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

import structlog

from prober.channel import Answer, Ask, Batch, Channel, ChannelClosed, Message, Plan, Stop
from prober.inquiry import Inquiry, NoAnswer
from prober.launch import Launched
from prober.model import Result, Service
from prober.schedule import fraction
from prober.telemetry import Telemetry

SILENCE_S = 15.0  # a worker that has not been heard from for so long is replaced
RESTART_S = 0.5  # the pause before a dead worker is started again
STOP_S = 1.0  # how long a worker may take to send what it has finished
AFTERWARDS_S = 1.0  # what came while this process itself stood still is read within this time

log = structlog.get_logger(__name__)


class Shard:
    """One share of the services, and the worker that probes it, whichever that is now."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.services: tuple[Service, ...] = ()
        self.worker: Launched | None = None
        self.heard_s: float | None = None
        self.inquiry = Inquiry()

    def plan(self, fresh: Collection[str]) -> None:
        """Tell the worker, where there is one, what to probe."""
        if self.worker is not None:
            names = frozenset(s.name for s in self.services if s.name in fresh)
            self.worker.channel.send(Plan(self.services, names))

    def dismiss(self) -> None:
        """Tell the worker, where there is one, to leave."""
        if self.worker is not None:
            self.worker.channel.send(Stop())


class Supervisor:
    """Runs the workers and tells what comes from them.

    `launch` starts a worker. `on_results` gets each batch of results, `on_lost` the services whose
    worker died; both run on the event loop and must not block it.
    """

    def __init__(
        self,
        launch: Callable[[], Awaitable[Launched]],
        on_results: Callable[[Sequence[Result]], None],
        on_lost: Callable[[Sequence[Service]], None],
        telemetry: Telemetry,
    ) -> None:
        self._launch = launch
        self._on_results = on_results
        self._on_lost = on_lost
        self._telemetry = telemetry
        self._shards: list[Shard] = []
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    def start(self, workers: int, services: Sequence[Service], fresh: Collection[str]) -> None:
        """Start `workers` workers on these services; the number stays until the end."""
        self._shards = [Shard(str(n)) for n in range(workers)]
        self._spread(services)
        self._keepers = [asyncio.create_task(self._keep(s, fresh)) for s in self._shards]

    def reload(self, services: Sequence[Service], fresh: Collection[str]) -> None:
        """Give every worker its share of a new set of services."""
        self._spread(services)
        for shard in self._shards:
            shard.plan(fresh)

    async def stop(self) -> None:
        """Let every worker send what it has finished, and end it within about 2 s."""
        self._stopping = True
        for shard in self._shards:
            shard.dismiss()
        _, stuck = await asyncio.wait(self._keepers, timeout=STOP_S)
        for keeper in stuck:
            keeper.cancel()
        await asyncio.gather(*(s.worker.end() for s in self._shards if s.worker is not None))

    async def ask(self, question: Ask) -> Answer:
        """Have the least busy worker probe something once.

        Raises `inquiry.NoAnswer` where no worker runs, all are busy, or its worker dies.
        """
        living = [(shard, shard.worker) for shard in self._shards if shard.worker is not None]
        if not living:
            raise NoAnswer("no worker is running; ask again later")
        shard, worker = min(living, key=lambda pair: len(pair[0].inquiry))
        return await shard.inquiry.ask(worker.channel, question)

    def silence_s(self) -> float | None:
        """For how long the quietest worker has said nothing; None before all have spoken."""
        heard = [shard.heard_s for shard in self._shards]
        spoken = [moment for moment in heard if moment is not None]
        return time.monotonic() - min(spoken) if len(spoken) == len(heard) else None

    def _spread(self, services: Sequence[Service]) -> None:
        shares: list[list[Service]] = [[] for _ in self._shards]
        for service in services:
            shares[int(fraction(service.name + "/shard") * len(shares))].append(service)
        for shard, share in zip(self._shards, shares, strict=True):
            shard.services = tuple(share)

    async def _keep(self, shard: Shard, fresh: Collection[str]) -> None:
        while not self._stopping:
            try:
                shard.worker = await self._launch()
            except OSError as error:  # no memory, process or file descriptor is left: try again
                log.error("worker can't be started", worker=shard.label, error=str(error))
                await asyncio.sleep(RESTART_S)
                continue
            await self._attend(shard, shard.worker, fresh)
            shard.worker = None
            shard.inquiry.lose()
            fresh = ()  # a worker that replaces another one keeps the rhythm

    async def _attend(self, shard: Shard, worker: Launched, fresh: Collection[str]) -> None:
        shard.plan(fresh)
        if self._stopping:  # the order to leave was given before this worker was there
            shard.dismiss()
        try:
            await self._listen(shard, worker)
        except (ChannelClosed, TimeoutError) as error:
            await self._lose(shard, error)
        await worker.end()

    async def _listen(self, shard: Shard, worker: Launched) -> None:
        while True:
            message = await _next(worker.channel)
            shard.heard_s = time.monotonic()
            if isinstance(message, Batch):
                self._take(shard, message)
            elif isinstance(message, Answer):
                shard.inquiry.settle(message)

    def _take(self, shard: Shard, batch: Batch) -> None:
        self._telemetry.in_flight.labels(shard.label).set(batch.in_flight)
        self._telemetry.missed.inc(batch.missed)
        self._telemetry.lag.observe(result.lag_ms for result in batch.results)
        self._telemetry.stalled.inc(sum(result.stalled for result in batch.results))
        if batch.results:
            self._on_results(batch.results)

    async def _lose(self, shard: Shard, error: Exception) -> None:
        if self._stopping:
            return
        silent = isinstance(error, TimeoutError)
        log.error("worker lost", worker=shard.label, cause="silent" if silent else "died")
        self._telemetry.worker_restarts.inc()
        self._telemetry.in_flight.labels(shard.label).set(0)
        self._on_lost(shard.services)
        await asyncio.sleep(RESTART_S)


async def _next(channel: Channel) -> Message:
    """The next message; raises TimeoutError where none comes for `SILENCE_S`.

    A time that is over says nothing where this process was stopped itself: it looks once more.
    """
    receiving = asyncio.create_task(channel.receive())
    try:
        for limit_s in (SILENCE_S, AFTERWARDS_S):
            done, _ = await asyncio.wait((receiving,), timeout=limit_s)
            if done:
                return receiving.result()
        raise TimeoutError
    finally:
        receiving.cancel()
