from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from prober.errors import (
    NotWritable,
    ProberError,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreUnfit,
)
from prober.storage.failures import explain

SQLITE = "sqlite:///data/prober.db"
POSTGRES = "postgresql://prober:s3cret@db.example/prober"


class ServerError(Exception):
    """What a server says, as psycopg carries it."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("server: no\nDETAIL: more")
        self.sqlstate = sqlstate


def from_sqlite(code: int, text: str = "trouble") -> DBAPIError:
    cause: Any = sqlite3.OperationalError(text)
    cause.sqlite_errorcode = code
    return OperationalError("SELECT", {}, cause)


def from_server(sqlstate: str | None) -> DBAPIError:
    return OperationalError("SELECT", {}, ServerError(sqlstate))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_BUSY, StoreLocked),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreLocked),
        (sqlite3.SQLITE_CORRUPT, StoreCorrupt),
        (sqlite3.SQLITE_NOTADB, StoreCorrupt),
        (sqlite3.SQLITE_READONLY_DIRECTORY, NotWritable),
        (sqlite3.SQLITE_CANTOPEN, NotWritable),
        (sqlite3.SQLITE_FULL, StoreError),
        (sqlite3.SQLITE_IOERR_WRITE, StoreError),
        (sqlite3.SQLITE_ERROR, StoreError),
    ],
)
def test_failure_of_sqlite_has_its_kind(code: int, kind: type[ProberError]) -> None:
    assert type(explain(from_sqlite(code), SQLITE)) is kind


@pytest.mark.parametrize(
    ("sqlstate", "kind"),
    [
        ("55P03", StoreLocked),
        ("25006", NotWritable),
        ("42P01", StoreUnfit),
        ("23502", StoreUnfit),
        ("53100", StoreError),
        ("08006", StoreError),
        ("28P01", StoreError),
        ("99999", StoreError),
        (None, StoreError),
    ],
)
def test_failure_of_postgresql_has_its_kind(sqlstate: str | None, kind: type[ProberError]) -> None:
    assert type(explain(from_server(sqlstate), POSTGRES)) is kind


def test_missing_table_in_sqlite_is_unfit() -> None:
    error = from_sqlite(sqlite3.SQLITE_ERROR, "no such table: results")

    assert type(explain(error, SQLITE)) is StoreUnfit


def test_full_disk_says_what_to_do() -> None:
    message = str(explain(from_sqlite(sqlite3.SQLITE_FULL), SQLITE))

    assert message == ("database data/prober.db has no space left; free some on its disk (trouble)")


def test_message_is_one_line_without_the_password() -> None:
    message = str(explain(from_server("28P01"), POSTGRES))

    assert ("\n" in message, "s3cret" in message) == (False, False)
    assert "db.example/prober refuses the login" in message
