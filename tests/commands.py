"""How tests call prober: types of the fixtures in tests/cli, and the command as a process."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from click.testing import Result

Invoke = Callable[..., Result]
Configure = Callable[..., Path]

PROBER = (sys.executable, "-c", "from prober.cli import main; main(prog_name='prober')")


def execute(
    *args: object, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command line as a process of its own, to its end."""
    return subprocess.run(
        [*PROBER, *map(str, args)],
        capture_output=True,
        text=True,
        timeout=30,
        env=os.environ | dict(env or {}),
    )


@contextmanager
def running(*args: object) -> Iterator[subprocess.Popen[str]]:
    """Run a command line as a process that is killed with the block, if it still lives."""
    with subprocess.Popen(
        [*PROBER, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def on_terminal(*args: object, env: Mapping[str, str] | None = None) -> str:
    """What a command line writes to a terminal of 120 columns."""
    main, ours = pty.openpty()
    size = {"COLUMNS": "120", "LINES": "40", "TERM": "xterm-256color"}
    with subprocess.Popen(
        [*PROBER, *map(str, args)],
        stdin=ours,
        stdout=ours,
        stderr=ours,
        env=os.environ | size | dict(env or {}),
    ):
        os.close(ours)
        return b"".join(_read(main)).decode()


def _read(fd: int) -> Iterator[bytes]:
    with open(fd, "rb", buffering=0) as terminal:
        while True:
            try:
                data = terminal.read(65_536)
            except OSError:  # what Linux says when the other side has closed
                return
            yield data
