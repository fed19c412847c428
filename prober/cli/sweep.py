"""Probe many services once, at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from prober import clock
from prober.check import Checker
from prober.model import Result, Service


async def sweep(
    services: Sequence[Service], concurrency: int, done: Callable[[int], None]
) -> list[Result]:
    """One result per service, in their order; `done` is called with 1 after each.

    At most `concurrency` probes run at once, so that fewer dead services than that cost one
    timeout together.
    """
    checker, gate = Checker(), asyncio.Semaphore(concurrency)

    async def probe(service: Service) -> Result:
        async with gate:
            result = await checker.check(service, clock.epoch_ms())
        done(1)
        return result

    try:
        return await asyncio.gather(*map(probe, services))
    finally:
        checker.close()
