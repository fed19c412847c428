"""CPU time per start: prober's wheel beside one APScheduler job for each service.

    python -m bench.schedule_cost [--services 1000] [--seconds 10]

Each service starts once a second, and starting does nothing. The two run one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import time

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from prober import loop
from prober.model import Service
from prober.schedule import Schedule


class Count:
    """Counts starts."""

    def __init__(self) -> None:
        self.starts = 0

    def __call__(self, _service: Service, _slot_s: float) -> None:
        self.starts += 1

    async def job(self) -> None:
        self.starts += 1


async def wheel(services: int, seconds: float) -> float:
    """CPU µs per start of prober's schedule."""
    count = Count()
    schedule = Schedule(count, 0.0)
    names = (f"service-{n}" for n in range(services))
    schedule.replace([Service(name, "http://h:1", "h", 1, interval_s=1.0) for name in names])
    return await spent_us(count, seconds)


async def jobs(services: int, seconds: float) -> float:
    """CPU µs per start with a job for each service."""
    count = Count()
    scheduler = AsyncIOScheduler()
    for _ in range(services):
        scheduler.add_job(count.job, "interval", seconds=1, jitter=1)
    scheduler.start()
    return await spent_us(count, seconds)


async def spent_us(count: Count, seconds: float) -> float:
    """CPU time of this process over the starts of so many seconds."""
    await asyncio.sleep(2)
    before, starts = time.process_time(), count.starts
    await asyncio.sleep(seconds)
    return 1e6 * (time.process_time() - before) / (count.starts - starts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    for name, measure in (("a job for each service", jobs), ("the wheel", wheel)):
        cost = loop.run(measure(options.services, options.seconds))
        print(f"{name:24} {cost:6.1f} CPU µs a start")


if __name__ == "__main__":
    main()
