"""From results to sinks: weigh each result once, then hand it to every sink's own queue."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

import structlog

from prober import clock, status
from prober.model import Observation, Result, Service, Status
from prober.sinks.base import Sink
from prober.status import Signal, State
from prober.telemetry import Telemetry

QUEUE_ROWS = 100_000  # observations that a sink may be behind before its oldest are dropped

log = structlog.get_logger(__name__)


class Lane:
    """The queue in front of one sink, and the task that empties it."""

    def __init__(self, sink: Sink, telemetry: Telemetry, most: int = QUEUE_ROWS) -> None:
        self.sink = sink
        self._most = most
        self._batches: deque[list[Observation]] = deque()
        self._rows = 0
        self._filled = asyncio.Event()
        self._closing = asyncio.Event()
        self._dropped = telemetry.dropped.labels(sink.name)
        telemetry.queue_depth.labels(sink.name).set_function(lambda: self._rows)
        self._task = asyncio.create_task(self._empty())

    def put(self, batch: list[Observation]) -> None:
        """Queue a batch; where the queue is full, the oldest go, and are counted."""
        self._batches.append(batch)
        self._rows += len(batch)
        self._filled.set()
        while self._rows > self._most and not self.sink.lossless:
            gone = len(self._batches.popleft())
            self._rows -= gone
            self._dropped.inc(gone)

    async def close(self) -> None:
        """Write what is queued, then close the sink."""
        self._closing.set()
        self._filled.set()
        await self._task
        await self.sink.close()

    async def _empty(self) -> None:
        while self._batches or not self._closing.is_set():
            await self._filled.wait()
            await self._linger()
            batch = [observation for queued in self._batches for observation in queued]
            self._batches.clear()
            self._rows = 0
            self._filled.clear()
            if batch:
                await self._write(batch)

    async def _linger(self) -> None:
        if self.sink.linger_s:
            try:
                await asyncio.wait_for(self._closing.wait(), self.sink.linger_s)
            except TimeoutError:
                return

    async def _write(self, batch: list[Observation]) -> None:
        try:
            await self.sink.write(batch)
        except Exception:  # one sink's defect must not silence the others
            log.exception("sink failed", sink=self.sink.name, rows=len(batch))
            self._dropped.inc(len(batch))


class Pipeline:
    """Holds the status of every service, and tells each sink what changes and what was seen."""

    def __init__(self, sinks: Iterable[Sink], telemetry: Telemetry) -> None:
        self._lanes = [Lane(sink, telemetry) for sink in sinks]
        self._services: dict[str, Service] = {}
        self._states: dict[str, State] = {}
        self._fresh_until: dict[str, float] = {}
        self._fresh_s: dict[str, float] = {}
        self._none_stale_before = 0.0

    def watch(self, services: Sequence[Service], known: Mapping[str, State]) -> None:
        """Take over a set of services; `known` are states from history for those not held yet.

        A service that stays keeps its state, also under a new name, one that left is forgotten, one
        that is disabled turns UNKNOWN.
        """
        for lane in self._lanes:
            lane.sink.retarget(services)
        now = time.monotonic()
        self._services = {s.name: s for s in services}
        self._states = {
            s.name: self._states.get(s.name)
            or self._states.get(s.was or s.name)
            or known.get(s.name, State())
            for s in services
        }
        self._fresh_s = {s.name: status.stale_after_s(s) for s in services}
        self._fresh_until = {name: now + fresh_s for name, fresh_s in self._fresh_s.items()}
        self._none_stale_before = 0.0
        self.signal((s for s in services if not s.enabled), Signal.DISABLED, clock.epoch_ms())

    def results(self, results: Sequence[Result]) -> None:
        """Weigh results in order, and tell every sink."""
        batch = []
        now = time.monotonic()
        for result in results:
            name = result.service
            state = self._states.get(name)
            if state is None:
                continue  # a reload removed the service while it was probed
            self._states[name], observation = status.step(state, result)
            until = self._fresh_until[name] = now + self._fresh_s[name]
            if until < self._none_stale_before:
                self._none_stale_before = until
            batch.append(observation)
        self._tell(batch)

    def signal(self, services: Iterable[Service], event: Signal, at: int) -> None:
        """Apply an event to services that it changes; `at` is in epoch milliseconds."""
        batch = []
        for service in services:
            state, observation = status.signal(self._states[service.name], service.name, at, event)
            self._states[service.name] = state
            if observation.transition:
                batch.append(observation)
        self._tell(batch)

    def expire(self) -> None:
        """Turn services UNKNOWN whose last result is too old to speak for them."""
        now = time.monotonic()
        if now < self._none_stale_before:  # a large fleet is not walked every second
            return
        untils = (until for until in self._fresh_until.values() if until >= now)
        self._none_stale_before = min(untils, default=0.0)
        stale = [self._services[name] for name, until in self._fresh_until.items() if until < now]
        held = [s for s in stale if self._states[s.name].status is not Status.UNKNOWN]
        self.signal(held, Signal.STALE, clock.epoch_ms())

    async def close(self) -> None:
        """Let every sink write what is queued for it, and close it."""
        await asyncio.gather(*(lane.close() for lane in self._lanes))

    def _tell(self, batch: list[Observation]) -> None:
        if batch:
            for lane in self._lanes:
                lane.put(batch)
