"""Drive libcurl's multi interface by the event loop: many transfers at once.

libcurl says which sockets to watch and when to wake it. The sockets live in one epoll descriptor
that the loop watches as a single reader: registering each with the loop costs more than the
transfer does.
"""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Iterable

import pycurl

from prober.probes.exchange import Exchange, Options, Request
from prober.probes.transfer import Transfer

KEPT_CONNECTIONS = 4096  # libcurl's default follows the number of transfers, and drops idle ones
IDLE_TRANSFERS = 1024
EVENTS_A_TURN = 256

EVENTS = {
    pycurl.POLL_NONE: 0,
    pycurl.POLL_IN: select.EPOLLIN,
    pycurl.POLL_OUT: select.EPOLLOUT,
    pycurl.POLL_INOUT: select.EPOLLIN | select.EPOLLOUT,
}

# Anything else (an error, a hang-up) is for either side to find.
BOTH = pycurl.CSELECT_IN | pycurl.CSELECT_OUT
MASKS = {select.EPOLLIN: pycurl.CSELECT_IN, select.EPOLLOUT: pycurl.CSELECT_OUT}


class Driver:
    """One multi handle of libcurl, for one event loop; `close` it on that loop.

    `ca_file` is trusted by requests that choose no other.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ca_file: str) -> None:
        self._loop = loop
        self._ca_file = ca_file
        self._running: dict[pycurl.Curl, Transfer] = {}
        self._idle: dict[Options, list[Transfer]] = {}
        self._idle_count = 0
        self._watched: set[int] = set()
        self._due = math.inf  # when libcurl wants to be woken, on the loop's clock
        self._alarm: asyncio.Handle | None = None
        self._alarm_due = math.inf  # uvloop's handle doesn't tell once the time has come
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._postpone)
        self._multi.setopt(pycurl.M_MAXCONNECTS, KEPT_CONNECTIONS)
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._on_ready)

    async def transfer(self, request: Request, timeout_s: float, known: list[str]) -> Exchange:
        """Send a request; `known` is the addresses of its host, see `Transfer.aim`."""
        done: asyncio.Future[Exchange] = self._loop.create_future()
        transfer = self._take(request.options)
        transfer.aim(request, timeout_s, done, known)
        self._begin(transfer)
        try:
            return await done
        except asyncio.CancelledError:
            self._abandon(transfer)
            raise

    def close(self) -> None:
        """Cancel what runs, and let go of every connection."""
        for transfer in list(self._running.values()):
            self._abandon(transfer)
            transfer.done.cancel()
        if self._alarm is not None:
            self._alarm.cancel()
        self._idle.clear()
        self._loop.remove_reader(self._epoll.fileno())
        self._multi.close()
        self._epoll.close()

    def _begin(self, transfer: Transfer) -> None:
        self._multi.add_handle(transfer.curl)
        self._running[transfer.curl] = transfer
        # Now rather than by a timer of 0 ms, which would cost a turn of the loop.
        self._drive(((pycurl.SOCKET_TIMEOUT, 0),))

    def _take(self, options: Options) -> Transfer:
        idle = self._idle.get(options)
        if not idle:
            return Transfer(options, self._ca_file)
        self._idle_count -= 1
        return idle.pop()

    def _give_back(self, transfer: Transfer) -> None:
        if self._idle_count >= IDLE_TRANSFERS:
            # Options that a reload has done away with would stay for ever: begin anew.
            self._idle.clear()
            self._idle_count = 0
        self._idle_count += 1
        self._idle.setdefault(transfer.options, []).append(transfer)

    def _abandon(self, transfer: Transfer) -> None:
        if self._running.pop(transfer.curl, None) is not None:
            self._multi.remove_handle(transfer.curl)
            self._set_alarm()

    def _watch(self, what: int, fd: int, multi: pycurl.CurlMulti, data: object) -> None:
        if what == pycurl.POLL_REMOVE:
            self._watched.discard(fd)
            self._epoll.unregister(fd)
        elif fd in self._watched:
            self._epoll.modify(fd, EVENTS[what])
        else:
            self._watched.add(fd)
            self._epoll.register(fd, EVENTS[what])

    def _postpone(self, timeout_ms: int) -> None:
        self._due = math.inf if timeout_ms < 0 else self._loop.time() + timeout_ms / 1000

    def _on_ready(self) -> None:
        self._drive(
            [(fd, MASKS.get(event, BOTH)) for fd, event in self._epoll.poll(0, EVENTS_A_TURN)]
        )

    def _on_alarm(self) -> None:
        self._alarm, self._alarm_due = None, math.inf
        if self._loop.time() >= self._due:
            self._drive(((pycurl.SOCKET_TIMEOUT, 0),))
            # The loop's clock may be a millisecond early, and libcurl, with nothing due yet, then
            # keeps silent about a time that it has told already.
            self._postpone(self._multi.timeout())
        self._set_alarm()

    def _set_alarm(self) -> None:
        # An alarm that is too early is left alone: it rings, finds nothing due and is set again.
        if self._alarm_due <= self._due:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = self._loop.call_at(self._due, self._on_alarm)
        self._alarm_due = self._due

    def _drive(self, events: Iterable[tuple[int, int]]) -> None:
        running = len(self._running)
        for fd, mask in events:
            _, running = self._multi.socket_action(fd, mask)
        if running < len(self._running):
            self._reap()
        self._set_alarm()

    def _reap(self) -> None:
        more = 1
        while more:
            more, succeeded, failed = self._multi.info_read()
            for curl in succeeded:
                self._settle(curl, None, "")
            for curl, code, detail in failed:
                self._settle(curl, code, detail)

    def _settle(self, curl: pycurl.Curl, code: int | None, detail: str) -> None:
        transfer = self._running.pop(curl)
        if not transfer.done.done():  # else its task was cancelled in this very turn of the loop
            _tell(transfer, code, detail)
        self._multi.remove_handle(curl)
        self._give_back(transfer)


def _tell(transfer: Transfer, code: int | None, detail: str) -> None:
    try:
        exchange = transfer.exchange() if code is None else transfer.failure(code, detail)
    except Exception as defect:  # noqa: BLE001 - the one who waits gets it, the others go on
        transfer.done.set_exception(defect)
    else:
        transfer.done.set_result(exchange)
