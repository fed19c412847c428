"""How many streams each client has, so that none takes them all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prober.gateway.buckets import network


class Seats:
    """Those that are taken, by client; for one event loop. It knows only clients that have one."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are taken."""
        return self._taken.total()

    def of(self, address: str) -> int:
        """How many the client at this address has."""
        return self._taken[network(address)]

    @contextmanager
    def one(self, address: str) -> Iterator[None]:
        """Take one, as long as the block lasts."""
        client = network(address)
        self._taken[client] += 1
        try:
            yield
        finally:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]
