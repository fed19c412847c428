"""A PostgreSQL server of Debian's for a benchmark, with the settings that it comes with."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

BINARIES = Path("/usr/lib/postgresql/15/bin")


@contextmanager
def server() -> Iterator[str]:
    """The url of a server on a socket of its own, which runs for as long as this."""
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # initdb refuses root
    if user:
        shutil.chown(folder, user)
    make: list[str | Path] = [
        BINARIES / "initdb",
        "-D",
        folder / "data",
        "-A",
        "trust",
        "-U",
        "postgres",
    ]
    subprocess.run([*make, "-E", "UTF8"], user=user, cwd="/", check=True, capture_output=True)
    run: list[str | Path] = [BINARIES / "postgres", "-D", folder / "data", "-k", folder, "-h", ""]
    process = subprocess.Popen(run, user=user, cwd="/", stderr=subprocess.DEVNULL)
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        until_up(url)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(folder)


def until_up(url: str) -> None:
    """Return once it answers."""
    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")
