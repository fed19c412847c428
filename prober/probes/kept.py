"""Keep plain connections to services, and fetch over them without libcurl."""

from __future__ import annotations

import asyncio
import functools
import time
from contextlib import suppress

import pycurl

from prober.model import Phase, Timings
from prober.probes.connection import Connection, Redirected, Stale, now_us
from prober.probes.exchange import Exchange
from prober.probes.faults import Failed
from prober.probes.speaking import MOST_REMEMBERED, Place, Spoken
from prober.probes.transfer import failed_exchange

MOST_IDLE = 4096
IDLE_S = 118.0  # libcurl's, too: what stands between may have forgotten a connection by then
HEAD_START_S = 0.2  # of one of localhost's addresses before the next, as in libcurl


class Unconnected(Exception):
    """No connection came about; `exchange` tells why."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange.message)
        self.exchange = exchange


class Kept:
    """Plain connections of one event loop; `close` it on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[Place, list[Connection]] = {}
        self._idle_count = 0
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[object]] = set()
        self._redirected: set[Spoken] = set()
        self._sweeping: asyncio.TimerHandle | None = None

    async def fetch(self, spoken: Spoken, timeout_s: float) -> Exchange | None:
        """Send a request and wait for what comes of it; None where a redirect is to be followed.

        A request that has once been answered so is not sent again: the next time None comes at
        once.
        """
        if spoken in self._redirected:
            return None
        began_us = now_us()
        connection = self._take(spoken.place)
        try:
            if connection is not None:
                with suppress(Stale):  # the service closed it just now, and isn't blamed for that
                    return await connection.ask(spoken, began_us, timeout_s, self._loop)
            connection = await self._connect(spoken.place, began_us, timeout_s)
            left_s = timeout_s - (now_us() - began_us) / 1e6
            return await connection.ask(spoken, began_us, left_s, self._loop)
        except Unconnected as failed:
            return failed.exchange
        except Redirected:
            self._remember(spoken)
            return None
        except asyncio.CancelledError:
            if connection is not None:
                connection.drop()
            raise

    def close(self) -> None:
        """Cancel what runs, and close every connection."""
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.drop()
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _take(self, place: Place) -> Connection | None:
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            self._idle_count -= 1
            if connection.is_open() and time.monotonic() - connection.idle_since_s < IDLE_S:
                return connection
            connection.drop()
        return None

    def _keep(self, connection: Connection) -> None:
        if self._idle_count >= MOST_IDLE:
            connection.drop()
            return
        connection.idle_since_s = time.monotonic()
        self._idle.setdefault(connection.place, []).append(connection)
        self._idle_count += 1
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(IDLE_S, self._sweep)

    def _sweep(self) -> None:
        """Close what nobody has used for long: its service may be gone from the plan."""
        oldest_s = time.monotonic() - IDLE_S
        for place, idle in list(self._idle.items()):
            for connection in [c for c in idle if c.idle_since_s <= oldest_s]:
                connection.drop()
                self._forget(connection)
            if not self._idle[place]:
                del self._idle[place]
        again = self._idle_count > 0
        self._sweeping = self._loop.call_later(IDLE_S, self._sweep) if again else None

    def _forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        idle = self._idle.get(connection.place, [])
        if connection in idle:
            idle.remove(connection)
            self._idle_count -= 1

    def _remember(self, spoken: Spoken) -> None:
        if len(self._redirected) >= MOST_REMEMBERED:
            self._redirected.clear()  # services that a reload has done away with stay for ever
        self._redirected.add(spoken)

    async def _connect(self, place: Place, began_us: int, timeout_s: float) -> Connection:
        addresses, port = place
        for address in addresses[:-1]:
            left_s = timeout_s - (now_us() - began_us) / 1e6
            try:
                return await self._connect_to(address, place, min(HEAD_START_S, left_s))
            except OSError:
                continue
        left_s = timeout_s - (now_us() - began_us) / 1e6
        try:
            return await self._connect_to(addresses[-1], place, left_s)
        except OSError as error:  # TimeoutError is one
            peer = _peer(addresses[-1], port)
            raise Unconnected(_unconnected(error, peer, now_us() - began_us)) from error

    async def _connect_to(self, address: str, place: Place, timeout_s: float) -> Connection:
        peer = _peer(address, place[1])
        made = functools.partial(Connection, place, peer, self._keep, self._forget)
        task = asyncio.current_task()
        assert task is not None
        self._connecting.add(task)
        try:
            async with asyncio.timeout(timeout_s):
                _, connection = await self._loop.create_connection(made, address, place[1])
        finally:
            self._connecting.discard(task)
        self._open.add(connection)
        return connection


def _peer(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _unconnected(error: OSError, peer: str, took_us: int) -> Exchange:
    late = isinstance(error, TimeoutError) and not error.errno
    code = pycurl.E_OPERATION_TIMEDOUT if late else pycurl.E_COULDNT_CONNECT
    failed = Failed(code, "", error.errno or 0, Phase.CONNECT, peer)
    took_ms = took_us / 1000
    return failed_exchange(failed, Timings(0.0, took_ms, 0.0, 0.0, 0.0), took_ms)
