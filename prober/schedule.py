"""When each service is probed: a wheel of slots, turned by APScheduler on the monotonic clock.

A service's slots are `phase + k * interval`, its phase being a stable hash of its name, so that
load is spread and a restart keeps the rhythm. Starting one APScheduler job for each service would
cost more than the probe; here one job fires for each stretch of the wheel that isn't empty, and a
timer of the event loop goes from slot to slot of that stretch.
"""

from __future__ import annotations

import asyncio
import math
import time
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from hashlib import blake2b
from operator import itemgetter

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

from prober.model import Service

STRETCH_S = 0.25  # how much of the wheel one firing hands to the loop's timers,
LEAD_S = 0.05  # and how long before the first of these slots it does so
# Slots so close to one that is due are taken along. Over kept connections each waking is dear; a
# new connection costs more, and others that begin with it would lengthen what is measured.
EARLY_S = 0.002
GRAIN_S = 0.0005  # of the loop's timers: closer than this there is nothing to wait for
FIRST_LOOK_S = 5.0  # within this time a service without history gets its first probe, and
FIRST_LOOKS_PER_S = 200  # no more than so many of them in a second

_EPOCH = datetime(1970, 1, 1)


def fraction(name: str) -> float:
    """A stable hash of a service's name in [0, 1): where in its interval the service stands."""
    return int.from_bytes(blake2b(name.encode(), digest_size=7).digest()) / 2**56


def anchor(epoch_s: float, monotonic_s: float) -> float:
    """What turns monotonic seconds into the epoch's; taken once: clock jumps move nothing."""
    return epoch_s - monotonic_s


