from __future__ import annotations

import asyncio
import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import AT, execute, ok, rows
from patience import until
from structlog.testing import capture_logs

from prober.config import load
from prober.errors import NotWritable
from prober.model import Observation, Service
from prober.sinks.store import Store
from prober.storage import migrate
from prober.telemetry import Telemetry

SERVICES = [Service("madre", "http://127.0.0.1:8001", "127.0.0.1", 8001)]
STORED = "SELECT checked_at FROM results ORDER BY checked_at"


@pytest.fixture
def url(tmp_path: Path) -> str:
    found = f"sqlite:///{tmp_path / 'prober.db'}"
    migrate.upgrade(found)
    return found


@pytest.fixture
def lock(url: str) -> Iterator[sqlite3.Connection]:
    """Another process's transaction on the database; roll it back to let go."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield connection
    connection.close()


def build(url: str, tmp_path: Path, runtime_table: dict[str, str] | None = None) -> Store:
    file = tmp_path / "prober.yaml"
    store = {"url": url, "spool": str(tmp_path / "spool"), "runtime_table": runtime_table}
    service = {"name": "madre", "url": "http://127.0.0.1:8001"}
    file.write_text(json.dumps({"services": [service], "store": store}))
    return Store.build(load.load([file], {}), SERVICES, Telemetry())


def spooled(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "spool").glob("*.batch"))


async def test_written_batch_is_in_the_database(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path)

    await store.write([ok()])
    await store.close()

    assert rows(url, STORED) == [(AT,)]


async def test_outage_is_spooled_and_replayed_without_new_batches(
    url: str, tmp_path: Path, lock: sqlite3.Connection
) -> None:
    store = build(url, tmp_path)
    await store.write([ok()])
    assert store.spooling

    lock.execute("ROLLBACK")
    await until(lambda: not store.spooling)

    assert rows(url, STORED) == [(AT,)]
    await store.close()


async def test_event_loop_runs_on_while_the_database_is_locked(
    url: str, tmp_path: Path, lock: sqlite3.Connection
) -> None:
    store = build(url, tmp_path)
    ticks = 0

    writing = asyncio.create_task(store.write([ok()]))
    while not writing.done():
        await asyncio.sleep(0.01)
        ticks += 1

    assert ticks > 10
    await store.close()


async def test_close_with_a_locked_database_is_quick_and_leaves_the_spool(
    url: str, tmp_path: Path, lock: sqlite3.Connection
) -> None:
    store = build(url, tmp_path)
    await store.write([ok()])

    start = time.monotonic()
    await store.close()

    assert time.monotonic() - start < 10
    assert len(spooled(tmp_path)) == 1


async def test_batch_in_a_stuck_thread_is_spooled_at_the_end(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path)
    free = threading.Event()
    store._thread.submit(free.wait, 30)
    writing = asyncio.create_task(store.write([ok()]))
    await asyncio.sleep(0.05)

    await store.close()
    writing.cancel()

    assert (free.is_set(), len(spooled(tmp_path))) == (False, 1)
    free.set()


async def test_idle_store_makes_progress(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path)
    await store.write([ok()])
    before = store.progress

    await until(lambda: store.progress > before)

    await store.close()


def test_spool_that_can_not_be_written_stops_the_start(url: str, tmp_path: Path) -> None:
    (tmp_path / "spool").touch()

    with pytest.raises(NotWritable, match=r"store\.spool"):
        build(url, tmp_path)


async def test_runtime_table_holds_the_latest_state(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path, {"name": "copilot_runtime_services"})

    await store.write([ok(at=AT, http_code=200), ok(at=AT + 1, http_code=204)])
    await store.close()

    query = "SELECT service_name, status, http_code FROM copilot_runtime_services"
    assert rows(url, query) == [("madre", "OK", 204)]


async def test_runtime_table_that_is_away_stops_nothing_and_is_told_once(
    url: str, tmp_path: Path
) -> None:
    foreign = f"sqlite:///{tmp_path / 'vx11.db'}"
    store = build(url, tmp_path, {"url": foreign, "name": "states"})

    with capture_logs() as logs:
        await store.write([ok(at=1)])
        await asyncio.sleep(1.3)
        await store.write([ok(at=2)])
        execute(
            foreign,
            "CREATE TABLE states (id INTEGER PRIMARY KEY, service_name TEXT UNIQUE, status TEXT)",
        )
        await until(lambda: rows(foreign, "SELECT status FROM states") == [("OK",)])
        await store.close()

    assert rows(url, STORED) == [(1,), (2,)]
    assert [e["event"] for e in logs if "runtime" in e["event"]] == [
        "runtime table not written",
        "runtime table written again",
    ]


async def test_reloaded_services_get_their_rows(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path, {"name": "copilot_runtime_services"})
    store.retarget([Service("hermes", "http://127.0.0.1:8003", "127.0.0.1", 8003)])

    await store.write([ok("madre"), ok("hermes")])
    await store.close()

    assert rows(url, "SELECT service_name FROM copilot_runtime_services") == [("hermes",)]


def test_store_never_drops_and_gathers_for_less_than_a_second() -> None:
    assert (Store.lossless, Store.linger_s < 1) == (True, True)


async def test_batch_of_signals_only_is_fine(url: str, tmp_path: Path) -> None:
    store = build(url, tmp_path)

    await store.write([Observation("madre", AT, ok().status)])
    await store.close()

    assert rows(url, STORED) == []


async def test_a_batch_behind_a_stuck_database_is_on_disk_before_it_is_free_again(
    url: str, tmp_path: Path
) -> None:
    store = build(url, tmp_path)
    free = threading.Event()
    store._thread.submit(free.wait, 30)

    await store.write([ok()])

    assert (free.is_set(), len(spooled(tmp_path))) == (False, 1)
    free.set()
    await until(lambda: rows(url, STORED) == [(AT,)])
    await store.close()
