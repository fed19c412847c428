"""One connection to a service, which carries one request after the other."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast

import pycurl

from prober.model import Phase, Timings
from prober.probes.eager import Prompt
from prober.probes.exchange import Exchange
from prober.probes.faults import Failed
from prober.probes.parsing import Answer, Broken
from prober.probes.quick import Quick
from prober.probes.speaking import Place, Spoken
from prober.probes.transfer import failed_exchange


class Stale(Exception):
    """A connection that was used before was closed before anything of an answer came."""


class HandOver(Exception):
    """What came is for libcurl to judge, and so is this request from now on, for `lasts_s`."""

    def __init__(self, lasts_s: float) -> None:
        super().__init__()
        self.lasts_s = lasts_s


def now_us() -> int:
    """Microseconds on the clock that measures."""
    return time.monotonic_ns() // 1000


class Connection(asyncio.Protocol):
    """Asks, and reads one answer at a time.

    It calls `on_idle` when it may be asked again, and `on_lost` when it is gone. `place` is where
    it leads, `address` by which of its host's addresses, and `idle_since_s` when it was last used.
    """

    def __init__(
        self,
        place: Place,
        address: str,
        on_idle: Callable[[Connection], None],
        on_lost: Callable[[Connection], None],
    ) -> None:
        self.place = place
        self.address = address
        self.idle_since_s = 0.0
        self._loop = asyncio.get_running_loop()
        self.is_late = False  # the time was over before a connection came about
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._interrupt: Callable[[], object]
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle
        self._spoken: Spoken
        self._done: Prompt[Exchange] | None = None  # set while an answer is waited for
        self._quick: Quick | None = None
        self._answer: Answer | None = None  # None while nothing has come
        self._began_us = self._connected_us = self._ready_us = self._first_us = 0
        self._is_used = False
        self._tls_expiry: int | None = None

    def ask(
        self, spoken: Spoken, began_us: int, left_s: float, interrupt: Callable[[], object]
    ) -> asyncio.Future[Exchange]:
        """Send a request, whose answer may take `left_s`; `began_us` is when its fetch began.

        Where nothing is connected yet, it is sent as soon as that is; `interrupt` is called where
        the time is over before that. The future raises Stale and HandOver. Who cancels it drops
        the connection.
        """
        self._spoken = spoken
        self._answer = None
        self._began_us = began_us
        self._first_us = 0
        self._interrupt = interrupt
        self._timer = self._loop.call_later(left_s, self._time_out)
        done: Prompt[Exchange] = Prompt(loop=self._loop)
        self._done = done
        if self._transport is not None:
            # Nothing is to be connected where the connection is there already.
            self._connected_us = self._ready_us = began_us
            self._tls_expiry = None
            self._send(self._transport)
        return done

    def drop(self) -> None:
        """Close the connection; who still waits for an answer is cancelled."""
        if self._done is not None:
            self._timer.cancel()
            self._done.cancel()
            self._done = None
        if self._transport is not None:
            self._transport.abort()

    def is_open(self) -> bool:
        """Whether it may be asked."""
        # uvloop doesn't call a transport closing whose making was cancelled in its last moment.
        transport = self._transport
        return transport is not None and not transport.is_closing() and transport.is_reading()

    def unconnected(self, error: OSError) -> Exchange:
        """What a fetch has brought for which no connection came about. Raises HandOver."""
        self.drop()
        late = isinstance(error, TimeoutError) and not error.errno
        code = pycurl.E_OPERATION_TIMEDOUT if late else pycurl.E_COULDNT_CONNECT
        return self._failure(code, "", error.errno or 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._connected_us = now_us()
        if self._done is None:  # who asked has gone
            self._transport.abort()
        else:
            self._begin(self._transport)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._done is None:  # who speaks unasked can't be trusted with the next request
            self._abort()
        elif self._answer is not None:
            self._feed(self._answer, data)
        elif not self._is_read_at_once(data):
            spoken = self._spoken
            self._answer = Answer(spoken.is_bodiless, spoken.follows, spoken.body_limit)
            self._feed(self._answer, data)

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        self._on_lost(self)
        if self._done is not None:
            self._lose(exc)

    def _begin(self, transport: asyncio.Transport) -> None:
        """Make the new connection ready, and send the request."""
        self._ready_us = self._connected_us
        self._send(transport)

    def _send(self, transport: asyncio.Transport) -> None:
        transport.write(self._spoken.data)

    def _lose(self, exc: Exception | None) -> None:
        """Conclude from the end of the connection."""
        if self._is_used and self._answer is None:
            self._settle(Stale())
        elif exc is not None:
            self._settle(self._failure(pycurl.E_RECV_ERROR, "", getattr(exc, "errno", 0) or 0))
        else:
            self._end()

    def _close(self) -> None:
        """Part in good order."""
        self._abort()

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

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

    def _end(self) -> None:
        """The service sends no more."""
        if self._answer is None:
            self._settle(self._failure(pycurl.E_GOT_NOTHING, ""))
            return
        try:
            self._answer.end()
        except Broken as broken:
            self._settle(self._failure(broken.code, broken.detail))
        else:
            self._conclude(self._answer)

    def _note_first(self, answer: Answer) -> None:
        if not self._first_us and answer.version is not None:
            self._first_us = now_us()

    def _time_out(self) -> None:
        if self._transport is None:
            self.is_late = True
            self._interrupt()
        else:
            self._settle(self._failure(pycurl.E_OPERATION_TIMEDOUT, ""))

    def _conclude(self, answer: Answer) -> None:
        if answer.leads_on:
            self._settle(HandOver(float("inf")))
            return
        exchange = self._exchange(answer.code, answer.body(), answer.version, answer.cut, now_us())
        self._settle(exchange, answer.keeps)

    def _settle(self, outcome: Exchange | Exception, is_sound: bool = False) -> None:
        done, self._done = self._done, None
        self._timer.cancel()
        self._is_used = True
        if is_sound and self._spoken.keeps:
            self._on_idle(self)
        elif is_sound:
            self._close()
        else:
            self._abort()
        if done is None or done.done():  # its task was cancelled in this very turn of the loop
            return
        done.settle(outcome)

    def _exchange(
        self, code: int | None, body: bytes, version: str | None, cut: bool, end_us: int
    ) -> Exchange:
        timings = self._timings(end_us)
        total_ms = (end_us - self._began_us) / 1000
        return Exchange(
            code, body, timings, total_ms, self._tls_expiry, http_version=version, cut=cut
        )

    def _failure(self, code: int, detail: str, os_errno: int = 0) -> Exchange:
        end_us, answer = now_us(), self._answer
        host = f"[{self.address}]" if ":" in self.address else self.address
        peer = f"{host}:{self.place.port}"
        failed = Failed(code, detail, os_errno, self._phase(), peer)
        total_ms = (end_us - self._began_us) / 1000
        exchange = failed_exchange(failed, self._timings(end_us), total_ms)
        if answer is None:
            return exchange._replace(tls_expiry=self._tls_expiry)
        return exchange._replace(
            http_code=answer.code, body=answer.body(), tls_expiry=self._tls_expiry
        )

    def _phase(self) -> Phase:
        """The first phase that was not completed."""
        marks = {
            Phase.CONNECT: self._connected_us,
            Phase.TLS: self._ready_us,
            Phase.PROCESSING: self._first_us,
        }
        return next((phase for phase, mark in marks.items() if not mark), Phase.TRANSFER)

    def _timings(self, end_us: int) -> Timings:
        connected_us = self._connected_us or end_us
        ready_us = self._ready_us or end_us
        first_us = self._first_us or end_us
        return Timings(
            0.0,
            (connected_us - self._began_us) / 1000,
            (ready_us - connected_us) / 1000,
            (first_us - ready_us) / 1000,
            (end_us - first_us) / 1000,
        )
