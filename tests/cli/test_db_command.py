from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from databases import execute

from prober.cli import main


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "prober.yaml").write_text(
        f"""
services:
  - {{name: madre, url: "http://127.0.0.1:8001"}}
store: {{url: "sqlite:///{tmp_path}/prober.db", spool: {tmp_path}/spool}}
"""
    )
    return tmp_path


def db(folder: Path, command: str) -> Result:
    return CliRunner().invoke(main, ["db", command, "--config", str(folder / "prober.yaml")])


def test_upgrade_makes_the_database_and_says_what_it_did(folder: Path) -> None:
    result = db(folder, "upgrade")

    assert (result.exit_code, result.output) == (
        0,
        "0001: done (The first tables.)\n0002: done (Chain the ledger.)\n"
        "0003: done (Closed hours, packed, and rollups that know time and reasons.)\n"
        "0004: done (The hot table in partitions of a day, on PostgreSQL.)\n"
        "0005: done (The hour in which a text was used last.)\n"
        "0006: done (An index of the cells of days, with their time by status.)\n"
        "0007: done (The uptime of days in a column, and in their index.)\n",
    )
    assert (folder / "prober.db").exists()


def test_second_upgrade_has_nothing_to_do(folder: Path) -> None:
    db(folder, "upgrade")

    assert db(folder, "upgrade").output == "the database is up to date\n"


def test_check_of_a_migrated_database_is_well(folder: Path) -> None:
    db(folder, "upgrade")

    assert db(folder, "check").exit_code == 0


def test_check_lists_every_difference_and_exits_1(folder: Path) -> None:
    db(folder, "upgrade")
    execute(
        f"sqlite:///{folder}/prober.db",
        "ALTER TABLE results DROP COLUMN phase",
        "ALTER TABLE results ADD COLUMN mood TEXT",
    )

    result = db(folder, "check")

    assert result.exit_code == 1
    assert sorted(result.output.splitlines()) == [
        "results.mood: extra column",
        "results.phase: missing column",
    ]


def test_check_of_a_missing_database_is_one_line_with_its_exit_code(folder: Path) -> None:
    result = db(folder, "check")

    assert result.exit_code == 73
    assert len(result.output.splitlines()) == 1


def test_newer_database_has_its_own_exit_code(folder: Path) -> None:
    db(folder, "upgrade")
    execute(f"sqlite:///{folder}/prober.db", "UPDATE alembic_version SET version_num = '9999'")

    assert [db(folder, command).exit_code for command in ("upgrade", "check")] == [76, 76]
