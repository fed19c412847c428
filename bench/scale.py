"""Can one prober watch a large fleet? Rhythm, memory, and how free its main process stays.

    python -m bench.scale [--services 10000] [--interval 10s] [--seconds 60] [--workers 1]

The page, and /metrics as Prometheus asks for it, are fetched every 5 s meanwhile, and /health ten
times a second: its slowest answer is how long the main process was deaf. Exits with 1 where a goal
is missed: a slot, 50 ms of lag (p99), 500 ms for an answer, or a result that is not stored.
"""

from __future__ import annotations

import argparse
import gzip
import http.client
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from bench import stage

LAG_LIMIT_S = 0.05
LAG = 'prober_schedule_lag_seconds_bucket{le="'
ANSWER_LIMIT_S = 0.5
ROUND_S = 5.0
HEALTH_S = 0.1
START_S = 5.0  # what comes before is the start, and told apart
HEADERS = {"/": {}, "/metrics": {"Accept-Encoding": "gzip"}, "/metrics plain": {}}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--interval", default="10s")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage.nginx(folder / "nginx") as port:
            watched = stage.services(options.services, f"http://127.0.0.1:{port}")
            begun = time.monotonic()
            with stage.prober(folder, watched, options.interval, workers=options.workers) as daemon:
                print(f"start {time.monotonic() - begun:.1f} s, load {os.getloadavg()[0]:.1f}")
                well = watch(daemon, options.seconds)
                probes = stage.series(fetch(daemon, "/metrics"), "prober_probes_total")
        with closing(sqlite3.connect(folder / "prober.db")) as database:
            (stored,) = database.execute("SELECT count(*) FROM results").fetchone()
    print(f"probes {probes:.0f} (and those of the last second), stored {stored}")
    return int(not well or stored < probes)


def watch(daemon: stage.Daemon, seconds: float) -> bool:
    """Watch a daemon for so long, print what was found, and say whether it met the goals."""
    begun = time.monotonic()
    while not ready(daemon):
        time.sleep(0.2)
    print(f"ready {time.monotonic() - begun:.1f} s later")
    deaf = Deaf(daemon)
    took: dict[str, list[float]] = {path: [] for path in HEADERS}
    end = time.monotonic() + seconds
    used = {pid: stage.cpu_s(pid) for pid in daemon.pids()}
    peaks = dict.fromkeys(used, 0.0)
    begun = time.monotonic()
    time.sleep(START_S)
    start = fetch(daemon, "/metrics")
    while time.monotonic() < end:
        time.sleep(ROUND_S)
        for path, times in took.items():
            before = time.monotonic()
            request(daemon, path)
            times.append(time.monotonic() - before)
        peaks = {pid: max(peak, stage.rss_mb(pid)) for pid, peak in peaks.items()}
    passed = time.monotonic() - begun
    for pid, before in used.items():
        share = 100 * (stage.cpu_s(pid) - before) / passed
        print(f"process {pid}: {share:.1f} % of a core, RSS {peaks[pid]:.0f} MB")
    print(f"RSS of all processes {sum(peaks.values()):.0f} MB, load {os.getloadavg()[0]:.1f}")
    for path, times in took.items():
        told = (min(times), statistics.median(times), max(times))
        print(f"{path:14}", "min, median, max ms:", *(f"{1000 * t:.0f}" for t in told))
    print(f"/health slowest {1000 * deaf.end():.0f} ms")
    return (
        rhythm(start, fetch(daemon, "/metrics")) and max(map(max, took.values())) < ANSWER_LIMIT_S
    )


def ready(daemon: stage.Daemon) -> bool:
    """Whether its workers have spoken."""
    with closing(http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)) as connection:
        connection.request("GET", "/ready")
        return connection.getresponse().status == HTTPStatus.OK


def rhythm(start: str, metrics: str) -> bool:
    """Print lag and missed slots, and say whether they are as they should be."""
    missed = stage.series(metrics, "prober_missed_slots_total")
    first, later = buckets(start), buckets(metrics)
    settled = {bound: count - first[bound] for bound, count in later.items()}
    for name, counts in ((f"in the first {START_S:.0f} s", first), ("afterwards", settled)):
        told = (f"p{100 * q:.0f} {1000 * quantile(counts, q):.1f} ms" for q in (0.5, 0.99))
        print(f"lag {name}:", *told)
    print(f"missed {missed:.0f}")
    return missed == 0 and quantile(settled, 0.99) <= LAG_LIMIT_S


def buckets(metrics: str) -> dict[float, float]:
    """The histogram of lag: how many probes started at most so many seconds late."""
    lines = (line.removeprefix(LAG) for line in metrics.splitlines() if line.startswith(LAG))
    return {float(le): float(count) for le, _, count in (s.partition('"} ') for s in lines)}


def quantile(counts: dict[float, float], q: float) -> float:
    """A quantile in seconds, interpolated in its bucket as Prometheus does it."""
    rank, low, below = q * counts[float("inf")], 0.0, 0.0
    for bound, count in counts.items():
        if count >= rank and count > below:
            share = (rank - below) / (count - below)
            return low if bound == float("inf") else low + (bound - low) * share
        low, below = bound, count
    return low


def request(daemon: stage.Daemon, path: str) -> bytes:
    """The body of an answer, as it came."""
    with closing(http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=60)) as connection:
        connection.request("GET", path.partition(" ")[0], headers=HEADERS[path])
        return connection.getresponse().read()


def fetch(daemon: stage.Daemon, path: str) -> str:
    """The body of an answer that was asked for with gzip."""
    return gzip.decompress(request(daemon, path)).decode()


class Deaf:
    """Asks for /health again and again, on one connection, from a thread of its own."""

    def __init__(self, daemon: stage.Daemon) -> None:
        self._port = daemon.port
        self._ending = threading.Event()
        self._slowest = 0.0
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def end(self) -> float:
        """Stop asking: the longest wait, in seconds."""
        self._ending.set()
        self._thread.join()
        return self._slowest

    def _ask(self) -> None:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)) as connection:
            while not self._ending.wait(HEALTH_S):
                before = time.monotonic()
                connection.request("GET", "/health")
                connection.getresponse().read()
                self._slowest = max(self._slowest, time.monotonic() - before)


if __name__ == "__main__":
    sys.exit(main())
