"""Insert whole rows of a table: SQLAlchemy takes longer over their values than a database does."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, Dialect, Table, insert

Row = tuple[object, ...]
"""A value of each column of a table, in their order, as the driver takes it."""


def put(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, none of which may be there already."""
    if rows:
        connection.exec_driver_sql(_sql(connection.dialect, table), list(rows))


@lru_cache
def _sql(dialect: Dialect, table: Table) -> str:
    return str(insert(table).compile(dialect=dialect))
