"""Inserts that take a table as it is found: what both sides have is written, the rest is left."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial

import structlog
from sqlalchemy import (
    Connection,
    Dialect,
    Table,
    TableClause,
    bindparam,
    column,
    inspect,
    table,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import IntegrityError, NoSuchTableError, NotSupportedError, ProgrammingError

from prober.errors import StoreUnfit
from prober.storage.copying import copy, copy_statement

Row = tuple[object, ...]
Column = Sequence[object]  # one value of each row

COPIED = 10  # from so many rows on a COPY pays
AT_ONCE = 25  # rows of one statement; more of them save nothing any more
USED = "used_hour"  # of texts: a row that is there is told when it was used last
REFUSED = (IntegrityError, NotSupportedError, ProgrammingError)

log = structlog.get_logger(__name__)

AnyInsert = sqlite.Insert | postgresql.Insert
Otherwise = Callable[[AnyInsert, Sequence[str]], AnyInsert]
"""Makes an insert of these columns say what becomes of a row that can't be inserted."""

Sql = Callable[[int, int], str]

INSERT: dict[str, Callable[[TableClause], AnyInsert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


class Notes:
    """What was already said of missing columns, so that it is said once."""

    def __init__(self) -> None:
        self._said: set[tuple[str, frozenset[str]]] = set()

    def missing(self, name: str, columns: Collection[str]) -> None:
        """Warn of columns that are not written, unless this was said before."""
        note = (name, frozenset(columns))
        if columns and note not in self._said:
            self._said.add(note)
            log.warning("columns are missing and not written", table=name, columns=sorted(columns))


@dataclass(frozen=True, slots=True)
class Insert:
    """An insert that leaves rows alone which are already there, but for their `used_hour`.

    `sql` is that of so many of the first columns that are there, and of so many rows. `places` are
    those columns among the wanted ones; after the first `filled` they are usually empty. `hasty`
    is an `sql` that leaves out whatever the table refuses, without a word. `copy` takes such rows
    too: that is for many rows, none of which is there yet.
    """

    sql: Sql
    places: Sequence[int]
    filled: int
    hasty: Sql | None = None
    copy: str | None = None

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Insert rows of the wanted columns; returns how many were not there already."""
        return self.run_columns(connection, list(zip(*rows, strict=True))) if rows else 0

    def run_columns(self, connection: Connection, wanted: Sequence[Column]) -> int:
        """The same with rows that are given a column at a time: the faster way for many."""
        columns = [wanted[place] for place in self.places]
        if self._copied(connection, columns):
            return len(columns[0])
        # What is empty is left out: for each None SQLite's driver looks for an adapter, and that
        # takes longer than all numbers of a row.
        filled, seldom = columns[: self.filled], columns[self.filled :]
        odd = _odd(seldom)
        put = self._put(connection, len(filled), _without(_joined(filled), odd, len(filled)))
        if odd:
            whole = [[column[place] for place in odd] for column in columns]
            put += self._put(connection, len(whole), _joined(whole))
        return put

    def _copied(self, connection: Connection, columns: Sequence[Column]) -> bool:
        if self.copy is None or len(columns[0]) < COPIED:
            return False
        try:
            copy(connection, self.copy, zip(*columns, strict=True))
        except REFUSED:  # a row is there, or the table is an odd one: the insert leaves or tells it
            return False
        return True

    def _put(self, connection: Connection, width: int, values: Sequence[object]) -> int:
        """Insert rows of the first columns, value by value."""
        rows = len(values) // width
        put = 0 if self.hasty is None else _run(connection, self.hasty, width, values)
        # What was left out is there already, or refused: this tells which.
        return put if put == rows else put + _run(connection, self.sql, width, values)


def prepare(
    connection: Connection,
    wanted: Table,
    columns: Sequence[str],
    notes: Notes,
    *,
    usually_empty: int = 0,
) -> Insert:
    """An insert of `columns` of `wanted` into that table as it is in the database.

    The last `usually_empty` of them are seldom filled. Raises `StoreUnfit` where the table is not
    there, lacks a column of its key or one that is never empty, or requires a column that prober
    doesn't know.
    """
    found = reflect(connection, wanted.name)
    needed = {c.name for c in wanted.columns if not c.nullable} & set(columns)
    require_columns(wanted.name, needed - found.keys())
    require_fillable(wanted.name, unfillable(found, columns))
    notes.missing(wanted.name, [c for c in columns if c not in found])
    kept = [c for c in columns if c in found]
    filled = sum(1 for c in columns[: len(columns) - usually_empty] if c in found)
    sql = partial(_compile, connection.dialect, table(wanted.name, *map(column, kept)))
    hasty = USED not in kept and connection.dialect.name == "sqlite"
    return Insert(
        sql=cache(partial(sql, _where_there)),
        places=[columns.index(c) for c in kept],
        filled=filled,
        hasty=cache(partial(sql, _or_ignore)) if hasty else None,
        copy=copy_statement(connection, wanted.name, kept),
    )


def reflect(connection: Connection, name: str) -> dict[str, ReflectedColumn]:
    """The columns that the table has now, by name; raises `StoreUnfit` where it isn't there."""
    try:
        return {c["name"]: c for c in inspect(connection).get_columns(name)}
    except NoSuchTableError as error:
        raise StoreUnfit(
            f"table {name} is missing in {connection.engine.url.database}; "
            "run `prober db upgrade`, or create it"
        ) from error


def unfillable(found: dict[str, ReflectedColumn], columns: Collection[str]) -> list[str]:
    """Columns outside `columns` that an insert must give a value, and can't."""
    return [name for name, c in found.items() if name not in columns and not _optional(c)]


def require_columns(name: str, missing: Collection[str]) -> None:
    """Raise `StoreUnfit` where columns that must be written are missing."""
    if missing:
        raise StoreUnfit(
            f"{name}.{min(missing)} is missing and prober can't do without it; "
            "add it, or restore the table"
        )


def require_fillable(name: str, unknown: Collection[str]) -> None:
    """Raise `StoreUnfit` where there are required columns that prober doesn't know."""
    if unknown:
        raise StoreUnfit(
            f"{name}.{min(unknown)} is NOT NULL without a default and prober can't fill it; "
            "give it a default, or allow NULL"
        )


def _optional(found: ReflectedColumn) -> bool:
    """Whether the database fills the column by itself. SQLite numbers an INTEGER key."""
    return bool(
        found["nullable"]
        or found.get("default") is not None
        or found.get("computed")
        or found.get("identity")
        or (found.get("primary_key") == 1 and str(found["type"]) == "INTEGER")
    )


def _run(connection: Connection, sql: Sql, width: int, values: Sequence[object]) -> int:
    """Insert rows, several with each statement; returns how many came to be."""
    size = width * AT_ONCE
    end = (len(values) // size - 1) * size  # the last statement brings the rest as well
    many = [tuple(values[start : start + size]) for start in range(0, end, size)]
    last = tuple(values[len(many) * size :])
    put = 0
    if many:
        put += connection.exec_driver_sql(sql(width, AT_ONCE), many).rowcount
    if last:
        put += connection.exec_driver_sql(sql(width, len(last) // width), last).rowcount
    return put


def _compile(
    dialect: Dialect, into: TableClause, otherwise: Otherwise, width: int, rows: int
) -> str:
    used = list(into.columns.keys())[:width]
    insert = INSERT[dialect.name](into).values({c: bindparam(c) for c in used})
    # SQLAlchemy takes milliseconds over many rows, and they all look alike.
    one = str(otherwise(insert, used).compile(dialect=dialect))
    start, _, rest = one.partition(" VALUES ")
    row, conflict, action = rest.partition(" ON CONFLICT ")
    return f"{start} VALUES {', '.join([row] * rows)}{conflict}{action}"


def _where_there(insert: AnyInsert, columns: Sequence[str]) -> AnyInsert:
    """Leave a row that is there as it is, but for the hour in which it was used last."""
    if USED not in columns:
        return insert.on_conflict_do_nothing()
    later = insert.excluded[USED]
    return insert.on_conflict_do_update(
        index_elements=[columns[0]], set_={USED: later}, where=insert.table.c[USED] < later
    )


def _or_ignore(insert: AnyInsert, _: Sequence[str]) -> AnyInsert:
    """Leave out what is refused: SQLite keeps a copy of all pages for a statement that can fail."""
    return insert.prefix_with("OR IGNORE")


def _joined(columns: Sequence[Column]) -> list[object]:
    """The values of columns, row by row."""
    values: list[object] = [None] * (len(columns) * len(columns[0]))
    for place, values_of_one in enumerate(columns):
        values[place :: len(columns)] = values_of_one
    return values


def _odd(seldom: Sequence[Column]) -> list[int]:
    """The places of the rows that have a value in one of these columns."""
    if all(column.count(None) == len(column) for column in seldom):
        return []
    empty = (None,) * len(seldom)
    return [place for place, row in enumerate(zip(*seldom, strict=True)) if row != empty]


def _without(values: list[object], rows: Sequence[int], width: int) -> list[object]:
    """Joined values but for those of some rows, which are given in their order."""
    kept: list[object] = []
    start = 0
    for row in rows:
        kept += values[start * width : row * width]
        start = row + 1
    return kept + values[start * width :]
