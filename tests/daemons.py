"""A real daemon for tests: `prober run` as a process, on a configuration of the test's own."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0
SETTLED = (10_000, 20_000)  # below those of Linux for connections, where a port is soon taken


def free_port() -> int:
    """A port of loopback that nobody listens on, and that the system gives nobody by itself."""
    while True:
        port = random.randrange(*SETTLED)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def until(condition: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Return when the condition holds; fail when it doesn't within that time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


class Daemon:
    """A prober whose files all lie in one folder, and which can be killed and started again."""

    def __init__(self, folder: Path, services: Sequence[Mapping[str, object]], **keys: object):
        self.folder = folder
        self.port = free_port()
        self.keys = keys
        self.configure(services)
        self.process: subprocess.Popen[bytes] | None = None

    def configure(self, services: Sequence[Mapping[str, object]]) -> None:
        """Write the configuration; a running daemon reads it at its next reload."""
        config: dict[str, object] = {
            "defaults": {"interval": "200ms", "timeout": "200ms"},
            "services": list(services),
            "store": {"url": f"sqlite:///{self.database}", "spool": str(self.folder / "spool")},
            "gateway": {"port": self.port},
        }
        (self.folder / "prober.yaml").write_text(json.dumps(config | self.keys))

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "prober.db"

    @property
    def log(self) -> str:
        """All that it logged so far."""
        return (self.folder / "log").read_text()

    def start(self, env: Mapping[str, str] | None = None) -> None:
        """Start it, and wait for its gateway to answer."""
        process = self.launch(env)
        until(lambda: self.answers("/health") or process.poll() is not None)
        assert process.poll() is None, self.log

    def launch(self, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start it, and don't wait."""
        command = [sys.executable, "-m", "prober", "run", "--config", "prober.yaml"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, stderr=log, stdout=log, env={**os.environ, **(env or {})}
            )
        return self.process

    def send(self, number: signal.Signals) -> None:
        """Send the main process a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal that ends it, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(60)

    def workers(self) -> list[int]:
        """The pids of its workers."""
        assert self.process is not None
        pid = self.process.pid
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def get(self, path: str) -> str:
        """The body of an answer of 200."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
            return str(answer.read().decode())

    def answers(self, path: str) -> bool:
        """Whether a path answers 200."""
        try:
            self.get(path)
        except (urllib.error.URLError, OSError):
            return False
        return True

    def status(self, name: str) -> str:
        """A service's status, as the API has it."""
        return str(json.loads(self.get(f"/api/v1/services/{name}"))["status"])

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask its database."""
        with closing(sqlite3.connect(self.database, timeout=10)) as connection:
            return connection.execute(query, parameters).fetchall()


@contextmanager
def running(
    folder: Path, services: Sequence[Mapping[str, object]], **keys: object
) -> Iterator[Daemon]:
    """A started daemon, ended with the block."""
    daemon = Daemon(folder, services, **keys)
    daemon.start()
    try:
        yield daemon
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.end()
