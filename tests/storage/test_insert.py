"""Inserts of many rows, with and without what is usually empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from databases import execute, rows
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from prober.storage import tables
from prober.storage.database import open_engine
from prober.storage.tolerant import AT_ONCE, Notes, prepare

COLUMNS = ("service_id", "at", "new", "old", "reason")
STORED = "SELECT service_id, at, new, old, reason FROM transitions ORDER BY at"


@pytest.fixture
def connection(url: str) -> Iterator[Connection]:
    engine = open_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def told(count: int) -> list[tuple[object, ...]]:
    """Rows of which every third has a reason, and every sixth no old status."""
    return [
        (1, at, "OK", "BROKEN" if at % 6 else None, "timeout" if at % 3 == 0 else None)
        for at in range(count)
    ]


@pytest.mark.parametrize("usually_empty", [0, 1, 2])
@pytest.mark.parametrize("count", [0, 1, AT_ONCE, 2 * AT_ONCE - 1, 4 * AT_ONCE + 3])
def test_rows_are_stored_as_they_are(
    connection: Connection, url: str, usually_empty: int, count: int
) -> None:
    insert = prepare(connection, tables.transitions, COLUMNS, Notes(), usually_empty=usually_empty)

    insert.run(connection, told(count))

    connection.commit()
    assert rows(url, STORED) == told(count)


def test_what_is_new_is_counted(connection: Connection) -> None:
    insert = prepare(connection, tables.transitions, COLUMNS, Notes(), usually_empty=1)
    insert.run(connection, told(50))

    new = insert.run(connection, told(120))

    assert new == 70


@pytest.mark.parametrize("reason", [None, "timeout", ""])
def test_rows_that_are_all_alike_are_stored_as_they_are(
    connection: Connection, url: str, reason: str | None
) -> None:
    alike: list[tuple[object, ...]] = [(1, at, "OK", "BROKEN", reason) for at in range(60)]
    insert = prepare(connection, tables.transitions, COLUMNS, Notes(), usually_empty=1)

    insert.run(connection, alike)

    connection.commit()
    assert rows(url, STORED) == alike


def test_columns_are_stored_as_the_rows_that_they_make(connection: Connection, url: str) -> None:
    insert = prepare(connection, tables.transitions, COLUMNS, Notes(), usually_empty=1)

    insert.run_columns(connection, list(zip(*told(60), strict=True)))

    connection.commit()
    assert rows(url, STORED) == told(60)


def test_rows_that_the_table_refuses_are_an_error(url: str) -> None:
    execute(url, "ALTER TABLE transitions ADD COLUMN extra INTEGER DEFAULT 1 CHECK (at < 70)")
    engine = open_engine(url)

    with engine.connect() as connection, pytest.raises(IntegrityError):
        prepare(connection, tables.transitions, COLUMNS, Notes()).run(connection, told(90))

    engine.dispose()
