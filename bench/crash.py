"""What a kill -9 costs: kill the daemon at random moments, and ask the database what is there.

    python -m bench.crash [--kills 10] [--services 200] [--old-hours 20]

The target's own log says which probes were made. The database begins with hours that are long
over, so that each kill falls into the middle of packing them. Exits with 1 where a result that was
older than 1 s at a kill is in neither database nor spool, an old one is lost or doubled, a packed
hour is damaged, the database is not sound, or a service was called BROKEN.
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
from bisect import bisect_left, bisect_right
from collections import Counter
from contextlib import closing
from pathlib import Path

from bench import stage
from prober.model import Observation, Outcome, Result, Status
from prober.storage import migrate, verification
from prober.storage.connecting import connected
from prober.storage.reader import Reader
from prober.storage.segment import HOUR_MS
from prober.storage.writer import Writer

YOUNG_S = 1.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--services", type=int, default=200)
    parser.add_argument("--old-hours", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage.nginx(folder / "nginx", logged=True) as port:
            watched = stage.services(options.services, f"http://127.0.0.1:{port}")
            url = f"sqlite:///{folder}/prober.db"
            old = fill(url, options.services, options.old_hours)
            runs, faults, wrong = [], 0, 0
            for _ in range(options.kills):
                runs.append(run(folder, watched, random.uniform(2, 6)))
                faults += len(list(verification.faults(url)))
                wrong += old_rows(url) != old
        requests = read_log(folder / "nginx" / "requests.log")
        with closing(Reader(url, folder / "spool")) as reader:
            found = stored(reader, runs[0][0], runs[-1][1])
        lost = [missing(found, requests, *span) for span in runs]
        with closing(sqlite3.connect(folder / "prober.db")) as database:
            (broken,) = database.execute(
                "SELECT count(*) FROM transitions WHERE new = 'BROKEN'"
            ).fetchone()
            (sound,) = database.execute("PRAGMA integrity_check").fetchone()
    print(f"kills {len(runs)}, probes {len(requests)}, integrity {sound}, BROKEN {broken}")
    print(f"missing, by kill, of those older than {YOUNG_S} s: {lost}")
    print(f"of {old} old results: kills after which some were lost or doubled {wrong}")
    print(f"packed hours that were found damaged {faults}")
    return int(any(lost) or broken > 0 or sound != "ok" or wrong > 0 or faults > 0)


def fill(url: str, services: int, hours: int) -> int:
    """Store a result a minute for each service, in hours that ended two days ago; their number."""
    migrate.upgrade(url)
    start = (int(time.time() * 1000) // HOUR_MS - 48 - hours) * HOUR_MS
    moments = range(start, start + hours * HOUR_MS, 60_000)
    with closing(Writer(url)) as writer:
        for at in moments:
            writer.write([aged(f"service-{n}", at + n) for n in range(services)])
    return len(moments) * services


def aged(service: str, at: int) -> Observation:
    """An old result of a service that was well."""
    result = Result(service, at, Outcome.SUCCESS, 200, random.uniform(1, 20), "/health", "fine")
    return Observation(service, at, Status.OK, result)


def old_rows(url: str) -> int:
    """How many of the old results there are, hot or packed."""
    limit = (int(time.time() * 1000) // HOUR_MS - 24) * HOUR_MS
    with connected(url) as connection:
        (hot,) = connection.exec_driver_sql(
            f"SELECT count(*) FROM results WHERE checked_at < {limit}"
        ).one()
        (packed,) = connection.exec_driver_sql(
            f"SELECT coalesce(sum(count), 0) FROM segments WHERE hour < {limit // HOUR_MS}"
        ).one()
    return int(hot + packed)


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


def stored(reader: Reader, since: float, until: float) -> dict[str, list[int]]:
    """When each service was checked in a span, oldest first: hot, packed, or in the spool (ms)."""
    span = (round(since * 1000), round(until * 1000))
    return {
        name: [result.checked_at for result in reader.results(name, *span, newest_first=False)]
        for name in reader.names()
    }


def missing(
    found: dict[str, list[int]], requests: list[tuple[float, int]], start: float, kill: float
) -> int:
    """How many requests of this run, older than `YOUNG_S` at the kill, have no result."""
    end = kill - YOUNG_S
    asked = Counter(f"service-{number}" for moment, number in requests if start < moment < end)
    there = {
        name: bisect_left(checked, end * 1000) - bisect_right(checked, start * 1000)
        for name, checked in found.items()
    }
    return (asked - Counter(there)).total()


if __name__ == "__main__":
    sys.exit(main())
