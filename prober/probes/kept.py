"""Keep connections to services for the next request."""

from __future__ import annotations

import asyncio
import time

from prober.probes.connection import Connection
from prober.probes.speaking import Place

MOST_IDLE = 4096
IDLE_S = 118.0  # libcurl's, too: what stands between may have forgotten a connection by then


class Kept:
    """Idle connections of one event loop; `close` it on that loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._idle: dict[Place, list[Connection]] = {}
        self._count = 0
        self._sweeping: asyncio.TimerHandle | None = None

    def take(self, place: Place, addresses: tuple[str, ...]) -> Connection | None:
        """A connection that leads to a place, by one of the addresses that its host has now."""
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            self._count -= 1
            rested_s = time.monotonic() - connection.idle_since_s
            if connection.is_open() and rested_s < IDLE_S and connection.address in addresses:
                return connection
            connection.drop()
        return None

    def keep(self, connection: Connection) -> None:
        """Have a connection ready that waits for no answer."""
        if self._count >= MOST_IDLE:
            connection.drop()
            return
        connection.idle_since_s = time.monotonic()
        self._idle.setdefault(connection.place, []).append(connection)
        self._count += 1
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(IDLE_S, self._sweep)

    def forget(self, connection: Connection) -> None:
        """Have a connection no more, if it was kept at all."""
        idle = self._idle.get(connection.place, [])
        if connection in idle:
            idle.remove(connection)
            self._count -= 1

    def close(self) -> None:
        """Forget all connections."""
        self._idle.clear()
        if self._sweeping is not None:
            self._sweeping.cancel()

    def _sweep(self) -> None:
        """Close what nobody has used for long: its service may be gone from the plan."""
        oldest_s = time.monotonic() - IDLE_S
        for place, idle in list(self._idle.items()):
            for connection in [c for c in idle if c.idle_since_s <= oldest_s]:
                connection.drop()
                self.forget(connection)
            if not self._idle[place]:
                del self._idle[place]
        again = self._count > 0
        self._sweeping = self._loop.call_later(IDLE_S, self._sweep) if again else None
