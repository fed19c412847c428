"""The worker: schedules and probes its services, and puts the results on its channel.

It does nothing else, so that no slow page, lock or notifier can stretch a measured latency. Run
as a module it is a process of its own: `python -m prober.worker FD ANCHOR LOG_FORMAT LOG_LEVEL`,
with FD a connected socket to the main process and ANCHOR as in `schedule.anchor`.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import time
from typing import cast

from prober import clock, logs, loop
from prober.answering import Answering
from prober.channel import Ask, Batch, Channel, ChannelClosed, PipeChannel, Plan, Stop
from prober.check import Checker
from prober.model import Result, Service
from prober.probes.eager import Eager
from prober.schedule import Schedule

FLUSH_S = 0.2  # results wait at most so long for company: each batch wakes many
HEARTBEAT_S = 1.0  # the main process hears from a worker at least so often


class Worker:
    """One set of services, probed at their slots until the channel says to stop."""

    def __init__(self, channel: Channel, anchor_s: float) -> None:
        self._channel = channel
        self._loop = asyncio.get_running_loop()
        self._checker = Checker()
        self._answering = Answering(channel)
        self._schedule = Schedule(self._begin, anchor_s)
        self._planned: dict[str, Service] = {}
        self._running: dict[str, Eager] = {}
        self._results: list[Result] = []
        self._missed = 0
        self._flush_timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Work until `Stop` comes or the channel closes."""
        heartbeat = asyncio.create_task(self._beat())
        try:
            await self._listen()
        except ChannelClosed:
            return
        finally:
            heartbeat.cancel()
            await self._end()

    async def _listen(self) -> None:
        while True:
            match await self._channel.receive():
                case Plan(services, fresh):
                    self._planned = {s.name: s for s in services}
                    loop.settle()
                    self._schedule.replace(services, fresh)
                case Ask() as ask:
                    self._answering.begin(ask)
                case Stop():
                    return

    def _begin(self, service: Service, slot_s: float) -> None:
        planned = self._planned.get(service.name)
        if planned is None or planned.interval_s != service.interval_s:
            return  # a reload came between the stretch and its slot
        if service.name in self._running:
            self._missed += 1
            return
        probing = Eager(self._loop, self._probe(planned, slot_s))
        self._running[service.name] = probing
        probing.begin()

    async def _probe(self, service: Service, slot_s: float) -> None:
        try:
            lag_ms = max((time.monotonic() - slot_s) * 1000, 0.0)
            result = await self._checker.check(service, clock.epoch_ms(), lag_ms)
            self._results.append(result)
            if self._flush_timer is None:
                self._flush_timer = self._loop.call_later(FLUSH_S, self._flush)
        finally:
            del self._running[service.name]

    async def _beat(self) -> None:
        while True:
            self._flush()
            await asyncio.sleep(HEARTBEAT_S)

    def _flush(self) -> None:
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        self._channel.send(Batch(self._results, self._missed, len(self._running)))
        self._results, self._missed = [], 0

    async def _end(self) -> None:
        self._schedule.close()
        self._planned = {}
        tasks = [probing.cancel() for probing in self._running.values()]
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._answering.end()
        self._checker.close()
        self._flush()
        await self._channel.close()


async def _serve(fd: int, anchor_s: float) -> None:
    # The main process decides when a worker ends: a signal that reaches all of prober's processes
    # would cut off results that are still on their way.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    loop.settle()
    channel = await PipeChannel.over(socket.socket(fileno=fd))
    await Worker(channel, anchor_s).run()


if __name__ == "__main__":
    logs.configure(cast(logs.Format, sys.argv[3]), sys.argv[4])
    loop.run(_serve(int(sys.argv[1]), float(sys.argv[2])))
