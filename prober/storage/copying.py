"""Bring many rows into a table of PostgreSQL's at once, by COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError


def copy_statement(connection: Connection, table: str, columns: Sequence[str]) -> str | None:
    """The COPY that takes rows of these columns; None where the database has none."""
    if connection.dialect.name != "postgresql":
        return None
    quote = connection.dialect.identifier_preparer.quote
    return f"COPY {quote(table)} ({', '.join(map(quote, columns))}) FROM STDIN"


def copy(connection: Connection, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
    """Insert the rows, or none of them: what failed leaves the transaction as it was before.

    Raises as SQLAlchemy does, also where one of the rows is there already.
    """
    cursor: Any = connection.connection.cursor()  # of psycopg, which no common interface describes
    failure = connection.dialect.loaded_dbapi.Error
    with connection.begin_nested():
        try:
            with cursor.copy(statement) as copying:
                for row in rows:
                    copying.write_row(row)
        except failure as error:
            raise DBAPIError.instance(
                statement, None, error, failure, dialect=connection.dialect
            ) from error
