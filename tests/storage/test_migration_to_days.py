"""The migration that divides PostgreSQL's hot table by days, there and back, with rows in it."""

from __future__ import annotations

import pytest
from alembic import command
from databases import AT, execute, go, ok, rows

from prober.storage import migrate
from prober.storage.segment import DAY_MS
from prober.storage.writer import Writer

KIND = "SELECT relkind FROM pg_class WHERE oid = 'results'::regclass"
COUNT = "SELECT count(*) FROM results"


@pytest.fixture
def url(empty_postgres: str) -> str:
    """A database that has the tables from before the migration, with rows."""
    go(empty_postgres, command.upgrade, "0003")
    values = f"SELECT i / 300000, 1, i, 0 FROM generate_series({AT}::bigint, {AT + 10**6}, 1000) i"
    execute(
        empty_postgres, f"INSERT INTO results (bucket, service_id, checked_at, outcome) {values}"
    )
    return empty_postgres


def test_rows_stay_where_they_lie(url: str) -> None:
    before = rows(url, "SELECT pg_relation_filenode('results')")

    migrate.upgrade(url)

    assert rows(url, "SELECT pg_relation_filenode('results_before')") == before
    assert (rows(url, COUNT), rows(url, KIND)) == ([(1001,)], [("p",)])
    assert migrate.check(url) == []


def test_what_comes_after_the_migration_is_written_beside_it(url: str) -> None:
    migrate.upgrade(url)

    Writer(url).write([ok("switch", AT + 1 + days * DAY_MS) for days in (-400, 0, 400)])

    assert rows(url, COUNT) == [(1004,)]


def test_rights_of_others_are_kept(url: str) -> None:
    execute(url, "GRANT SELECT ON results TO PUBLIC")

    migrate.upgrade(url)

    query = "SELECT has_table_privilege('pg_monitor', 'results', 'SELECT')"
    assert rows(url, query) == [(True,)]


def test_the_way_back_keeps_all_rows(url: str) -> None:
    migrate.upgrade(url)
    Writer(url).write([ok("switch", AT + 1 + days * DAY_MS) for days in (-400, 0, 400)])

    go(url, command.downgrade, "0003")

    assert (rows(url, COUNT), rows(url, KIND)) == ([(1004,)], [("r",)])


def test_the_way_back_and_there_again_ends_as_declared(empty_url: str) -> None:
    migrate.upgrade(empty_url)
    go(empty_url, command.downgrade, "0003")

    migrate.upgrade(empty_url)

    assert migrate.check(empty_url) == []


def test_a_table_with_a_key_of_its_own_is_left_alone(url: str) -> None:
    execute(url, "ALTER TABLE results DROP CONSTRAINT results_pkey, ADD PRIMARY KEY (checked_at)")

    migrate.upgrade(url)

    assert rows(url, KIND) == [("r",)]
