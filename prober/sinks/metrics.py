"""The services' series for Prometheus, kept as text that is rendered anew only where it changed.

prometheus-client walks an object per label set, which takes hundreds of milliseconds at 1,000
services. Here services stand in blocks, and each block keeps its text, also deflated. Where a
fleet is so large that a scrape could not render all that changed since the last one, the blocks
that have waited longest are rendered as results come in.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Container, Iterator, Sequence

from prober.model import Observation, Service
from prober.sinks.base import Sink
from prober.sinks.series import FAMILIES, Series

BLOCK = 256  # services in a block: rendering one takes the loop a few milliseconds
WAITING = 8  # blocks that may wait for a scrape to render them


class Text:
    """Some lines of the text format."""

    __slots__ = ("_deflated", "plain")

    def __init__(self, plain: bytes, *, deflate: bool = False) -> None:
        self.plain = plain
        self._deflated = _deflate(plain) if deflate else None

    @property
    def deflated(self) -> bytes:
        """The same as whole blocks of a deflate stream (RFC 1951), which others may follow."""
        if self._deflated is None:
            self._deflated = _deflate(self.plain)
        return self._deflated


def _deflate(plain: bytes) -> bytes:
    # Level 1: text this repetitive shrinks tenfold at it, and higher ones cost much more time.
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(plain) + packer.flush(zlib.Z_FULL_FLUSH)


_HEADS = tuple(Text(family.head.encode()) for family in FAMILIES)


class Metrics(Sink):
    """The series of every enabled service. Every method is for the event loop's thread.

    `phase` says by a service's name where in its interval it is probed, from 0 to 1. Services that
    are probed shortly after each other share a block, which then seldom changes.
    """

    name = "metrics"
    lossless = False
    linger_s = 0.0

    def __init__(
        self, services: Sequence[Service], phase: Callable[[str], float] = lambda name: 0.0
    ) -> None:
        self._phase = phase
        self._series: dict[str, Series] = {}
        self._retarget(services)

    def retarget(self, services: Sequence[Service]) -> None:
        """Follow a new configuration: what stays counts on, and what left loses its series."""
        self._retarget(services)

    def _retarget(self, services: Sequence[Service]) -> None:
        watched = [s for s in services if s.enabled]
        watched.sort(key=lambda s: (s.interval_s, self._phase(s.name)))
        known = self._series
        self._series = {s.name: known.get(s.name) or Series(s.name) for s in watched}
        every = list(self._series.values())
        self._blocks = [_Block(every[i : i + BLOCK]) for i in range(0, len(every), BLOCK)]
        self._block_of = {s.name: self._blocks[i // BLOCK] for i, s in enumerate(watched)}
        self._changed = dict.fromkeys(self._blocks)

    async def write(self, batch: Sequence[Observation]) -> None:
        """Count a batch; an observation of a service that has no series is ignored."""
        for observation in batch:
            series = self._series.get(observation.service)
            if series is not None:
                series.take(observation)
                self._changed[self._block_of[observation.service]] = None
        # No more than the batch is worth, also where it is scattered over all blocks.
        await self._render(min(len(self._changed) - WAITING, 1 + 2 * len(batch) // BLOCK))

    def maintain(self, under: Container[str]) -> None:
        """Mark the services that are in maintenance now."""
        for name, series in self._series.items():
            if series.maintenance != (name in under):
                series.maintenance = not series.maintenance
                self._changed[self._block_of[name]] = None

    async def close(self) -> None:
        """Nothing to let go of."""

    @property
    def waiting(self) -> int:
        """Blocks that changed since they were rendered."""
        return len(self._changed)

    def render(self) -> str:
        """All services' series in the text format, family by family, ending in a newline."""
        for block in self._changed:
            block.render(deflate=False)
        self._changed.clear()
        return b"".join(text.plain for text in self._texts()).decode()

    async def texts(self) -> list[Text]:
        """The same in pieces, deflated; lets others run while it renders."""
        await self._render(len(self._changed))
        return list(self._texts())

    def _texts(self) -> Iterator[Text]:
        for family, head in enumerate(_HEADS):
            yield head
            yield from (block.texts[family] for block in self._blocks)

    async def _render(self, most: int) -> None:
        """Render the blocks that have waited longest."""
        for block in list(self._changed)[: max(most, 0)]:
            if block in self._changed:  # else somebody else did
                del self._changed[block]
                block.render(deflate=True)
                await asyncio.sleep(0)


class _Block:
    """Some services' series with their text, a piece for each family."""

    __slots__ = ("_series", "_texts")

    def __init__(self, series: list[Series]) -> None:
        self._series = series
        self._texts: tuple[Text, ...] = ()

    @property
    def texts(self) -> tuple[Text, ...]:
        """As it was rendered last."""
        if not self._texts:  # a reload came in the middle of a scrape
            self.render(deflate=False)
        return self._texts

    def render(self, *, deflate: bool) -> None:
        """Make the text anew."""
        lines = ("".join(map(family.lines, self._series)) for family in FAMILIES)
        self._texts = tuple(Text(text.encode(), deflate=deflate) for text in lines)
