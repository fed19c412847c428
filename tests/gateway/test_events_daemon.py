"""Events and a real daemon: what was answered is there, however the daemon ends."""

from __future__ import annotations

import http.client
import json
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemons import Daemon, free_port, until

from prober.storage import inspection

TOKEN = "a-token-of-the-test"
SENDERS = 8


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon that takes events, not started yet."""
    service = {"name": "gone", "url": f"http://127.0.0.1:{free_port()}"}
    daemon = Daemon(tmp_path, [service])
    token = {"name": "test", "token": TOKEN, "scopes": ["ingest"]}
    daemon.keys["gateway"] = {"port": daemon.port, "auth": {"tokens": [token]}}
    daemon.configure([service])
    yield daemon
    if daemon.process is not None and daemon.process.poll() is None:
        daemon.end()


def send(port: int, answered: list[str]) -> None:
    """Send events one after the other until the daemon is gone."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        while True:
            connection.request("POST", "/api/v1/events", '{"type": "x"}', {"X-Prober-Token": TOKEN})
            answer = json.load(connection.getresponse())
            if answer.get("status") == "ok":
                answered.append(answer["event_id"])
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()


def burst(daemon: Daemon, number: signal.Signals, seconds: float) -> list[str]:
    """Send events for so long, end the daemon meanwhile, and give what was answered."""
    answered: list[str] = []
    senders = [threading.Thread(target=send, args=(daemon.port, answered)) for _ in range(SENDERS)]
    for sender in senders:
        sender.start()
    time.sleep(seconds)
    daemon.end(number)
    for sender in senders:
        sender.join(60)
    return answered


def stored(daemon: Daemon) -> set[str]:
    payloads = daemon.rows("SELECT payload FROM forensic_ledger")
    return {json.loads(payload)["event_id"] for (payload,) in payloads}


def whole(daemon: Daemon) -> bool:
    return inspection.inspect(f"sqlite:///{daemon.database}", None, lambda _: None).well


def test_every_answered_event_survives_each_kill(daemon: Daemon) -> None:
    answered: list[str] = []
    for _ in range(4):
        daemon.start()
        answered += burst(daemon, signal.SIGKILL, random.uniform(0.3, 0.8))

    assert answered
    assert set(answered) <= stored(daemon)
    assert whole(daemon)


def test_every_answered_event_is_there_after_a_clean_end(daemon: Daemon) -> None:
    daemon.start()
    answered = burst(daemon, signal.SIGTERM, 0.5)

    assert set(answered) <= stored(daemon)
    assert whole(daemon)
    assert daemon.process is not None
    assert daemon.process.returncode == 0


def test_results_are_stored_while_events_pour_in(daemon: Daemon) -> None:
    daemon.start()
    until(lambda: results(daemon) > 0)
    before = results(daemon)

    burst(daemon, signal.SIGTERM, 2)

    assert results(daemon) >= before + 5
    assert "spooled" not in daemon.log


def results(daemon: Daemon) -> int:
    [(count,)] = daemon.rows("SELECT count(*) FROM results")
    return int(count)
