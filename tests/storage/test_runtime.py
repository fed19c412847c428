from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from databases import AT, broken, execute, ok, rows
from sqlalchemy import make_url
from structlog.testing import capture_logs

from prober.errors import NotWritable, StoreUnfit
from prober.model import Observation, Service, Status
from prober.storage.runtime import RuntimeTable

TABLE = "copilot_runtime_services"
SERVICES = {
    "madre": Service("madre", "http://10.0.0.5:8001", "10.0.0.5", 8001, ("/health", "/healthz"))
}
MOVED = Service("switch", "http://10.0.0.5:9002", "10.0.0.5", 9002, ("/health",))
STAMP = "2026-09-21 14:13:20.007000"  # AT + 7 ms
SEVEN = AT + 7

LEGACY = """service_name TEXT UNIQUE, host TEXT DEFAULT 'localhost', port INTEGER, health_url TEXT,
    status TEXT DEFAULT 'unknown', last_check TIMESTAMP,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP"""
ADDED = """, http_code INTEGER, latency_ms INTEGER, endpoint_ok TEXT, snippet TEXT,
    checked_at TIMESTAMP"""
ANEW = """service_name VARCHAR(128) NOT NULL UNIQUE, host VARCHAR(128), port INTEGER NOT NULL,
    health_url VARCHAR(256), status VARCHAR(32), http_code INTEGER, latency_ms INTEGER,
    endpoint_ok VARCHAR(128), snippet TEXT, last_check TIMESTAMP, checked_at TIMESTAMP,
    created_at TIMESTAMP"""
SHAPES = {
    "legacy": LEGACY,
    "legacy with five columns": LEGACY + ADDED,
    "declared anew": ANEW,
    "with unknown columns": ANEW + ", owner TEXT, weight INTEGER, mood VARCHAR(4) DEFAULT 'calm'",
    "without a unique key": ANEW.replace(" UNIQUE", ""),
}
MEASURED = [shape for shape in SHAPES if shape != "legacy"]


def shape(url: str, name: str) -> str:
    """A database whose table has that shape, and a row of another program's."""
    key = "INTEGER PRIMARY KEY" if make_url(url).get_backend_name() == "sqlite" else "SERIAL"
    execute(
        url,
        f"DROP TABLE {TABLE}",
        f"CREATE TABLE {TABLE} (id {key}, {SHAPES[name]})",
        f"""INSERT INTO {TABLE} (id, service_name, host, port, health_url, status, created_at)
            VALUES (77, 'switch', 'far', 8002, 'http://far', 'old', '2020-01-01 00:00:00')""",
    )
    return url


def table(url: str, services: dict[str, Service] = SERVICES) -> RuntimeTable:
    return RuntimeTable(url, TABLE, services)


@pytest.mark.parametrize("name", SHAPES)
def test_existing_row_keeps_what_prober_does_not_own(url: str, name: str) -> None:
    table(shape(url, name)).write({"switch": broken("switch")})

    query = f"SELECT id, host, port, health_url, status, CAST(created_at AS TEXT) FROM {TABLE}"
    assert rows(url, query) == [(77, "far", 8002, "http://far", "BROKEN", "2020-01-01 00:00:00")]


@pytest.mark.parametrize("name", SHAPES)
def test_port_follows_the_configuration(url: str, name: str) -> None:
    runtime = table(shape(url, name), {"switch": MOVED})

    runtime.write({"switch": ok("switch")})

    assert rows(url, f"SELECT port FROM {TABLE}") == [(9002,)]


def test_service_that_a_reload_removed_keeps_its_port(url: str) -> None:
    table(shape(url, "declared anew"), {}).write({"switch": ok("switch")})

    assert rows(url, f"SELECT port, status FROM {TABLE}") == [(8002, "OK")]


@pytest.mark.parametrize("name", SHAPES)
def test_new_row_says_where_the_service_is(url: str, name: str) -> None:
    table(shape(url, name)).write({"madre": ok(at=SEVEN)})

    query = f"""SELECT host, port, health_url, status, CAST(last_check AS TEXT) FROM {TABLE}
                WHERE service_name = 'madre'"""
    [(host, port, health_url, status, last_check)] = rows(url, query)
    assert (host, port, health_url) == ("10.0.0.5", 8001, "http://10.0.0.5:8001/health")
    assert (status, STAMP.startswith(last_check)) == ("OK", True)


