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
  keepalive_requests 1000000;
  server {{
    {listen}
    {tls}
    location / {{ return 200 '{{"status":"ok"}}'; }}
  }}
}}
"""
TLS = """
    ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache off;
    ssl_certificate {0}/leaf.crt; ssl_certificate_key {0}/leaf.key;
"""
CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30")


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def process(*command: str, cwd: Path, core: int | None = None) -> Iterator[int]:
    """Run a command for as long as the block lasts, on one core where given; gives its pid."""
    pinning = () if core is None else ("taskset", "--cpu-list", str(core))
    with (cwd / "output.log").open("ab") as output:
        # taskset becomes the command, so the pid stays.
        running = subprocess.Popen((*pinning, *command), cwd=cwd, stdout=output, stderr=output)
    try:
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)  # does nothing where the block has ended it already
        running.wait(20)


def certified(folder: Path) -> Path:
    """Make authority.crt, and leaf.crt and leaf.key that it signed for 127.0.0.1; gives the first.

    Both have keys on the curve P-256.
    """
    folder.mkdir(parents=True, exist_ok=True)
    authority = ("-keyout", "authority.key", "-out", "authority.crt", "-subj", "/CN=Authority")
    leaf = ("-keyout", "leaf.key", "-out", "leaf.crt", "-subj", "/CN=bench")
    signed = ("-CA", "authority.crt", "-CAkey", "authority.key")
    # rustls takes no authority for a server.
    kind = ("-addext", "basicConstraints=critical,CA:FALSE")
    names = ("-addext", "subjectAltName=IP:127.0.0.1", *kind)
    for arguments in (authority, (*leaf, *signed, *names)):
        command = ("openssl", "req", "-x509", *CURVE, *arguments)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "authority.crt"


@contextmanager
def nginx(
    folder: Path,
    *,
    logged: bool = False,
    tls: bool = False,
    hosts: int = 1,
    core: int | None = None,
) -> Iterator[int]:
    """An nginx on loopback that answers 200 to everything; gives its port.

    Where `logged`, each request is a line "epoch-seconds target" in the folder's requests.log.
    Where `tls`, it shows what `certified` has made in the folder. It listens on so many `hosts`,
    which are 127.0.0.1 and the addresses that follow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    kind = " ssl" if tls else ""
    settings = {
        "folder": folder,
        "log": f"{folder}/requests.log requests" if logged else "off",
        "tls": TLS.format(folder) if tls else "",
        "listen": " ".join(f"listen {host(n)}:{port}{kind} backlog=8192;" for n in range(hosts)),
    }
    (folder / "nginx.conf").write_text(NGINX.format_map(settings))
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    with process(program, "-c", str(folder / "nginx.conf"), cwd=folder, core=core):
        wait_for(port)
        yield port


def host(number: int) -> str:
    """One of loopback's many addresses, from 127.0.0.1 on."""
    return f"127.0.0.{1 + number}"


def services(count: int, url: str) -> list[dict[str, object]]:
    """So many services at one url, each with an endpoint of its own."""
    return [
        {"name": f"service-{n}", "url": url, "endpoints": [f"/health/{n}"]} for n in range(count)
    ]


@contextmanager
def prober(
    folder: Path,
    watched: list[dict[str, object]],
    interval: str,
    core: int | None = None,
    gateway: dict[str, object] | None = None,
    **keys: object,
) -> Iterator[Daemon]:
    """A prober that watches these services; further keys of `gateway`, and of the top, as given."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    config = {
        "defaults": {"interval": interval, "timeout": "1s"},
        "services": watched,
        "store": {"url": f"sqlite:///{folder}/prober.db", "spool": f"{folder}/spool"},
        "gateway": {"port": port} | (gateway or {}),
    } | keys
    (folder / "prober.yaml").write_text(json.dumps(config))
    command = (sys.executable, "-m", "prober", "run", "--config", str(folder / "prober.yaml"))
    with process(*command, cwd=folder, core=core) as pid:
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
