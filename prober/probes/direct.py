"""Fetch over connections of our own, without libcurl."""

from __future__ import annotations

import asyncio
import time

from prober.model import Reason
from prober.probes.connection import Connection, HandOver, Stale, now_us
from prober.probes.eager import in_task
from prober.probes.exchange import Exchange
from prober.probes.faults import BEFORE_REQUEST
from prober.probes.kept import Kept
from prober.probes.reaching import reached
from prober.probes.secured import RETRIED_AFTER_S, Doubt, SecuredConnection
from prober.probes.securing import Trusts
from prober.probes.speaking import MOST_REMEMBERED, Place, Spoken


class Direct:
    """Connections of one event loop; `close` it on that loop.

    `ca_file` is trusted by requests that choose no other.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ca_file: str) -> None:
        self._loop = loop
        self._kept = Kept(loop)
        self._trusts = Trusts(ca_file)
        self._open: set[Connection] = set()
        self._connecting: set[asyncio.Task[object]] = set()
        self._handed_over: dict[Spoken, float] = {}  # until when, on the monotonic clock

    def declines(self, spoken: Spoken) -> bool:
        """Whether a request was handed to libcurl lately."""
        if not self._handed_over:  # to hash what is spoken costs more than all else here
            return False
        until_s = self._handed_over.get(spoken)
        return until_s is not None and time.monotonic() < until_s

    async def fetch(self, spoken: Spoken, addresses: tuple[str, ...], timeout_s: float) -> Exchange:
        """Send a request by one of the addresses of its host, and wait for what comes of it.

        Raises HandOver where libcurl is to send it instead.
        """
        began_us = now_us()
        if spoken.keeps:
            connection = self._kept.take(spoken.place, addresses)
            if connection is not None:
                try:
                    return await connection.ask(spoken, began_us, timeout_s, _never)
                except Stale:  # the service closed it just now, and isn't blamed for that
                    timeout_s -= (now_us() - began_us) / 1e6
                except asyncio.CancelledError:
                    connection.drop()
                    raise
        return await self._fetch_anew(spoken, addresses, began_us, timeout_s)

    def learn(self, spoken: Spoken, why: HandOver, exchange: Exchange) -> None:
        """Take notice of what libcurl has made of a request that was handed over."""
        if isinstance(why, Doubt) and exchange.phase not in BEFORE_REQUEST:
            why.clear()
            return
        if isinstance(why, Doubt) and exchange.reason is not Reason.TLS:
            return
        if len(self._handed_over) >= MOST_REMEMBERED:
            self._handed_over.clear()  # services that a reload has done away with stay for ever
        self._handed_over[spoken] = time.monotonic() + why.lasts_s

    def close(self) -> None:
        """Cancel what runs, and close every connection."""
        self._kept.close()
        for task in self._connecting:
            task.cancel()
        for connection in list(self._open):
            connection.drop()

    async def _fetch_anew(
        self, spoken: Spoken, addresses: tuple[str, ...], began_us: int, timeout_s: float
    ) -> Exchange:
        await in_task()
        connection = self._new(spoken.place, addresses[-1])
        task = asyncio.current_task()
        assert task is not None
        done = connection.ask(spoken, began_us, timeout_s, task.cancel)
        self._connecting.add(task)
        try:
            await self._connect(connection, addresses)
            self._connecting.discard(task)
            return await done
        except OSError as error:
            return connection.unconnected(error)
        except asyncio.CancelledError:
            if connection.is_late and not task.uncancel():
                return connection.unconnected(TimeoutError())
            connection.drop()
            raise
        finally:
            self._connecting.discard(task)

    async def _connect(self, connection: Connection, addresses: tuple[str, ...]) -> None:
        place = connection.place
        if len(addresses) == 1:
            await self._loop.create_connection(lambda: connection, addresses[0], place.port)
        else:
            sock = await reached(addresses, place.port)
            connection.address = sock.getpeername()[0]
            await self._loop.create_connection(lambda: connection, sock=sock)

    def _new(self, place: Place, address: str) -> Connection:
        if place.security is None:
            made = Connection(place, address, self._kept.keep, self._lose)
        else:
            try:
                trust = self._trusts.of(place.security)
            except OSError as error:  # libcurl says what is wrong with the file
                raise HandOver(RETRIED_AFTER_S) from error
            made = SecuredConnection(place, address, self._kept.keep, self._lose, trust)
        self._open.add(made)
        return made

    def _lose(self, connection: Connection) -> None:
        self._open.discard(connection)
        self._kept.forget(connection)


def _never() -> None:
    """Nothing is being connected that could be interrupted."""