@pytest.mark.parametrize("name", MEASURED)
def test_row_holds_the_last_measurement(url: str, name: str) -> None:
    table(shape(url, name)).write({"switch": ok("switch", latency_ms=12.6)})

    query = f"SELECT http_code, latency_ms, endpoint_ok, snippet FROM {TABLE}"
    assert rows(url, query) == [(200, 13, "/health", "fine")]


@pytest.mark.parametrize("name", MEASURED)
def test_failure_empties_what_it_did_not_measure(url: str, name: str) -> None:
    runtime = table(shape(url, name))
    runtime.write({"switch": ok("switch")})

    runtime.write({"switch": broken("switch")})

    query = f"SELECT http_code, latency_ms, endpoint_ok, snippet FROM {TABLE}"
    assert rows(url, query) == [(None, None, None, None)]


def test_status_without_a_probe_keeps_the_last_measurement(url: str) -> None:
    runtime = table(shape(url, "declared anew"))
    runtime.write({"switch": ok("switch")})

    runtime.write({"switch": Observation("switch", AT, Status.UNKNOWN)})

    assert rows(url, f"SELECT status, http_code FROM {TABLE}") == [("UNKNOWN", 200)]


def test_many_writes_use_up_no_ids(url: str) -> None:
    runtime = table(url)
    for _ in range(5):
        runtime.write({"madre": ok()})

    table(url, {"hermes": SERVICES["madre"]}).write({"hermes": ok("hermes")})

    assert rows(url, f"SELECT id FROM {TABLE} ORDER BY id") == [(1,), (2,)]


def test_a_large_fleet_is_written_at_once(url: str) -> None:
    fleet = {f"service-{n}": ok(f"service-{n}") for n in range(33_000)}
    runtime = table(url, dict.fromkeys(fleet, SERVICES["madre"]))

    for _ in range(2):
        runtime.write(fleet)

    assert rows(url, f"SELECT count(*) FROM {TABLE}") == [(33_000,)]


def test_text_is_cut_to_the_length_of_its_column(url: str) -> None:
    table(url).write({"madre": ok(endpoint_ok="/" + "x" * 300)})

    assert rows(url, f"SELECT length(endpoint_ok) FROM {TABLE}") == [(128,)]


def test_service_that_a_reload_removed_gets_no_row(url: str) -> None:
    table(url, {}).write({"madre": ok()})

    assert rows(url, f"SELECT count(*) FROM {TABLE}") == [(0,)]


def test_legacy_shape_is_told_once(url: str) -> None:
    runtime = table(shape(url, "legacy"))

    with capture_logs() as logs:
        runtime.write({"switch": ok("switch")})
        runtime.close()
        runtime.write({"switch": ok("switch")})

    missing = ["checked_at", "endpoint_ok", "http_code", "latency_ms", "snippet"]
    assert [entry["columns"] for entry in logs] == [missing]


def test_required_column_stops_new_rows_only(url: str) -> None:
    execute(
        shape(url, "declared anew"), f"ALTER TABLE {TABLE} ADD COLUMN tier TEXT NOT NULL DEFAULT 1"
    )
    if make_url(url).get_backend_name() == "sqlite":
        columns = f"id INTEGER PRIMARY KEY, {ANEW}, tier TEXT NOT NULL"
        execute(
            url,
            f"CREATE TABLE other ({columns})",
            f"INSERT INTO other SELECT * FROM {TABLE}",
            f"DROP TABLE {TABLE}",
            f"ALTER TABLE other RENAME TO {TABLE}",
        )
    else:
        execute(url, f"ALTER TABLE {TABLE} ALTER COLUMN tier DROP DEFAULT")

    table(url).write({"switch": ok("switch")})
    with pytest.raises(StoreUnfit, match=rf"{TABLE}\.tier is NOT NULL"):
        table(url).write({"madre": ok()})

    assert rows(url, f"SELECT status FROM {TABLE}") == [("OK",)]


def test_missing_table_is_named(url: str) -> None:
    with pytest.raises(StoreUnfit, match="table elsewhere is missing"):
        RuntimeTable(url, "elsewhere", SERVICES).write({"madre": ok()})


def test_foreign_database_that_is_missing_is_not_created(tmp_path: Path) -> None:
    file = tmp_path / "vx11.db"

    with pytest.raises(NotWritable, match=r"vx11\.db can't be opened"):
        table(f"sqlite:///{file}").write({"madre": ok()})

    assert not file.exists()


def test_foreign_database_keeps_its_journal_mode(fresh_sqlite: Any) -> None:
    url = fresh_sqlite()
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()

    table(url).write({"madre": ok()})

    assert rows(url, "PRAGMA journal_mode") == [("delete",)]
