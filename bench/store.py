"""What a long history costs: bytes and CPU time a result, and how long questions to it take.

    python -m bench.store [--services 1000] [--interval 30] [--days 7] [--url sqlite:///…]

Writes in batches as the daemon does, with upkeep after each hour, then adds the days of a year
before to the rollups. `--url` names an empty database; without it a file is made, and deleted at
the end.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import closing, nullcontext
from itertools import product
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import text

from bench import lock
from bench.questions import GOALS_MS, NAME
from bench.samples import HOUR_MS, START, Samples
from prober.storage import migrate
from prober.storage.connecting import connected
from prober.storage.database import Access, sqlite_file
from prober.storage.retention import Keep
from prober.storage.upkeep import Upkeep
from prober.storage.writer import Writer

BATCH = 500
NOTHING = (None, None, None)  # the columns that stay empty
OPEN_MS = HOUR_MS // 2  # history ends within an hour, part of it not packed yet
DAY_MS = 24 * HOUR_MS
YEAR = 365
TURNS, ROUNDS, FIRST = 7, 8, 3  # of a question; rounds of a process; which of them is warm
COLUMNS = "resolution_s, start, service_id, ok, degraded, broken, unknown, ok_ms, degraded_ms,"
COLUMNS += " broken_ms, unknown_ms, latency_sum_us, latency_min_us, latency_max_us, reasons,"
COLUMNS += " histogram, uptime_ppm"


class Cost(NamedTuple):
    """What filling a database took."""

    rows: int
    wall_s: float
    written_s: float  # CPU
    kept_s: float  # CPU


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--services", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=30)
    parser.add_argument("--days", type=float, default=7)
    parser.add_argument("--url")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-store-") as folder:
        run(options, options.url or f"sqlite:///{folder}/prober.db", Path(folder))


def run(options: argparse.Namespace, url: str, folder: Path) -> None:
    duration_ms = round(options.days * DAY_MS) + OPEN_MS
    floor_us = floor(Samples(options.services, options.interval), folder)
    migrate.upgrade(url)
    file = sqlite_file(url)
    watch = nullcontext(list[lock.Hold]()) if file is None else lock.holds(file)
    with watch as holds:
        cost = fill(url, Samples(options.services, options.interval), duration_ms)
    told(url, cost, floor_us, holds)
    now_ms = START + duration_ms
    add_year(url, now_ms // DAY_MS * DAY_MS, options.days)
    settle(url)
    print(f"\n{'':38}   cold ms   warm ms   goal ms")
    for name, (cold, warm) in asked(url, now_ms).items():
        print(f"{name:38} {cold:9.1f} {warm:9.1f} {GOALS_MS[name]:9}")
    dropped = "whose pages were dropped from the cache" if sqlite_file(url) else "on a warm server"
    print(f"cold: a fresh process on a database {dropped}; medians of {TURNS} and", end=" ")
    print(f"{TURNS * (ROUNDS - FIRST)}; one service is {NAME}")


def asked(url: str, now_ms: int) -> dict[str, tuple[float, float]]:
    """The milliseconds of each question, cold and warm: medians.

    In turns, since a machine that others share is slower for minutes than it is else.
    """
    colds: dict[str, list[float]] = {name: [] for name in GOALS_MS}
    warms: dict[str, list[float]] = {name: [] for name in GOALS_MS}
    for _, name in product(range(TURNS), GOALS_MS):
        colds[name] += ask(url, now_ms, name, 1)
        warms[name] += ask(url, now_ms, name, ROUNDS)[FIRST:]
    return {n: (statistics.median(colds[n]), statistics.median(warms[n])) for n in GOALS_MS}


def floor(samples: Samples, folder: Path) -> float:
    """CPU µs a row of nothing but sqlite3's executemany of such rows in such batches."""
    with closing(sqlite3.connect(folder / "floor.db", isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(
            "CREATE TABLE results (bucket INTEGER, service_id INTEGER, checked_at INTEGER, a, b, c,"
            " d, e, f, g, h, PRIMARY KEY (bucket, service_id, checked_at)) WITHOUT ROWID"
        )
        number = {name: id_ for id_, name in enumerate(samples.names)}
        spent, rows = 0.0, 0
        for batch in samples.batches(HOUR_MS, BATCH):
            values = [
                (o.at // 300_000, number[o.service], o.at, 0, 200, o.at % 100_000, 1, 1, *NOTHING)
                for o in batch
            ]
            before = time.process_time()
            database.execute("BEGIN IMMEDIATE")
            database.executemany(f"INSERT INTO results VALUES ({','.join('?' * 11)})", values)
            database.execute("COMMIT")
            spent += time.process_time() - before
            rows += len(values)
    return 1e6 * spent / rows


def fill(url: str, samples: Samples, duration_ms: int) -> Cost:
    """Write the history, with upkeep as its hours close."""
    writer, upkeep = Writer(url), Upkeep(url, Keep())
    rows, wall_s, written_s, kept_s = 0, 0.0, 0.0, 0.0
    hour = START // HOUR_MS
    for batch in samples.batches(duration_ms, BATCH):
        began, before = time.perf_counter(), time.process_time()
        writer.write(batch)
        written = time.process_time()
        now_ms = batch[-1].at
        if now_ms // HOUR_MS > hour:
            hour = now_ms // HOUR_MS
            keep_up(upkeep, now_ms)
        kept_s += time.process_time() - written
        written_s += written - before
        wall_s += time.perf_counter() - began
        rows += len(batch)
        if sys.stderr.isatty():
            print(f"\r{rows:,} results", end="", file=sys.stderr)
    before = time.process_time()
    keep_up(upkeep, START + duration_ms)  # which closes the last day
    kept_s += time.process_time() - before
    writer.close()
    upkeep.close()
    return Cost(rows, wall_s, written_s, kept_s)


def keep_up(upkeep: Upkeep, now_ms: int) -> None:
    """Do all that is due."""
    while upkeep.step(now_ms):
        pass


def told(url: str, cost: Cost, floor_us: float, holds: list[lock.Hold]) -> None:
    """Print what filling cost."""
    written_us, kept_us = (1e6 * spent / cost.rows for spent in (cost.written_s, cost.kept_s))
    packed, packed_bytes = count(url, "SELECT sum(count), sum(length(data)) FROM segments")
    (hot,) = count(url, "SELECT count(*) FROM results")
    print(f"{cost.rows:,} results, {cost.rows / cost.wall_s:,.0f} rows/s written end to end")
    print(f"CPU µs a row: {written_us:.1f} writer, {kept_us:.1f} packing and cells,", end=" ")
    print(f"{written_us + kept_us:.1f} in all (goal 8); {floor_us:.1f} bare sqlite3 executemany,")
    print(f"    so {(written_us + kept_us) / floor_us:.2f} of the floor", end="; ")
    print("that of the server is not in it" if not sqlite_file(url) else "all of it is in this")
    print(f"bytes a result: {packed_bytes / packed:.2f} in segments (goal 5)", end="")
    file = sqlite_file(url)
    if file is not None:
        settle(url)
        size = file.stat().st_size
        print(f"; file {size / 1e6:.1f} MB, {size / cost.rows:.2f} a result with cells,", end=" ")
        print(f"{hot:,} hot rows and free pages", end="")
    if holds:
        middle, most = holds[len(holds) // 2], holds[len(holds) * 99 // 100]
        print(
            f"\nwrite lock, as another process sees it: held {middle.ms:.1f} ms (median),", end=""
        )
        print(f" {most.ms:.1f} ms (99 %), {holds[-1].ms:.1f} ms at most (goal 100),", end="")
        watched_ms = max(hold.ms - hold.unwatched_ms for hold in holds)
        print(f"\n    {watched_ms:.1f} ms where the watcher itself had a core", end="")
    print()
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def count(url: str, query: str) -> tuple[int, ...]:
    with connected(url) as connection:
        return tuple(map(int, connection.execute(text(query)).one()))


def add_year(url: str, today: int, days: float) -> None:
    """Repeat the days that are there until they fill the year that ends with `today` (ms)."""
    shift = max(round(days), 1)
    shifted = COLUMNS.replace("start", "start - :back")
    query = f"INSERT INTO rollups ({COLUMNS}) SELECT {shifted} FROM rollups"
    query += " WHERE resolution_s = 86400 AND start >= :first"
    with connected(url, Access.WRITE) as connection:
        for times in range(1, YEAR // shift + 2):
            values = {"back": times * shift * DAY_MS, "first": today - shift * DAY_MS}
            connection.execute(text(query), values)


def settle(url: str) -> None:
    """Bring everything into the file itself, or let the server learn what its tables hold."""
    file = sqlite_file(url)
    if file is None:
        with connected(url, Access.WRITE) as connection:
            connection.execute(text("ANALYZE"))
        return
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def ask(url: str, now_ms: int, name: str, rounds: int) -> list[float]:
    """Ask in a fresh process; returns the milliseconds of each round."""
    if rounds == 1:
        drop(sqlite_file(url))
    command = [sys.executable, "-m", "bench.questions", url, str(now_ms), str(rounds), name]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(line.split()[0]) for line in said.splitlines()]


def drop(file: Path | None) -> None:
    """Drop a file's pages from the system's cache."""
    if file is not None:
        with file.open("rb") as opened:
            os.fsync(opened.fileno())
            os.posix_fadvise(opened.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
