"""The parts that benchmarks share: a target, prober on it, and the CPU time of processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 8192; }}
http {{
  log_format requests '$msec $request_uri'; access_log {log};
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port} backlog=8192;
    location / {{ return 200 '{{"status":"ok"}}'; }}
  }}
}}
"""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, cwd: Path, env: dict[str, str] | None = None) -> Iterator[int]:
    """Run a command for as long as the block lasts; gives its pid."""
    with (cwd / "output.log").open("ab") as output:
        running = subprocess.Popen(
            command, cwd=cwd, stdout=output, stderr=output, env={**os.environ, **(env or {})}
        )
    try:
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)  # does nothing where the block has ended it already
        running.wait(20)


@contextmanager
def nginx(folder: Path, *, logged: bool = False) -> Iterator[int]:
    """An nginx on loopback that answers 200 to everything; gives its port.

    Where `logged`, each request is a line "epoch-seconds target" in the folder's requests.log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    log = f"{folder}/requests.log requests" if logged else "off"
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, log=log))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with process(program, "-c", str(folder / "nginx.conf"), cwd=folder):
        wait_for(port)
        yield port


def services(count: int, url: str) -> list[dict[str, object]]:
    """So many services at one url, each with an endpoint of its own."""
    return [
        {"name": f"service-{n}", "url": url, "endpoints": [f"/health/{n}"]} for n in range(count)
    ]


@contextmanager
def prober(
    folder: Path, watched: list[dict[str, object]], interval: str, **keys: object
) -> Iterator[Daemon]:
    """A prober that watches these services; further top-level `keys` as given."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = {
        "defaults": {"interval": interval, "timeout": "1s"},
        "services": watched,
        "store": {"url": f"sqlite:///{folder}/prober.db", "spool": f"{folder}/spool"},
        "gateway": {"port": port},
    } | keys
    (folder / "prober.yaml").write_text(json.dumps(config))
    command = (sys.executable, "-m", "prober", "run", "--config", str(folder / "prober.yaml"))
    with process(*command, cwd=folder) as pid:
        wait_for(port, 120)
        yield Daemon(pid, port)


class Daemon:
    """A running prober: its pid and its gateway."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port

    def get(self, path: str) -> str:
        """The body of one of its pages."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def pids(self) -> list[int]:
        """Its processes: the main one first, then the workers."""
        return [self.pid, *children(self.pid)]


def children(pid: int) -> list[int]:
    """The processes that `pid` started."""
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_s(pid: int) -> float:
    """User and system time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def wait_for(port: int, seconds: float = 20) -> None:
    """Return when somebody listens on a port of loopback."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            return


def series(text: str, name: str) -> float:
    """The sum of one series over its labels, in Prometheus's text format."""
    lines = (line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in lines)
