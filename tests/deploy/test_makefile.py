from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Stop = Callable[[subprocess.Popen[str]], None]

# Stands for the installed prober: leaves its process id, and says when it was stopped in order.
PROGRAM = """#!/bin/sh
trap "echo > $1.stopped; exit 0" TERM
echo $$ > $1.new && mv $1.new $1.pid
[ "$1" = run ] && [ -n "$FAIL" ] && exit "$FAIL"
while :; do sleep 0.02; done
"""


@pytest.fixture(autouse=True)
def top_level(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests may be run by make: its children must not take over what it was told."""
    for name in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def checkout(tmp_path: Path, deploy: Path) -> Path:
    """A folder where everything seems to be installed already, with a space in its name."""
    folder = tmp_path / "a checkout"
    (folder / ".venv/bin").mkdir(parents=True)
    shutil.copy(deploy.parent / "Makefile", folder)
    for name in ("pyproject.toml", ".venv/.made", ".venv/.installed-run"):
        (folder / name).touch()
    program = folder / ".venv/bin/prober"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    return folder


@pytest.fixture
def make_run(checkout: Path) -> Iterator[subprocess.Popen[str]]:
    """`make run` in a process group of its own, as a terminal would have it."""
    with subprocess.Popen(
        ["make", "run"], cwd=checkout, text=True, start_new_session=True, stderr=subprocess.PIPE
    ) as make:
        yield make
        if make.poll() is None:
            os.killpg(make.pid, signal.SIGKILL)


def terminate(make: subprocess.Popen[str]) -> None:
    make.send_signal(signal.SIGTERM)


def press_ctrl_c(make: subprocess.Popen[str]) -> None:
    os.killpg(make.pid, signal.SIGINT)


@pytest.mark.parametrize("stop", [terminate, press_ctrl_c])
def test_stopping_make_run_stops_both_programs_in_order(
    checkout: Path, make_run: subprocess.Popen[str], stop: Stop
) -> None:
    pids = [started(checkout, name) for name in ("demo", "run")]

    stop(make_run)
    make_run.wait(30)

    assert (checkout / "run.stopped").exists()
    assert (checkout / "demo.stopped").exists()
    assert not any(map(is_alive, pids))


def test_make_run_tells_the_exit_code_of_prober(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIL", "78")

    done = make(checkout, "run")

    assert done.returncode == 2
    assert "Error 78" in done.stderr


@pytest.mark.parametrize("python", ["false", "no-such-python"])
def test_a_python_that_does_not_fit_is_named(checkout: Path, python: str) -> None:
    (checkout / ".venv/.made").unlink()

    done = make(checkout, "run", f"PYTHON={python}")

    assert f"prober needs Python 3.11 or newer, and {python} is not" in done.stderr


def test_make_alone_explains_every_target(checkout: Path) -> None:
    [targets] = re.findall(r"^\.PHONY: (.*)$", (checkout / "Makefile").read_text(), re.MULTILINE)

    done = make(checkout)

    assert re.findall(r"^make ([\w-]+) +\w", done.stdout, re.MULTILINE) == targets.split()


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments], cwd=folder, text=True, capture_output=True, timeout=60, check=False
    )


def started(folder: Path, name: str) -> int:
    """The process id that a program has left, waited for as long as it takes to start one."""
    path = folder / f"{name}.pid"
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return int(path.read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
