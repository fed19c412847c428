"""The composition root: builds every part of the daemon, and owns its start and its end."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from operator import attrgetter

import structlog

from prober import clock, launch, logs, loop, systemd
from prober.config import load
from prober.config.tree import Config
from prober.errors import ConfigError, ProberError
from prober.gateway import app as gateway
from prober.gateway import server
from prober.gateway.admission import Admission
from prober.gateway.context import Context, Progress, Word
from prober.gateway.intake import Intake
from prober.gateway.outward import Outward
from prober.gateway.reception import Reception
from prober.housekeeping import Housekeeping
from prober.hub import Hub
from prober.maintaining import Maintaining
from prober.model import Service
from prober.pipeline import Pipeline
from prober.recall import Recall, recall
from prober.schedule import anchor, fraction
from prober.sinks.metrics import Metrics
from prober.sinks.state import State
from prober.sinks.store import Store
from prober.sinks.stream import Stream
from prober.status import Signal
from prober.storage import migrate, renaming
from prober.storage.ledger import Ledger
from prober.storage.reader import Reader
from prober.storage.retention import Keep
from prober.storage.upkeep import Upkeep
from prober.supervisor import Supervisor
from prober.telemetry import Telemetry

END_S = 4.5  # when the end has to be over; by then all that was measured is safe
STALL_S = 10.0  # a part that has made no progress for so long is stalled
TICK_S = 1.0  # how often the daemon looks for stale services and at its own progress
# The keys that a reload can't change.
FIXED = (
    "store",
    "workers",
    "gateway.host",
    "gateway.port",
    "gateway.title",
    "gateway.module",
    "gateway.version",
    "gateway.aliases",
    "gateway.forward",
    "gateway.breaker",
    "gateway.chat",
    "gateway.events",
    "gateway.limits.connections",
    "gateway.limits.head_time",
    "gateway.limits.write_time",
)

log = structlog.get_logger(__name__)


def run(config_paths: Sequence[str], log_format: logs.Format, log_level: str) -> None:
    """Run the daemon until SIGTERM or SIGINT; raises `ProberError` where it can't start."""
    logs.configure(log_format, log_level)
    read = partial(load.read, config_paths, os.environ)
    config = read()
    with server.bind(config.gateway.host, config.gateway.port) as listener:
        migrate.ensure(config.store.url, config.store.migrate)
        start_worker = _worker_start(config.workers, log_format, log_level)
        loop.run(_live(config, read, listener, start_worker))


async def _live(
    config: Config,
    read: Callable[[], Config],
    listener: socket.socket,
    start_worker: Callable[[], Awaitable[launch.Launched]],
) -> None:
    daemon = Daemon(config, read, listener, start_worker)
    running = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        running.add_signal_handler(number, daemon.stopping.set)
    running.add_signal_handler(signal.SIGHUP, daemon.reloading.set)
    await daemon.start()
    reloads = asyncio.create_task(daemon.reload_when_told())
    await daemon.watch()
    reloads.cancel()
    _end_by(END_S)
    await daemon.stop()


def _worker_start(
    workers: int, log_format: logs.Format, log_level: str
) -> Callable[[], Awaitable[launch.Launched]]:
    anchor_s = anchor(time.time(), time.monotonic())
    if workers == 0:
        return partial(launch.WorkerTask.launch, anchor_s)
    return partial(launch.WorkerProcess.launch, anchor_s, log_format, log_level)


