"""The seam between the pipeline and what is told: one protocol, one lane in front of each sink."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from prober.model import Observation, Service


class Sink(Protocol):
    """Something that is told every observation, in order, in batches.

    A sink may be slow: it has a bounded queue of its own, and stalls nobody else. A `lossless`
    sink's queue never drops. `linger_s` is how long its queue gathers before it writes, so that
    a database sees few large batches.
    """

    name: str
    lossless: bool
    linger_s: float

    def retarget(self, services: Sequence[Service]) -> None:
        """Follow a new configuration: called before the first write, and at each reload."""

    async def write(self, batch: Sequence[Observation]) -> None:
        """Take a batch. What it raises is a defect: an outage must be handled inside."""

    async def close(self) -> None:
        """Finish what was written, and let go of files, threads and connections."""
