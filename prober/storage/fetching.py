"""Name many numbers in a query, and fetch many rows of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, TypeVar

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Select,
    Text,
    TypeDecorator,
    bindparam,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

VALUES_A_QUERY = 10_000  # SQLite takes 32,766

T = TypeVar("T")


class Numbers(TypeDecorator[Iterable[int]]):
    """Any number of whole numbers as one value."""

    impl = ARRAY
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """SQLite has no arrays, and reads JSON."""
        return Text() if dialect.name == "sqlite" else ARRAY(BigInteger())

    def process_bind_param(self, value: Iterable[int] | None, dialect: Dialect) -> object:
        """As the driver takes it."""
        numbers = list(value or ())
        return orjson.dumps(numbers).decode() if dialect.name == "sqlite" else numbers


class among(FunctionElement[bool]):
    """Whether a column has one of many whole numbers, which a query is given by a name.

    As `in_`, but for the time that SQLAlchemy takes to name each of them. It has no type: from a
    boolean SQLAlchemy makes `= 1` for SQLite, which then uses no index.
    """

    inherit_cache = True

    def __init__(self, column: ColumnElement[int], name: str) -> None:
        super().__init__(column, bindparam(name, type_=Numbers(BigInteger())))


@compiles(among, "sqlite")
def _among_json(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({numbers}))"


@compiles(among, "postgresql")
def _among_array(element: among, compiler: SQLCompiler, **options: Any) -> str:
    column, numbers = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({numbers})"


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
