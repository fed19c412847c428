"""Do services that hang disturb the others? Lag and latency of healthy ones, without and with them.

    python -m bench.hanging [--hanging 1000] [--healthy 100] [--seconds 20]

Those that hang accept a connection and never answer; the healthy ones are an nginx. Each is probed
every 2 s, with a timeout of 1 s. Exits with 1 where a healthy probe failed, the median latency
differs by over 1 ms, or 1 % of the healthy probes are over 50 ms late beside those that hang.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from bench import stage
from prober import loop
from prober.channel import Batch, Channel, Plan
from prober.launch import WorkerProcess
from prober.model import Outcome, Result, Service
from prober.schedule import anchor

WARM_UP_S = 8  # the first looks are over by then
LATENCY_LIMIT_MS = 1.0
LAG_LIMIT_MS = 50.0


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept, read what comes, and never answer."""
    while await reader.read(4096):
        pass
    writer.close()


def services(kind: str, count: int, port: int) -> list[Service]:
    """So many services of a kind at one port of loopback."""
    url = f"http://127.0.0.1:{port}"
    return [
        Service(f"{kind}-{n}", url, "127.0.0.1", port, interval_s=2.0, timeout_s=1.0)
        for n in range(count)
    ]


async def healthy_results(watched: list[Service], seconds: float) -> list[Result]:
    """What a worker process finds of the healthy ones among these services."""
    worker = await WorkerProcess.launch(anchor(time.time(), time.monotonic()), "console", "warning")
    worker.channel.send(Plan(tuple(watched)))
    results: list[Result] = []
    try:
        await _gather(worker.channel, results, WARM_UP_S)
        results.clear()
        await _gather(worker.channel, results, seconds)
    finally:
        await worker.end()
    return [result for result in results if result.service.startswith("healthy")]


async def _gather(channel: Channel, results: list[Result], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await channel.receive()
                if isinstance(message, Batch):
                    results += message.results
    except TimeoutError:
        return


def p99(values: Iterable[float]) -> float:
    """The value that a hundredth is above."""
    return statistics.quantiles(values, n=100)[98]


def told(name: str, results: list[Result]) -> tuple[float, float]:
    """Print the figures of a run; gives the median latency and p99 of the lag, in ms."""
    latencies = [result.latency_ms for result in results if result.latency_ms is not None]
    lags = [result.lag_ms for result in results]
    stalled = sum(result.stalled for result in results)
    print(
        f"{name:22} {len(results):6} probes, {stalled} stalled; ms:"
        f" latency median {statistics.median(latencies):.2f}, p99 {p99(latencies):.2f};"
        f" lag median {statistics.median(lags):.2f}, p99 {p99(lags):.2f}"
    )
    return statistics.median(latencies), p99(lags)


async def compare(options: argparse.Namespace, port: int) -> bool:
    """Run without those that hang, then with them: whether the healthy ones notice nothing."""
    server = await asyncio.start_server(hang, "127.0.0.1", 0, backlog=4096)
    healthy = services("healthy", options.healthy, port)
    hanging = services("hanging", options.hanging, server.sockets[0].getsockname()[1])
    alone = await healthy_results(healthy, options.seconds)
    beside = await healthy_results([*healthy, *hanging], options.seconds)
    server.close()
    before, _ = told("alone", alone)
    after, lag_ms = told(f"beside {options.hanging} that hang", beside)
    sound = all(result.outcome is Outcome.SUCCESS for result in (*alone, *beside))
    return sound and abs(after - before) <= LATENCY_LIMIT_MS and lag_ms <= LAG_LIMIT_MS


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--hanging", type=int, default=1000)
    parser.add_argument("--healthy", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, stage.nginx(Path(name)) as port:
        return int(not loop.run(compare(options, port)))


if __name__ == "__main__":
    sys.exit(main())
