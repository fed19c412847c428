from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databases import execute, rows, unprivileged

import prober
from prober.errors import NotWritable, StoreError, StoreNewer, StoreUnfit
from prober.storage import migrate

LEGACY = """CREATE TABLE copilot_runtime_services (id INTEGER PRIMARY KEY, service_name TEXT UNIQUE,
    host TEXT DEFAULT 'localhost', port INTEGER, health_url TEXT, status TEXT DEFAULT 'unknown',
    last_check TIMESTAMP, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP)"""
ROOT = Path(prober.__file__).parent.parent


def test_migrated_database_is_exactly_as_declared(empty_url: str) -> None:
    migrate.upgrade(empty_url)

    assert migrate.check(empty_url) == []


def test_upgrade_says_what_it_did_and_does_it_once(empty_url: str) -> None:
    first, second = migrate.upgrade(empty_url), migrate.upgrade(empty_url)

    assert first[0].startswith("0001: pending migration")
    assert second == []


def test_two_that_start_at_once_both_find_a_migrated_database(empty_url: str) -> None:
    command = "import sys; from prober.storage import migrate; migrate.upgrade(sys.argv[1])"

    def start(_: int) -> int:
        return subprocess.run([sys.executable, "-c", command, empty_url], cwd=ROOT).returncode

    with ThreadPoolExecutor(2) as threads:
        codes = list(threads.map(start, range(2)))

    assert codes == [0, 0]


def test_tables_of_the_fleet_stay_as_they_are(empty_url: str) -> None:
    execute(
        empty_url,
        LEGACY,
        "INSERT INTO copilot_runtime_services (id, service_name) VALUES (5, 'madre')",
    )

    migrate.upgrade(empty_url)

    query = "SELECT id, host, status FROM copilot_runtime_services"
    assert rows(empty_url, query) == [(5, "localhost", "unknown")]
    missing = "copilot_runtime_services.http_code: missing column"
    assert missing in migrate.check(empty_url)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ("ALTER TABLE results DROP COLUMN phase", "results.phase: missing column"),
        ("ALTER TABLE results ADD COLUMN mood TEXT", "results.mood: extra column"),
        ("DROP TABLE alerts", "alerts: missing table"),
        ("DROP INDEX transitions_at", "transitions: missing index transitions_at"),
        ("CREATE INDEX other ON alerts (at)", "alerts: extra index other"),
        ("ALTER TABLE forensic_ledger DROP COLUMN hash", "forensic_ledger.hash: missing column"),
    ],
)
def test_drift_is_named(url: str, change: str, line: str) -> None:
    execute(url, change)

    assert migrate.check(url) == [line]


def test_changed_type_is_named(fresh_postgres: Any) -> None:
    url = fresh_postgres()
    execute(url, "ALTER TABLE alerts ALTER COLUMN reason TYPE INTEGER USING 0")

    assert migrate.check(url) == ["alerts.reason: changed, type is INTEGER instead of TEXT"]


def test_changed_nullability_is_named(fresh_postgres: Any) -> None:
    url = fresh_postgres()
    execute(url, "ALTER TABLE alerts ALTER COLUMN at DROP NOT NULL")

    assert migrate.check(url) == ["alerts.at: changed, nullable is True instead of False"]


def test_tables_of_others_are_no_drift(url: str) -> None:
    execute(url, "CREATE TABLE incidents (id INTEGER)")

    assert migrate.check(url) == []


def test_database_of_a_newer_prober_is_refused(url: str) -> None:
    execute(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreNewer, match="was migrated to 9999 by a newer prober"):
        migrate.ensure(url, True)


def test_pending_migration_is_refused_where_migrating_is_off(url: str) -> None:
    execute(url, "DELETE FROM alembic_version")

    with pytest.raises(StoreUnfit, match="run `prober db upgrade`"):
        migrate.ensure(url, False)


def test_pending_migration_is_the_only_thing_that_check_tells(url: str) -> None:
    execute(url, "DELETE FROM alembic_version", "DROP TABLE rollups")

    assert migrate.check(url) == [
        "0001: pending migration (The first tables.)",
        "0002: pending migration (Chain the ledger.)",
        "0003: pending migration (Closed hours, packed, and rollups that know time and reasons.)",
        "0004: pending migration (The hot table in partitions of a day, on PostgreSQL.)",
        "0005: pending migration (The hour in which a text was used last.)",
        "0006: pending migration (An index of the cells of days, with their time by status.)",
        "0007: pending migration (The uptime of days in a column, and in their index.)",
    ]


def test_check_creates_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotWritable, match="can't be opened"):
        migrate.check(f"sqlite:///{tmp_path / 'prober.db'}")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["prober.db", "below/prober.db"])
def test_folder_that_can_not_be_written_is_named(shared_path: Path, name: str) -> None:
    with unprivileged(), pytest.raises(NotWritable, match=str(shared_path)):
        migrate.ensure(f"sqlite:///{shared_path / name}", True)


def test_file_that_can_not_be_written_is_named(shared_path: Path, template: Path) -> None:
    file = shared_path / "prober.db"
    file.write_bytes(template.read_bytes())

    with unprivileged(), pytest.raises(NotWritable, match=r"prober\.db can't be"):
        migrate.ensure(f"sqlite:///{file}", True)


def test_file_name_may_hold_characters_that_urls_know(tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'a b' / '50%#é.db'}")

    assert (tmp_path / "a b" / "50%#é.db").exists()


@pytest.mark.parametrize(
    "url", ["mysql://u:s3cret@h/d", "s3cret", "sqlite://", "sqlite:///:memory:"]
)
def test_url_that_can_not_be_used_is_told_without_secrets(url: str) -> None:
    with pytest.raises(StoreError, match=r"^store\.url: .*write sqlite:///data") as caught:
        migrate.ensure(url, True)

    assert "s3cret" not in str(caught.value)


def test_alembic_itself_runs_the_migrations(empty_url: str) -> None:
    command = [sys.executable, "-m", "alembic", "-x", f"url={empty_url}", "upgrade", "head"]

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    assert migrate.check(empty_url) == []
