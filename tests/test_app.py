"""The daemon's life and death, as a process among real servers."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from pathlib import Path

import pytest
from daemons import Daemon, free_port, running, until
from servers import Server, answers, serving

# For tests that count transitions: an answer that a busy machine delays for a moment is none.
PATIENTLY = {"interval": "1s", "timeout": "1s"}


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(answers(200, b"well")) as serving_well:
        yield serving_well


def named(server: Server, *names: str, **keys: object) -> list[dict[str, object]]:
    return [{"name": name, "url": server.url, **keys} for name in names]


def is_running(pid: int) -> bool:
    """A zombie, whom nobody has reaped yet, doesn't run."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_what_is_probed_is_on_the_page_in_the_api_in_the_metrics_and_in_the_store(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, named(server, "madre")) as daemon:
        until(lambda: daemon.status("madre") == "OK")
        until(lambda: daemon.rows("SELECT count(*) FROM results")[0][0] >= 2)

        assert 'prober_probe_success{target="madre"} 1' in daemon.get("/metrics")
        assert "madre" in daemon.get("/")
        assert json.loads(daemon.get("/api/v1/services/madre/results"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_end_flushes_everything_and_exits_0_within_5_s(
    tmp_path: Path, server: Server, number: signal.Signals
) -> None:
    with running(tmp_path, named(server, "madre", interval="100ms", timeout="100ms")) as daemon:
        until(lambda: daemon.status("madre") == "OK")
        started = time.monotonic()
        code = daemon.end(number)

    assert (code, time.monotonic() - started < 5) == (0, True)
    stored = daemon.rows("SELECT count(*) FROM results")[0][0]
    assert stored == server.accepted
    assert not list((tmp_path / "spool").glob("*.json*"))


def test_a_reload_takes_maintenance_windows_over(tmp_path: Path) -> None:
    services = [{"name": "madre", "url": f"http://127.0.0.1:{free_port()}"}]
    window = {"name": "patches", "from": "2020-01-01", "to": "2120-01-01"}

    with running(tmp_path, services) as daemon:
        until(lambda: daemon.status("madre") == "BROKEN")
        before = json.loads(daemon.get("/api/v1/services"))["verdict"]
        daemon.keys["maintenance"] = [window]
        daemon.configure(services)
        daemon.send(signal.SIGHUP)
        until(lambda: '"maintenance":"patches"' in daemon.get("/api/v1/services/madre"))

        assert (before, daemon.status("madre")) == ("broken", "BROKEN")
        assert json.loads(daemon.get("/api/v1/services"))["verdict"] == "ok"
        assert 'prober_maintenance{target="madre"} 1' in daemon.get("/metrics")


def test_a_reload_adds_removes_and_keeps(tmp_path: Path, server: Server) -> None:
    with running(tmp_path, named(server, "stays", "leaves", **PATIENTLY)) as daemon:
        until(lambda: daemon.status("stays") == "OK")
        daemon.configure(named(server, "stays", "comes", **PATIENTLY))
        daemon.send(signal.SIGHUP)
        until(lambda: daemon.answers("/api/v1/services/comes"))
        until(lambda: daemon.status("comes") == "OK")

        assert not daemon.answers("/api/v1/services/leaves")
        assert 'target="leaves"' not in daemon.get("/metrics")
    assert daemon.rows(
        "SELECT count(*) FROM transitions t JOIN services s ON s.id = t.service_id"
        " WHERE s.name = 'stays'"
    ) == [(1,)]


def test_a_reload_of_a_bad_file_keeps_the_old_one_and_says_so(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, named(server, "madre")) as daemon:
        until(lambda: daemon.status("madre") == "OK")
        daemon.configure(named(server, "madre", interval="5x"))
        daemon.send(signal.SIGHUP)
        until(lambda: "prober_config_reload_success 0.0" in daemon.get("/metrics"))

        assert daemon.status("madre") == "OK"
        assert "'5x' is not a duration" in daemon.log


def test_a_worker_that_is_killed_leaves_a_gap_and_no_failure(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, named(server, "madre", **PATIENTLY)) as daemon:
        until(lambda: daemon.status("madre") == "OK")
        os.kill(daemon.workers()[0], signal.SIGKILL)
        until(lambda: "prober_worker_restarts_total 1.0" in daemon.get("/metrics"))
        until(lambda: daemon.status("madre") == "OK")

    moves = daemon.rows("SELECT old, new, reason FROM transitions ORDER BY at")
    assert moves == [
        ("UNKNOWN", "OK", None), ("OK", "UNKNOWN", "prober"), ("UNKNOWN", "OK", None)
    ]  # fmt: skip


def test_a_kill_leaves_a_database_that_opens_and_nobody_is_called_broken(
    tmp_path: Path, server: Server
) -> None:
    daemon = Daemon(tmp_path, named(server, *(f"s{n}" for n in range(20))))
    for _ in range(3):
        daemon.start()
        time.sleep(random.uniform(0.5, 2))
        daemon.end(signal.SIGKILL)

    assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
    assert daemon.rows("SELECT count(*) FROM transitions WHERE new = 'BROKEN'") == [(0,)]
    assert server.accepted - daemon.rows("SELECT count(*) FROM results")[0][0] <= 3 * 20 * 6


def test_workers_end_with_a_main_process_that_is_killed(tmp_path: Path, server: Server) -> None:
    with running(tmp_path, named(server, "madre")) as daemon:
        workers = daemon.workers()
        daemon.end(signal.SIGKILL)

        until(lambda: not any(map(is_running, workers)))


def test_a_restart_goes_on_from_the_status_before_it(tmp_path: Path, server: Server) -> None:
    for _ in range(2):
        with running(tmp_path, named(server, "madre", interval="10s", timeout="1s")) as daemon:
            until(lambda: daemon.status("madre") == "OK")

    assert daemon.rows("SELECT old, new FROM transitions") == [("UNKNOWN", "OK")]


def test_a_store_that_is_locked_loses_nothing_and_stops_nothing(
    tmp_path: Path, server: Server
) -> None:
    with running(tmp_path, named(server, "madre", interval="100ms", timeout="100ms")) as daemon:
        until(lambda: daemon.status("madre") == "OK")
        with closing(sqlite3.connect(daemon.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            until(lambda: '"store":"spooling"' in daemon.get("/ready"))
            other.execute("ROLLBACK")
        until(lambda: '"store":"ok"' in daemon.get("/ready"))

    assert daemon.rows("SELECT count(*) FROM results") == [(server.accepted,)]


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_may_be_inline_or_several(tmp_path: Path, server: Server, workers: int) -> None:
    with running(tmp_path, named(server, "a", "b", "c"), workers=workers) as daemon:
        for name in "abc":
            until(lambda name=name: daemon.status(name) == "OK")  # type: ignore[misc]

        assert len(daemon.workers()) == workers


def test_it_is_ready_once_schedule_and_store_progress(tmp_path: Path, server: Server) -> None:
    with running(tmp_path, named(server, "madre")) as daemon:
        until(lambda: daemon.answers("/ready"))

        assert json.loads(daemon.get("/ready")) == {"schedule": "ok", "store": "ok", "ready": True}


def test_systemd_is_told_of_readiness_life_reload_and_end(tmp_path: Path, server: Server) -> None:
    address = tmp_path / "notify"
    daemon = Daemon(tmp_path, named(server, "madre"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(address))
        systemd.settimeout(20)
        daemon.start({"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "2000000"})
        heard = [systemd.recv(4096).decode() for _ in range(4)]
        daemon.send(signal.SIGHUP)
        daemon_reloads = itertools.takewhile(
            lambda line: not line.startswith("RELOADING=1"),
            (systemd.recv(4096).decode() for _ in itertools.count()),
        )
        assert set(daemon_reloads) <= {"WATCHDOG=1"}
        assert daemon.end() == 0

    assert heard == ["READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]


@pytest.mark.parametrize(
    ("prepare", "code", "said"),
    [
        ("port", 69, "gateway.port"),
        ("spool", 73, "spool"),
        ("corrupt", 65, "prober.db"),
        ("locked", 75, "prober.db"),
        ("newer", 76, "newer"),
        ("config", 78, "line"),
    ],
)
def test_what_keeps_it_from_starting_is_one_line_with_its_exit_code(
    tmp_path: Path, server: Server, prepare: str, code: int, said: str
) -> None:
    daemon = Daemon(tmp_path, named(server, "madre"))
    with PREPARE[prepare](daemon):
        found = daemon.launch().wait(60)

    lines = [line for line in daemon.log.splitlines() if line.startswith("prober: ")]
    assert (found, len(lines)) == (code, 1), daemon.log
    assert said in lines[0]
    assert "Traceback" not in daemon.log


def _port(daemon: Daemon) -> socket.socket:
    return socket.create_server(("127.0.0.1", daemon.port))


def _spool(daemon: Daemon) -> closing[sqlite3.Connection]:
    (daemon.folder / "spool").write_text("a file, not a folder")
    return closing(sqlite3.connect(":memory:"))


def _corrupt(daemon: Daemon) -> closing[sqlite3.Connection]:
    daemon.database.write_bytes(b"this is not a database" * 1000)
    return closing(sqlite3.connect(":memory:"))


def _locked(daemon: Daemon) -> closing[sqlite3.Connection]:
    other = sqlite3.connect(daemon.database, isolation_level=None)
    other.execute("CREATE TABLE t (x)")
    other.execute("BEGIN EXCLUSIVE")
    return closing(other)


def _newer(daemon: Daemon) -> closing[sqlite3.Connection]:
    other = sqlite3.connect(daemon.database, isolation_level=None)
    other.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
    other.execute("INSERT INTO alembic_version VALUES ('9999')")
    return closing(other)


def _config(daemon: Daemon) -> closing[sqlite3.Connection]:
    (daemon.folder / "prober.yaml").write_text(
        "services:\n  - name: a\n    url: http://h:1\n    interval: 5x\n"
    )
    return closing(sqlite3.connect(":memory:"))


PREPARE: dict[str, Callable[[Daemon], AbstractContextManager[object]]] = {
    "port": _port,
    "spool": _spool,
    "corrupt": _corrupt,
    "locked": _locked,
    "newer": _newer,
    "config": _config,
}


def test_the_process_ends_in_time_though_a_thread_is_stuck() -> None:
    stuck = "import threading, time; from prober import app; app._end_by(0.2); "
    stuck += "threading.Thread(target=time.sleep, args=(600,)).start()"

    ended = subprocess.run([sys.executable, "-c", stuck], timeout=60, check=False)

    assert ended.returncode == 0
