"""COPY into PostgreSQL: all rows or none, and failures as those of any other statement."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from databases import rows
from sqlalchemy.exc import IntegrityError, ProgrammingError

from prober.storage.connecting import connected
from prober.storage.copying import copy, copy_statement
from prober.storage.database import Access

Fresh = Callable[[], str]


def test_a_row_that_is_there_stops_the_copy_and_not_the_transaction(fresh_postgres: Fresh) -> None:
    url = fresh_postgres()
    statement = "COPY snippets (id, text) FROM STDIN"

    with connected(url, Access.WRITE) as connection:
        copy(connection, statement, [(1, "tab\tand \\ and\nline"), (2, "é")])
        with pytest.raises(IntegrityError):
            copy(connection, statement, [(3, "new"), (1, "again")])

    assert rows(url, "SELECT id, text FROM snippets ORDER BY id") == [
        (1, "tab\tand \\ and\nline"),
        (2, "é"),
    ]


def test_a_column_that_is_not_there_is_told_as_ever(fresh_postgres: Fresh) -> None:
    url = fresh_postgres()

    with connected(url, Access.WRITE) as connection, pytest.raises(ProgrammingError, match="mood"):
        copy(connection, "COPY snippets (mood) FROM STDIN", [("calm",)])


def test_names_are_quoted_where_they_must_be(fresh_postgres: Fresh) -> None:
    with connected(fresh_postgres()) as connection:
        assert copy_statement(connection, "User", ["order", "at"]) == (
            'COPY "User" ("order", at) FROM STDIN'
        )


def test_sqlite_has_no_copy(fresh_sqlite: Fresh) -> None:
    with connected(fresh_sqlite()) as connection:
        assert copy_statement(connection, "results", ["bucket"]) is None
