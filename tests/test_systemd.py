from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from prober import systemd


@pytest.fixture(params=["path", "abstract"])
def listening(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[socket.socket, str]]:
    """A socket as systemd has it, and its name as systemd would write it in NOTIFY_SOCKET."""
    name = f"@{uuid4()}" if request.param == "abstract" else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name.replace("@", "\0", 1))
        server.settimeout(20)
        yield server, name


def test_lines_arrive_as_one_datagram(listening: tuple[socket.socket, str]) -> None:
    server, name = listening

    sent = systemd.notify("READY=1", "STATUS=probing", env={"NOTIFY_SOCKET": name})

    assert sent
    assert server.recv(1024) == b"READY=1\nSTATUS=probing"


def test_outside_systemd_nothing_is_sent() -> None:
    assert not systemd.notify("READY=1", env={})


def test_a_socket_that_is_gone_does_not_end_the_daemon(tmp_path: Path) -> None:
    assert not systemd.notify("WATCHDOG=1", env={"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_socket_that_nobody_reads_does_not_hold_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "SEND_TIMEOUT_S", 0.01)
    name = str(tmp_path / "full")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(name)

        told = (systemd.notify("WATCHDOG=1", env={"NOTIFY_SOCKET": name}) for _ in range(100_000))

        assert not all(told)


@pytest.mark.parametrize("pid", [None, str(os.getpid())], ids=["any", "mine"])
def test_the_watchdog_is_fed_at_half_its_limit(pid: str | None) -> None:
    env = {"WATCHDOG_USEC": "30000000"} | ({"WATCHDOG_PID": pid} if pid else {})

    assert systemd.watchdog_interval_s(env) == 15.0


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"},
    ],
)
def test_no_watchdog_is_fed_without_a_limit_for_this_process(env: dict[str, str]) -> None:
    assert systemd.watchdog_interval_s(env) is None
