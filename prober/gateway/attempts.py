"""Wrong tokens: how many an address may show, and what the log says of them."""

from __future__ import annotations

import asyncio
from collections import Counter

import structlog

from prober.config.clients import Rate
from prober.gateway.buckets import Buckets, network

WINDOW_S = 60.0
LINES = 10  # a window has this many lines for new addresses, and one for the sum
ADDRESSES = 1000  # a window tells apart
OTHERS = "others"

log = structlog.get_logger(__name__)


class Attempts:
    """Counts wrong tokens by address, and tells the log: a line each at first, then a sum."""

    def __init__(self, rate: Rate | None = None, window_s: float = WINDOW_S) -> None:
        self.limit = Buckets(rate)
        self._window_s = window_s
        self._counts: Counter[str] = Counter()

    def failed(self, address: str, route: str) -> None:
        """Count a wrong token, which itself is never told."""
        self.limit.take(address)
        self.seen(address, route)

    def seen(self, address: str, route: str) -> None:
        """Tell of an attempt, also of one that was refused unseen."""
        if not self._counts:
            asyncio.get_running_loop().call_later(self._window_s, self._sum_up)
        client = network(address)
        if client not in self._counts:
            if len(self._counts) < LINES:
                log.warning("a wrong token", address=address, route=route)
            if len(self._counts) >= ADDRESSES:
                client = OTHERS
        self._counts[client] += 1

    def _sum_up(self) -> None:
        counts, self._counts = self._counts, Counter()
        if counts.total() > 1:
            log.warning(
                "wrong tokens",
                attempts=counts.total(),
                addresses=len(counts),
                most=dict(counts.most_common(3)),
                within_s=self._window_s,
            )
