"""What prober calls a service's latency is what a second measurer, curl, finds too."""

from __future__ import annotations

import asyncio
import shutil
import statistics

import pytest
from servers import response, says, serving

from prober import clock
from prober.check import Checker
from prober.model import Service

DELAY_S = 0.020
TIMES = 21
TRIES = 3
WITHIN_MS = 1.0


async def by_curl(url: str) -> list[float]:
    """What the program curl measures for requests in turn, in milliseconds."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    quiet = ("--silent", "--write-out", "%{stderr}%{time_total}\n", *TIMES * (url,))
    running = await asyncio.create_subprocess_exec(
        curl, *quiet, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await running.communicate()
    return [1000 * float(line) for line in said.split()]


async def by_prober(service: Service) -> list[float]:
    checker = Checker()
    results = [await checker.check(service, clock.epoch_ms()) for _ in range(TIMES)]
    checker.close()
    return [result.latency_ms or 0.0 for result in results]


async def apart_ms(service: Service, url: str) -> float:
    # At the same time, so that what else this machine does is the same for both.
    ours, theirs = await asyncio.gather(by_prober(service), by_curl(url))
    return abs(statistics.median(ours) - statistics.median(theirs))


@pytest.mark.parametrize("keep_alive", [False, True])
async def test_the_median_latency_is_what_curl_measures(keep_alive: bool) -> None:
    with serving(says(response(200, b"well"), DELAY_S)) as server:
        service = Service("slow", server.url, server.host, server.port, keep_alive=keep_alive)

        # A busy machine may spoil a try; a wrong measurement is wrong in each.
        apart = [await apart_ms(service, f"{server.url}/health") for _ in range(TRIES)]

    assert min(apart) <= WITHIN_MS
