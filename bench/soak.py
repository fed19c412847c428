"""Does a fleet keep its rhythm? Missed slots, lag and stored results over a stretch of time.

    python -m bench.soak [--services 1000] [--interval 5s] [--seconds 120] [--workers 1]

The page and /metrics are asked every 5 s meanwhile. Exits with 1 where a slot was missed, over 1 %
of the probes start more than 50 ms late, or a result that was measured is not in the database after
the end.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from bench import stage

LAG_LIMIT_S = 0.05


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--interval", default="5s")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage.nginx(folder / "nginx") as port:
            metrics, rss_mb = soak(folder, options, f"http://127.0.0.1:{port}")
        with closing(sqlite3.connect(folder / "prober.db")) as database:
            (stored,) = database.execute("SELECT count(*) FROM results").fetchone()
    probes = stage.series(metrics, "prober_probes_total")
    missed = stage.series(metrics, "prober_missed_slots_total")
    late = 1 - within(metrics, LAG_LIMIT_S) / stage.series(
        metrics, "prober_schedule_lag_seconds_count"
    )
    print(f"services {options.services}, interval {options.interval}, {options.seconds:.0f} s")
    print(
        f"probes {probes:.0f} (and those of the last second), stored {stored}, missed {missed:.0f}"
    )
    print(f"probes that start over {LAG_LIMIT_S * 1000:.0f} ms late: {100 * late:.3f} %")
    print(f"RSS of all processes {rss_mb:.0f} MB")
    return int(missed > 0 or late > 0.01 or stored < probes)


def soak(folder: Path, options: argparse.Namespace, url: str) -> tuple[str, float]:
    """Run for the time asked: the metrics at the end, and the resident memory."""
    watched = stage.services(options.services, url)
    with stage.prober(folder, watched, options.interval, workers=options.workers) as daemon:
        end = time.monotonic() + options.seconds
        took: dict[str, list[float]] = {"/": [], "/metrics": []}
        while time.monotonic() < end:
            time.sleep(5)
            for path, times in took.items():
                times.append(timed(daemon, path))
        for path, times in took.items():
            median = statistics.median(times)
            print(f"{path:9} median {1000 * median:.0f} ms, slowest {1000 * max(times):.0f} ms")
        return daemon.get("/metrics"), sum(map(stage.rss_mb, daemon.pids()))


def timed(daemon: stage.Daemon, path: str) -> float:
    """How long a page takes, in seconds."""
    start = time.monotonic()
    daemon.get(path)
    return time.monotonic() - start


def within(metrics: str, bound_s: float) -> float:
    """How many probes started at most so late."""
    return stage.series(metrics, f'prober_schedule_lag_seconds_bucket{{le="{bound_s}"}}')


if __name__ == "__main__":
    sys.exit(main())
