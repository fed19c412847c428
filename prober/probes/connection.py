"""One plain connection to a service, which carries one request after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pycurl

from prober.model import Phase, Timings
from prober.probes.exchange import Exchange
from prober.probes.faults import Failed
from prober.probes.parsing import Answer, Broken
from prober.probes.quick import Quick
from prober.probes.speaking import Place, Spoken
from prober.probes.transfer import failed_exchange


class Stale(Exception):
    """A connection that was used before was closed before anything of an answer came."""


class Redirected(Exception):
    """The answer is a redirect, which is to be followed."""


def now_us() -> int:
    """Microseconds on the clock that measures."""
    return time.monotonic_ns() // 1000


class Connection(asyncio.Protocol):
    """Asks, and reads one answer at a time.

    It calls `on_idle` when it may be asked again, and `on_lost` when it is gone. `place` is where
    it leads, `peer` what messages call that, and `idle_since_s` when it was last used.
    """

    def __init__(
        self,
        place: Place,
        peer: str,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.place = place
        self.peer = peer
        self.idle_since_s = 0.0
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._transport: asyncio.Transport
        self._timer: asyncio.TimerHandle
        self._spoken: Spoken
        self._done: asyncio.Future[Exchange] | None = None  # set while an answer is waited for
        self._quick: Quick | None = None
        self._answer: Answer | None = None  # None while nothing has come
        self._began_us = self._ready_us = self._first_us = 0
        self._is_used = False

    def ask(
        self, spoken: Spoken, began_us: int, left_s: float, loop: asyncio.AbstractEventLoop
    ) -> asyncio.Future[Exchange]:
        """Send a request, whose answer may take `left_s`; `began_us` is when its fetch began.

        The future raises Stale and Redirected. Who cancels it drops the connection.
        """
        self._spoken = spoken
        self._answer = None
        self._began_us = began_us
        # Nothing is to be connected where the connection is there already.
        self._ready_us = began_us if self._is_used else now_us()
        self._first_us = 0
        self._timer = loop.call_later(left_s, self._time_out)
        self._done = done = loop.create_future()
        self._transport.write(spoken.data)
        return done

    def drop(self) -> None:
        """Close the connection; who still waits for an answer is cancelled."""
        if self._done is not None:
            self._timer.cancel()
            self._done.cancel()
            self._done = None
        self._transport.abort()

    def is_open(self) -> bool:
        """Whether it may be asked."""
        return not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._done is None:  # who speaks unasked can't be trusted with the next request
            self._transport.abort()
        elif self._answer is not None:
            self._feed(self._answer, data)
        elif not self._is_read_at_once(data):
            spoken = self._spoken
            self._answer = Answer(spoken.is_bodiless, spoken.follows, spoken.body_limit)
            self._feed(self._answer, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._on_lost(self)
        if self._done is None:
            return
        if self._is_used and self._answer is None:
            self._settle(Stale())
        elif exc is not None:
            self._settle(self._failure(pycurl.E_RECV_ERROR, "", getattr(exc, "errno", 0) or 0))
        elif self._answer is None:
            self._settle(self._failure(pycurl.E_GOT_NOTHING, ""))
        else:
            self._end(self._answer)

    def _is_read_at_once(self, data: bytes) -> bool:
        if self._spoken.is_bodiless:
            return False
        quick = self._quick or Quick()
        found = quick.read(data, self._spoken.body_limit)
        self._quick = quick if found else None
        if found is None:
            return False
        self._first_us = now_us()
        self._settle(self._exchange(found[0], found[1], "1.1", False, self._first_us), True)
        return True

    def _feed(self, answer: Answer, data: bytes) -> None:
        try:
            answer.feed(data)
        except Broken as broken:
            self._note_first(answer)
            self._settle(self._failure(broken.code, broken.detail))
        else:
            self._note_first(answer)
            if answer.whole:
                self._conclude(answer)

    def _end(self, answer: Answer) -> None:
        try:
            answer.end()
        except Broken as broken:
            self._settle(self._failure(broken.code, broken.detail))
        else:
            self._conclude(answer)

    def _note_first(self, answer: Answer) -> None:
        if not self._first_us and answer.version is not None:
            self._first_us = now_us()

    def _time_out(self) -> None:
        self._settle(self._failure(pycurl.E_OPERATION_TIMEDOUT, ""))

    def _conclude(self, answer: Answer) -> None:
        if answer.leads_on:
            self._settle(Redirected())
            return
        exchange = self._exchange(answer.code, answer.body(), answer.version, answer.cut, now_us())
        self._settle(exchange, answer.keeps)

    def _settle(self, outcome: Exchange | Exception, keeps: bool = False) -> None:
        done, self._done = self._done, None
        self._timer.cancel()
        self._is_used = True
        if keeps:
            self._on_idle(self)
        else:
            self._transport.abort()
        if done is None or done.done():  # its task was cancelled in this very turn of the loop
            return
        if isinstance(outcome, Exception):
            done.set_exception(outcome)
        else:
            done.set_result(outcome)

    def _exchange(
        self, code: int | None, body: bytes, version: str | None, cut: bool, end_us: int
    ) -> Exchange:
        timings = self._timings(end_us)
        total_ms = (end_us - self._began_us) / 1000
        return Exchange(code, body, timings, total_ms, http_version=version, cut=cut)

    def _failure(self, code: int, detail: str, os_errno: int = 0) -> Exchange:
        end_us, answer = now_us(), self._answer
        phase = Phase.TRANSFER if self._first_us else Phase.PROCESSING
        failed = Failed(code, detail, os_errno, phase, self.peer)
        total_ms = (end_us - self._began_us) / 1000
        exchange = failed_exchange(failed, self._timings(end_us), total_ms)
        if answer is None:
            return exchange
        return exchange._replace(http_code=answer.code, body=answer.body())

    def _timings(self, end_us: int) -> Timings:
        first_us = self._first_us or end_us
        connect_ms = (self._ready_us - self._began_us) / 1000
        processing_ms = (first_us - self._ready_us) / 1000
        return Timings(0.0, connect_ms, 0.0, processing_ms, (end_us - first_us) / 1000)