class Daemon:
    """One running prober: its parts, and what is done to them from outside.

    `read` reads the configuration again. Built on the running event loop. Set `stopping` to end
    `watch`, and `reloading` for a reload.
    """

    def __init__(
        self,
        config: Config,
        read: Callable[[], Config],
        listener: socket.socket,
        start_worker: Callable[[], Awaitable[launch.Launched]],
    ) -> None:
        self.stopping = asyncio.Event()
        self.reloading = asyncio.Event()
        self._config = config
        self._read = read
        self._reader = Reader(config.store.url, config.store.spool)
        self._telemetry = Telemetry()
        self._state = State()  # as of the metrics, the pipeline tells it what is watched
        self._metrics = Metrics((), fraction)
        self._maintaining = Maintaining(self._state, self._metrics)
        self._store = Store.build(config, config.services, self._telemetry)
        self._housekeeping = Housekeeping(Upkeep(config.store.url, _keep(config)))
        self._outward = Outward(config.gateway, config.store, self._telemetry)
        self._hub = Hub()
        ledger = Ledger(config.store.url, migrate=config.store.migrate)
        intake = Intake(ledger.append, ledger.close)
        self._reception = Reception(config.gateway.events, intake, self._hub, self._telemetry)
        stream = Stream(self._hub)
        sinks = [self._state, self._metrics, self._store, self._outward.breakers, stream]
        self._pipeline = Pipeline(sinks, self._telemetry)
        self._supervisor = Supervisor(
            start_worker, self._pipeline.results, self._lose, self._telemetry
        )
        self._admission = Admission(config.gateway, self._telemetry)
        app = gateway.build(self._context(config))
        self._gateway = server.Server(app, listener, config.gateway.limits)

    def _context(self, config: Config) -> Context:
        """What the gateway is told and may ask."""
        return Context(
            title=config.gateway.title,
            state=self._state,
            metrics=self._metrics,
            telemetry=self._telemetry,
            reader=self._reader,
            progress=self.progress,
            admission=self._admission,
            outward=self._outward,
            reception=self._reception,
            settings=config.gateway,
            maintenance=lambda: self._config.maintenance,
            on_demand=lambda: self._config.blackbox,
            ask=self._supervisor.ask,
        )

    async def start(self) -> None:
        """Go on from history, then start the workers and the gateway."""
        services = self._config.services
        memory = await asyncio.to_thread(self._recall, services)
        self._pipeline.watch(services, memory.states)
        for name, state in memory.states.items():
            self._state.restore(name, state.status, state.since, memory.latest.get(name))
        self._maintaining.take(self._config.maintenance, clock.epoch_ms())
        by_name = {s.name: s for s in services}
        for name, at in memory.expired.items():
            self._pipeline.signal([by_name[name]], Signal.STALE, at)
        self._supervisor.start(max(self._config.workers, 1), _enabled(services), memory.fresh)
        await self._metrics.texts()  # so that the first scrape finds them made
        await self._gateway.start()
        self._housekeeping.start()
        self._telemetry.reloaded(time.time())
        loop.settle()
        log.info("started", services=len(services), gateway=self._config.gateway.port)

    async def watch(self) -> None:
        """Until `stopping` is set: turn stale services UNKNOWN, and tell systemd of progress."""
        feeding = systemd.watchdog_interval_s() is not None
        ready = False
        due_s = time.monotonic()
        while not self.stopping.is_set():
            if time.monotonic() - due_s < TICK_S:  # else this process stood still, and results wait
                self._pipeline.expire()
            self._maintaining.look(clock.epoch_ms())
            well = self.progress().ready
            if well and not ready:
                systemd.notify("READY=1")
            if well and feeding:
                systemd.notify("WATCHDOG=1")
            ready = ready or well
            due_s = time.monotonic() + TICK_S
            await _wait(self.stopping, TICK_S)

    async def stop(self) -> None:
        """Let everything that was measured reach the database, then end."""
        systemd.notify("STOPPING=1")
        parts = (self._gateway.stop(), self._supervisor.stop(), self._housekeeping.stop())
        await asyncio.gather(*parts)
        await asyncio.gather(self._outward.close(), self._reception.close())
        self._reader.close()  # before the writer, which as SQLite's last user tidies its log away
        await self._pipeline.close()
        log.info("stopped")

    async def reload_when_told(self) -> None:
        """Take over the configuration anew each time that `reloading` is set.

        Where it can't be used, the old one stays.
        """
        while await self.reloading.wait():
            self.reloading.clear()
            systemd.notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
            try:
                config = await asyncio.to_thread(self._read)
                await asyncio.to_thread(self._rename, config.services)
                self._take(config)
            except ConfigError as error:
                self._telemetry.reload_ok.set(0)
                log.error("configuration not reloaded", problems=[str(p) for p in error.problems])
            systemd.notify("READY=1")

    def progress(self) -> Progress:
        """Whether the schedule and the store are getting on."""
        silence_s = self._supervisor.silence_s()
        quiet = silence_s is not None and silence_s > STALL_S
        schedule: Word = "starting" if silence_s is None else "stalled" if quiet else "ok"
        stuck = time.monotonic() - self._store.progress > STALL_S
        store: Word = "stalled" if stuck else "spooling" if self._store.spooling else "ok"
        return Progress(schedule, store, ready=schedule == "ok" and not stuck)

    def _rename(self, services: Sequence[Service]) -> None:
        """Let services keep their history under new names; a failure is told, and no more."""
        renames = {s.name: s.was for s in services if s.was is not None}
        try:
            lines = renaming.rename(self._config.store.url, renames)
        except ProberError as error:
            lines = [f"{error}; reload prober to try again"]
        for line in lines:
            log.error("service not renamed", problem=line)

    def _recall(self, services: Sequence[Service]) -> Recall:
        self._rename(services)
        statuses = self._reader.last_statuses()
        latest = self._reader.latest([s.name for s in services])
        return recall(services, statuses, latest, clock.epoch_ms())

    def _take(self, config: Config) -> None:
        for key in FIXED:
            if attrgetter(key)(config) != attrgetter(key)(self._config):
                log.warning("restart prober for this change to take effect", key=key)
        known = {s.name for s in _enabled(self._config.services)}
        watched = _enabled(config.services)
        self._config = config
        self._admission.take(config.gateway)
        self._pipeline.watch(config.services, {})
        self._maintaining.take(config.maintenance, clock.epoch_ms())
        self._supervisor.reload(watched, {s.name for s in watched} - known)
        self._telemetry.reloaded(time.time())
        log.info("configuration reloaded", services=len(config.services))

    def _lose(self, services: Iterable[Service]) -> None:
        self._pipeline.signal(services, Signal.LOST, clock.epoch_ms())


def _keep(config: Config) -> Keep:
    keep = config.store.keep
    # Minutes are made of results, which therefore stay as long.
    return Keep(max(keep.raw, keep.minute), keep.hour, keep.day, keep.size)


def _end_by(seconds: float) -> None:
    """End the process after this time, though threads may wait for a database that is stuck."""
    timer = threading.Timer(seconds, os._exit, (0,))
    timer.daemon = True
    timer.start()


def _enabled(services: Iterable[Service]) -> list[Service]:
    return [s for s in services if s.enabled]


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
