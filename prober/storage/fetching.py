"""Name many values in a query, and fetch many rows of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Connection, Select, bindparam

VALUES_A_QUERY = 10_000  # SQLite takes 32,766

T = TypeVar("T")


def numbers(name: str) -> BindParameter[Any]:
    """Any number of whole numbers, for `in_`.

    They stand in the statement's text: to name a hundred parameters costs more than to read it.
    """
    return bindparam(name, expanding=True, literal_execute=True)


def shares(values: Iterable[T], most: int = VALUES_A_QUERY) -> Iterator[list[T]]:
    """The values in lists of at most so many, in order; none is empty."""
    rest = iter(values)
    while share := list(islice(rest, most)):
        yield share


def fetch(
    connection: Connection, query: Select[Any], values: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of a query as the driver gives them: SQLAlchemy's own cost more than reading does.

    Types are the driver's: for whole numbers, texts and bytes, the same.
    """
    result = connection.execute(query, values)
    assert result.cursor is not None  # a SELECT has one until it is closed
    rows = result.cursor.fetchall()
    result.close()
    return list(rows)
