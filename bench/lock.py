"""For how long an SQLite database is locked, as another process sees it.

    python -m bench.lock FILE

Tries the write lock twice a millisecond until its input ends. Then it prints for how many
milliseconds at a time somebody else had it, and for how many of them it was itself kept from
trying: nobody knows what became of the lock meanwhile.
"""

from __future__ import annotations

import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

PAUSE_S = 0.0005
LATE_S = 0.005  # a turn that took longer waited for a core


class Hold(NamedTuple):
    """How long the lock was held, and for how much of that it wasn't watched."""

    ms: float
    unwatched_ms: float


def main() -> None:
    for hold in watched(sys.argv[1]):
        print(*hold)


def watched(file: str) -> list[Hold]:
    found: list[Hold] = []
    since, unwatched_s, last = None, 0.0, time.perf_counter()
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as database:
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            held, now = taken(database), time.perf_counter()
            if since is not None and now - last > LATE_S:
                unwatched_s += now - last
            if not held and since is not None:
                found.append(Hold(1000 * (now - since), 1000 * unwatched_s))
            if not held or since is None:
                since, unwatched_s = now if held else None, 0.0
            last = now
    return found


def taken(database: sqlite3.Connection) -> bool:
    """Whether somebody else has the write lock."""
    try:
        database.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
        return True
    database.execute("ROLLBACK")
    return False


@contextmanager
def holds(file: Path) -> Iterator[list[Hold]]:
    """A list which has, in the end, each hold of the lock, in order of size."""
    command = [sys.executable, "-m", "bench.lock", str(file)]
    pipe, found = subprocess.PIPE, list[Hold]()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as watcher:
        try:
            yield found
        finally:
            said, _ = watcher.communicate()
            found += sorted(Hold(*map(float, line.split())) for line in said.splitlines())


if __name__ == "__main__":
    main()
