"""For how long an SQLite database is locked, as another process sees it.

    python -m bench.lock FILE

Tries the write lock twice a millisecond until its input ends, then prints for how many
milliseconds at a time somebody else had it.
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

PAUSE_S = 0.0005


def main() -> None:
    for held_ms in watched(sys.argv[1]):
        print(held_ms)


def watched(file: str) -> list[float]:
    found, since = [], None
    with closing(sqlite3.connect(file, timeout=0, isolation_level=None)) as database:
        while not select.select([sys.stdin], [], [], PAUSE_S)[0]:
            if not taken(database):
                if since is not None:
                    found.append(1000 * (time.perf_counter() - since))
                since = None
            elif since is None:
                since = time.perf_counter()
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
def holds(file: Path) -> Iterator[list[float]]:
    """A list which has, in the end, the milliseconds of each hold of the lock, in order of size."""
    command = [sys.executable, "-m", "bench.lock", str(file)]
    pipe, found = subprocess.PIPE, list[float]()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as watcher:
        try:
            yield found
        finally:
            said, _ = watcher.communicate()
            found += sorted(map(float, said.split()))


if __name__ == "__main__":
    main()
