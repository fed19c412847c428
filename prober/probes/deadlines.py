"""Tell requests that their time is over: a timer of the loop's for each would cost more."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

TICK_US = 5_000  # a request is told at most so late


class Deadlines:
    """The deadlines of one event loop, in ticks of its clock; `close` it there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, set[Callable[[], None]]] = {}
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_tick = 0

    def add(self, due_us: int, tell: Callable[[], None]) -> int:
        """Have `tell` called soon after `due_us` (microseconds, monotonic); gives its tick."""
        tick = due_us // TICK_US + 1
        self._waiting.setdefault(tick, set()).add(tell)
        # An alarm that is too early is left alone: it rings, finds nothing due and is set again.
        if self._alarm is None or tick < self._alarm_tick:
            self._set_alarm(tick)
        return tick

    def remove(self, tick: int, tell: Callable[[], None]) -> None:
        """Have `tell` called no more, if it still waits."""
        waiting = self._waiting.get(tick)
        if waiting is not None:
            waiting.discard(tell)
            if not waiting:
                del self._waiting[tick]

    def close(self) -> None:
        """Tell nobody any more."""
        self._waiting.clear()
        if self._alarm is not None:
            self._alarm.cancel()

    def _set_alarm(self, tick: int) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_tick = tick
        left_s = tick * TICK_US / 1e6 - time.monotonic()
        self._alarm = self._loop.call_later(max(left_s, 0.0), self._ring)

    def _ring(self) -> None:
        self._alarm = None
        now = time.monotonic_ns() // (1000 * TICK_US)
        try:
            for tick in sorted(tick for tick in self._waiting if tick <= now):
                self._tell(tick)
        finally:  # the others don't depend on what one of them makes of it
            if self._waiting and self._alarm is None:
                self._set_alarm(min(self._waiting))

    def _tell(self, tick: int) -> None:
        waiting = self._waiting[tick]
        try:
            while waiting:
                waiting.pop()()
        finally:
            if not waiting:
                self._waiting.pop(tick, None)
