"""What a kill -9 costs: kill the daemon at random moments, and ask the database what is there.

    python -m bench.crash [--kills 10] [--services 200]

The target's own log says which probes were made. Exits with 1 where a result that was older than
1 s at the kill is not in the database, the database is damaged, or a service was called BROKEN.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench import stage

YOUNG_S = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--services", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage.nginx(folder / "nginx", logged=True) as port:
            watched = stage.services(options.services, f"http://127.0.0.1:{port}")
            runs = [run(folder, watched, random.uniform(2, 6)) for _ in range(options.kills)]
        requests = read_log(folder / "nginx" / "requests.log")
        with closing(sqlite3.connect(folder / "prober.db")) as database:
            lost = [missing(database, requests, *span) for span in runs]
            (broken,) = database.execute(
                "SELECT count(*) FROM transitions WHERE new = 'BROKEN'"
            ).fetchone()
            (sound,) = database.execute("PRAGMA integrity_check").fetchone()
    print(f"kills {len(runs)}, probes {len(requests)}, integrity {sound}, BROKEN {broken}")
    print(f"missing, by kill, of those older than {YOUNG_S} s: {lost}")
    return int(any(lost) or broken > 0 or sound != "ok")


def run(folder: Path, watched: list[dict[str, object]], seconds: float) -> tuple[float, float]:
    """Run until the kill; gives both moments (epoch seconds)."""
    started = time.time()
    with stage.prober(folder, watched, "1s") as daemon:
        time.sleep(seconds)
        os.kill(daemon.pid, signal.SIGKILL)
        return started, time.time()


def read_log(path: Path) -> list[tuple[float, int]]:
    """When each request came (epoch seconds), and the number of its service."""
    lines = (line.split() for line in path.read_text().splitlines())
    return [(float(moment), int(target.rpartition("/")[2])) for moment, target in lines]


def missing(
    database: sqlite3.Connection, requests: list[tuple[float, int]], start: float, kill: float
) -> int:
    """How many requests of this run, older than `YOUNG_S` at the kill, have no result."""
    end = kill - YOUNG_S
    asked = Counter(f"service-{number}" for moment, number in requests if start < moment < end)
    stored = Counter(
        name
        for (name,) in database.execute(
            "SELECT name FROM results JOIN services ON id = service_id"
            " WHERE checked_at > ? AND checked_at < ?",
            (start * 1000, end * 1000),
        )
    )
    return (asked - stored).total()


if __name__ == "__main__":
    sys.exit(main())
