"""Notice when the event loop was kept from running: then a probe measures its own process."""

from __future__ import annotations

import asyncio
import time

BEAT_S = 0.005
STALL_S = 0.008  # a beat that is later than this was held up; less is jitter


class Pulse:
    """Beats on one event loop, and adds up the time by which beats came late."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stalled_s = 0.0
        self._wait()

    def stalled_s(self) -> float:
        """Seconds lost to stalls so far, one that has only just ended included."""
        late_s = time.monotonic() - self._due_s
        return self._stalled_s + (late_s if late_s > STALL_S else 0.0)

    def stop(self) -> None:
        """Beat no more."""
        self._timer.cancel()

    def _beat(self) -> None:
        self._stalled_s = self.stalled_s()
        self._wait()

    def _wait(self) -> None:
        self._due_s = time.monotonic() + BEAT_S
        self._timer = self._loop.call_later(BEAT_S, self._beat)
