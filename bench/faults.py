"""What faults of the disk, the database and the clock cost: a daemon under load meets each of them.

    python -m bench.faults [FAULT…] [--services 50]

A FAULT is one of those below; all of them where none is named. The database begins with hours
that wait to be packed. Mostly it lies on a small file system of its own, so this wants root, and
`read-only` a temporary folder on ext4. The target's own log says which probes were made. Exits with
1 where a result is missing or stored twice, a service was called BROKEN, the daemon ended, or the
database is not sound. `clock-back` wants Debian's faketime.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.error import URLError

from bench import stage
from bench.crash import fill, old_rows, read_log
from bench.scale import ready
from prober.storage import migrate, verification

BEFORE_S, AFTER_S = 4.0, 4.0
FAULT_S = 15.0
LOCK_S = 60.0
RECOVERY_S = 60.0
ENDING_S = 0.2  # probes that run at the end are given up, not stored
OLD_HOURS = 12
LOG_SHOWN = 4000  # bytes, where the daemon has ended
DISK = "96m"
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Scene(NamedTuple):
    """Where things lie: `disk` is the small file system, `clock` moves a faked clock."""

    folder: Path
    disk: Path
    clock: Path

    @property
    def database(self) -> Path:
        return self.disk / "prober.db"


class Fault(NamedTuple):
    """What is done to a running daemon; gives the moment since which all must be stored, if later.

    Where `faked`, its clock can be moved. Where `shared`, the spool lies on the disk of the
    database, which is the folder's own unless `mounted`.
    """

    strike: Callable[[Scene], float | None]
    faked: bool = False
    shared: bool = False
    mounted: bool = True


def disk_full(scene: Scene) -> None:
    """Nothing more can be written for a while, beside packing."""
    with (scene.disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(65_536))
        except OSError:
            time.sleep(FAULT_S)
    (scene.disk / "filler").unlink()


def read_only(scene: Scene) -> None:
    """Files and folder can't be written, not even by who has them open, as after a remount.

    A real remount is refused while a file is open for writing. SQLite's shared memory is left out:
    who writes to a mapped page of such a file is ended by the system, whatever program it is.
    """
    files = (str(scene.disk), str(scene.database), f"{scene.database}-wal")
    subprocess.run(("chattr", "+i", *files), check=True)
    try:
        time.sleep(FAULT_S)
    finally:
        subprocess.run(("chattr", "-i", *files), check=True)


def lock(scene: Scene) -> None:
    """Somebody else holds the database for a minute."""
    with closing(sqlite3.connect(scene.database, isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        time.sleep(LOCK_S)
        other.execute("ROLLBACK")


def remove(scene: Scene) -> float:
    """The files are deleted."""
    for file in scene.disk.glob("prober.db*"):
        file.unlink()
    return time.time()


def swap(scene: Scene) -> float:
    """Another database takes the place of the file."""
    other = scene.disk / "other.db"
    migrate.upgrade(f"sqlite:///{other}")
    other.replace(scene.database)
    return time.time()


def turn_back(scene: Scene) -> None:
    """The wall clock is set back by an hour."""
    scene.clock.write_text("-3600")
    time.sleep(FAULT_S)


FAULTS: dict[str, Fault] = {
    "disk-full": Fault(disk_full),
    "disk-full-spool-too": Fault(disk_full, shared=True),
    "read-only": Fault(read_only, mounted=False),
    "lock": Fault(lock),
    "removed": Fault(remove),
    "swapped": Fault(swap),
    "clock-back": Fault(turn_back, faked=True),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(FAULTS))
    parser.add_argument("--services", type=int, default=50)
    options = parser.parse_args()
    wrong = [name for name in options.faults or FAULTS if not met(name, options.services)]
    return int(bool(wrong))


def met(name: str, services: int) -> bool:
    """Whether a daemon comes through a fault unharmed; prints what was found."""
    fault = FAULTS[name]
    with tempfile.TemporaryDirectory(prefix="bench-faults-") as folder, ExitStack() as stack:
        scene = Scene(Path(folder), Path(folder) / "disk", Path(folder) / "clock")
        scene.disk.mkdir()
        stack.enter_context(mounted(scene.disk) if fault.mounted else ExitStack())
        stack.enter_context(faked(scene.clock) if fault.faked else ExitStack())
        url = f"sqlite:///{scene.database}"
        old = fill(url, services, OLD_HOURS)
        port = stack.enter_context(stage.nginx(scene.folder / "nginx", logged=True))
        watched = stage.services(services, f"http://127.0.0.1:{port}")
        since, until = suffered(scene, fault, watched)
        requests = read_log(scene.folder / "nginx" / "requests.log")
        stored = results(scene.database, since)
        missing = (asked(requests, since, until - ENDING_S) - stored).total()
        doubled = (stored - asked(requests, since, time.time())).total()
        sound, broken = inspected(scene.database)
        damaged = len(list(verification.faults(url)))
        kept = since is not None or old_rows(url) == old
    well = not (missing or doubled or broken or damaged) and sound == "ok" and kept
    print(f"{name:20} {len(requests):5} probes, {missing} missing, {doubled} twice,", end=" ")
    print(f"{broken} BROKEN, integrity {sound}, {damaged} damaged hours,", end=" ")
    print(f"old results {'kept' if kept else 'LOST'}: {'ok' if well else 'NOT WELL'}", flush=True)
    return well


def suffered(
    scene: Scene, fault: Fault, watched: list[dict[str, object]]
) -> tuple[float | None, float]:
    """Run a daemon through a fault until it has recovered; gives `strike`'s word and the end."""
    spool = scene.disk if fault.shared else scene.folder
    store = {"url": f"sqlite:///{scene.database}", "spool": str(spool / "spool")}
    with stage.prober(scene.folder / "prober", watched, "1s", store=store) as daemon:
        while not ready(daemon):
            time.sleep(0.2)
        time.sleep(BEFORE_S)
        since = fault.strike(scene)
        end = time.monotonic() + RECOVERY_S
        try:
            while waiting(daemon) and time.monotonic() < end:
                time.sleep(0.5)
            time.sleep(AFTER_S)
            waiting(daemon)
            until = time.time()
        except URLError:
            print((scene.folder / "prober" / "output.log").read_text()[-LOG_SHOWN:])
            raise
    return since, until


