"""Tell a database's failures in words that help, whichever database it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DataError, DBAPIError

from prober.errors import (
    NotWritable,
    ProberError,
    StoreCorrupt,
    StoreError,
    StoreLocked,
    StoreUnfit,
)
from prober.storage.database import place

Failure = tuple[type[ProberError], str]

LOCKED: Failure = (StoreLocked, "is locked by another process; stop it, or try again later")
CORRUPT: Failure = (
    StoreCorrupt,
    "is not a database or is damaged; set it aside and restart, or restore a backup",
)
CLOSED: Failure = (
    NotWritable,
    "can't be opened; see that its folder exists and that prober may write there",
)
READ_ONLY: Failure = (NotWritable, "can't be written; give prober write access to it")
FULL: Failure = (StoreError, "has no space left; free some on its disk")
DISK: Failure = (StoreError, "failed to read or write its disk; see the system's log")
UNFIT: Failure = (
    StoreUnfit,
    "lacks a table or column, or requires one that is not filled; run `prober db check`",
)
REFUSED: Failure = (StoreError, "refuses the login; correct user, password or database in its url")
AWAY: Failure = (StoreError, "is not available; see that its server runs and can be reached")
OTHER: Failure = (StoreError, "failed; `prober db check` may tell more")

SQLITE_FAILURES: dict[int, Failure] = {
    sqlite3.SQLITE_BUSY: LOCKED,
    sqlite3.SQLITE_LOCKED: LOCKED,
    sqlite3.SQLITE_CORRUPT: CORRUPT,
    sqlite3.SQLITE_NOTADB: CORRUPT,
    sqlite3.SQLITE_CANTOPEN: CLOSED,
    sqlite3.SQLITE_PERM: CLOSED,
    sqlite3.SQLITE_READONLY: READ_ONLY,
    sqlite3.SQLITE_FULL: FULL,
    sqlite3.SQLITE_IOERR: DISK,
    sqlite3.SQLITE_CONSTRAINT: UNFIT,
}

# SQLite has no code of their own for these.
SQLITE_UNFIT = ("no such column", "no such table", "has no column named")

# 23514 where a row finds no partition: it was dropped.
OUTDATED_SQLSTATES = frozenset({"42703", "42P01", "23502", "23514"})

# By SQLSTATE, or by its class: its first two characters.
POSTGRES_FAILURES: dict[str, Failure] = {
    "55P03": LOCKED,
    "40P01": LOCKED,
    "57014": LOCKED,
    "25006": READ_ONLY,
    "42501": READ_ONLY,
    "42703": UNFIT,
    "42P01": UNFIT,
    "53100": FULL,
    "08": AWAY,
    "23": UNFIT,
    "28": REFUSED,
    "3D": REFUSED,
    "57": AWAY,
}


def explain(error: DBAPIError, url: str) -> ProberError:
    """What to tell the user of a database's failure: one line, without secrets."""
    kind, remedy = _failure(error.orig)
    detail = str(error.orig).strip().partition("\n")[0]
    return kind(f"database {place(url)} {remedy} ({detail})")


@contextmanager
def explaining(url: str) -> Iterator[None]:
    """Raise a database's failures as `explain` puts them, but for values that no column takes."""
    try:
        yield
    except DataError:
        raise  # prober's own defect, and no outage
    except DBAPIError as error:
        raise explain(error, url) from error


def outdated(error: DBAPIError) -> bool:
    """Whether tables, partitions or columns have changed: to look at them again may help."""
    cause = error.orig
    if isinstance(cause, sqlite3.Error):
        return _misses(cause) or cause.sqlite_errorcode == sqlite3.SQLITE_CONSTRAINT_NOTNULL
    return _sqlstate(cause) in OUTDATED_SQLSTATES


def _failure(cause: BaseException | None) -> Failure:
    if isinstance(cause, sqlite3.Error):
        code = cause.sqlite_errorcode & 0xFF  # the rest of an extended code says it more closely
        return UNFIT if _misses(cause) else SQLITE_FAILURES.get(code, OTHER)
    state = _sqlstate(cause)
    if state is None:  # no server answered
        return AWAY
    return POSTGRES_FAILURES.get(state) or POSTGRES_FAILURES.get(state[:2], OTHER)


def _misses(cause: sqlite3.Error) -> bool:
    return any(text in str(cause) for text in SQLITE_UNFIT)


def _sqlstate(cause: BaseException | None) -> str | None:
    return getattr(cause, "sqlstate", None)