class MonotonicZone(tzinfo):
    """A "time zone" whose now is the monotonic clock.

    APScheduler asks `datetime.now(zone)` for the time, which asks `zone.fromutc`. Answering from
    the monotonic clock there keeps the rhythm when the wall clock jumps.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock

    def at(self, seconds: float) -> datetime:
        """The moment at which the clock reads `seconds`."""
        return (_EPOCH + timedelta(seconds=seconds)).replace(tzinfo=self)

    def fromutc(self, _: datetime) -> datetime:
        return self.at(self._clock())

    def utcoffset(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def dst(self, _: datetime | None) -> timedelta:
        return timedelta(0)

    def tzname(self, _: datetime | None) -> str:
        return "monotonic"


class Ring:
    """The services of one interval, in the order of their phases, and how far it has turned."""

    def __init__(self, interval_s: float, services: Iterable[Service], anchor_s: float) -> None:
        self._interval_s = interval_s
        phased = ((fraction(s.name) * interval_s, s) for s in services)
        self._phased = sorted(phased, key=itemgetter(0))
        self._anchor_s = anchor_s
        self._cycle_s = 0.0
        self._index = 0

    def seek(self, moment_s: float) -> None:
        """Turn to the first slot at or after `moment_s` (monotonic seconds)."""
        cycle = math.floor((moment_s + self._anchor_s) / self._interval_s)
        self._cycle_s = cycle * self._interval_s - self._anchor_s
        self._index = bisect_left(self._phased, moment_s - self._cycle_s, key=itemgetter(0))
        self._wrap()

    def next_slot(self) -> float:
        """When the next slot is (monotonic seconds)."""
        return self._cycle_s + self._phased[self._index][0]

    def turn(self, until_s: float) -> Iterator[tuple[float, Service]]:
        """The slots before `until_s`, with their services, turning past them."""
        while (slot := self.next_slot()) < until_s:
            yield slot, self._phased[self._index][1]
            self._index += 1
            self._wrap()

    def ahead(self, moment_s: float) -> Iterator[tuple[float, float, Service]]:
        """Each service with its share of the interval, and its first slot from a moment on."""
        turned = moment_s + self._anchor_s
        for phase, service in self._phased:
            slot = phase + math.ceil((turned - phase) / self._interval_s) * self._interval_s
            yield phase / self._interval_s, slot - self._anchor_s, service

    def _wrap(self) -> None:
        if self._index == len(self._phased):
            self._index = 0
            self._cycle_s += self._interval_s


class Schedule(BaseTrigger):  # type: ignore[misc]  # APScheduler ships no types
    """Calls `start(service, slot)` at each slot of each service, on the running event loop.

    `slot` is in monotonic seconds, and at most `EARLY_S` ahead. `start` decides what a late or an
    overlapping slot means. It is called outside of tasks.
    """

    def __init__(self, start: Callable[[Service, float], None], anchor_s: float) -> None:
        self._start = start
        self._anchor_s = anchor_s
        self._rings: list[Ring] = []
        self._slots: deque[tuple[float, Service]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._turned_s = time.monotonic()
        self._zone = MonotonicZone()
        self._loop = asyncio.get_running_loop()
        self._scheduler = AsyncIOScheduler(timezone=self._zone)
        self._scheduler.start()

    def replace(self, services: Iterable[Service], fresh: frozenset[str] = frozenset()) -> None:
        """Take over a new set of services; those that stay keep their slots.

        Services named in `fresh` are also probed once within seconds, if their slot is far off.
        """
        self._turn(time.monotonic())  # a slot that is due stays due
        by_interval: dict[float, list[Service]] = defaultdict(list)
        for service in services:
            by_interval[service.interval_s].append(service)
        self._rings = [Ring(s, group, self._anchor_s) for s, group in by_interval.items()]
        for ring in self._rings:
            ring.seek(self._turned_s)
        for ring in self._rings if fresh else ():
            self._look_first(ring, fresh)
        self._scheduler.remove_all_jobs()
        self._scheduler.add_job(
            self._fire, self, coalesce=True, max_instances=2, misfire_grace_time=None
        )

    def close(self) -> None:
        """Start nothing more."""
        self._rings = []
        self._slots.clear()
        # Not by a shutdown: that cancels a firing under way, and logs it as an error.
        self._scheduler.remove_all_jobs()

    def get_next_fire_time(self, previous: datetime | None, _now: datetime) -> datetime | None:
        """APScheduler's question: shortly before the next slot, a stretch at least after the last.

        It asks before the last firing has turned the wheel, so `previous` must count, too.
        """
        if not self._rings:
            return None
        due = self._zone.at(min(ring.next_slot() for ring in self._rings) - LEAD_S)
        return due if previous is None else max(due, previous + timedelta(seconds=STRETCH_S))

    async def _fire(self) -> None:
        # A coroutine, since APScheduler would run a plain function in a thread.
        self._turn(time.monotonic() + STRETCH_S + LEAD_S)

    def _turn(self, until_s: float) -> None:
        self._turned_s = max(self._turned_s, until_s)
        stretch = [slot for ring in self._rings for slot in ring.turn(self._turned_s)]
        self._slots.extend(sorted(stretch, key=itemgetter(0)))  # all of them after those before
        if self._timer is None:
            self._wait()

    def _wait(self) -> None:
        self._timer = None
        if self._slots:
            left_s = self._slots[0][0] - time.monotonic()
            self._timer = self._loop.call_later(max(left_s, 0.0), self._start_due)

    def _start_due(self) -> None:
        now_s = time.monotonic()
        try:
            while self._slots and _left_s(*self._slots[0], now_s) <= 0:
                slot, service = self._slots.popleft()
                self._start(service, slot)
        finally:  # the others don't depend on this one's start
            self._wait()

    def _look_first(self, ring: Ring, fresh: frozenset[str]) -> None:
        now = time.monotonic()
        spread = max(FIRST_LOOK_S, len(fresh) / FIRST_LOOKS_PER_S)
        for share, slot, service in ring.ahead(self._turned_s):
            first = now + share * spread
            if service.name in fresh and first + service.timeout_s < slot:
                self._loop.call_later(first - now, self._start, service, first)


def _left_s(slot: float, service: Service, now_s: float) -> float:
    """How long until this slot may start."""
    return slot - (EARLY_S if service.keep_alive else GRAIN_S) - now_s