def waiting(daemon: stage.Daemon) -> bool:
    """Whether results wait for the database."""
    return stage.series(daemon.get("/metrics"), "prober_spool_rows") > 0


def asked(requests: list[tuple[float, int]], since: float | None, until: float) -> Counter[str]:
    """By service, the requests between two moments (epoch seconds)."""
    moments = ((at, number) for at, number in requests if (since or 0) <= at < until)
    return Counter(f"service-{number}" for _, number in moments)


def results(database: Path, since: float | None) -> Counter[str]:
    """By service, the results since a moment, or all but the old ones."""
    # A clock that went back makes them older; those from before the start are days old.
    limit = time.time() - 7200 if since is None else since
    query = "SELECT name FROM results JOIN services ON id = service_id WHERE checked_at >= ?"
    with closing(sqlite3.connect(database)) as connection:
        return Counter(name for (name,) in connection.execute(query, (limit * 1000,)))


def inspected(database: Path) -> tuple[str, int]:
    """What SQLite says of the file, and how often a service turned BROKEN."""
    with closing(sqlite3.connect(database)) as connection:
        (sound,) = connection.execute("PRAGMA integrity_check").fetchone()
        query = "SELECT count(*) FROM transitions WHERE new = 'BROKEN'"
        (broken,) = connection.execute(query).fetchone()
    return str(sound), int(broken)


@contextmanager
def mounted(disk: Path) -> Iterator[None]:
    """A small file system of its own."""
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(disk)), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", str(disk)), check=True)


@contextmanager
def faked(clock: Path) -> Iterator[None]:
    """Processes started meanwhile have a wall clock that the file moves, by seconds."""
    if not FAKETIME.exists():
        raise SystemExit("clock-back wants Debian's faketime")
    clock.write_text("+0")
    added = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    os.environ |= added
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


if __name__ == "__main__":
    if shutil.which("mount") is None:
        raise SystemExit("mount is missing: a disk can't be filled without one of its own")
    sys.exit(main())
