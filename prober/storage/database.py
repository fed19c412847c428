"""Open the database that a url names."""

from __future__ import annotations

import sqlite3
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, LiteralString
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import ConnectionPoolEntry

from prober.errors import NotWritable, StoreError

if TYPE_CHECKING:
    from psycopg import Connection as PostgresConnection


class Access(StrEnum):
    """What a connection may do; the values are SQLite's open modes."""

    READ = "ro"
    WRITE = "rw"  # never creates a file, nor changes how its owner set it up
    CREATE = "rwc"  # creates folder and file, and turns the write-ahead log on


DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "postgres": "postgresql+psycopg",
}

SQLITE_TIMEOUT_S = {Access.READ: 5.0, Access.WRITE: 1.0, Access.CREATE: 3.0}

POSTGRES_LIMITS = {"connect_timeout": "2", "tcp_user_timeout": "3000"}

# A session in UTC, for columns that keep a time zone. The limits keep a stuck server from holding
# the writer: what waits longer goes to the spool. A migration may take its time.
POSTGRES_SESSION: dict[Access, tuple[LiteralString, ...]] = {
    # One state of the database for all queries of a transaction: a row may move between two tables.
    Access.READ: (
        "SET timezone = 'UTC'",
        "SET default_transaction_isolation = 'repeatable read'",
        "SET default_transaction_read_only = on",
    ),
    Access.WRITE: (
        "SET timezone = 'UTC'",
        "SET lock_timeout = '1s'",
        "SET statement_timeout = '10s'",
    ),
    Access.CREATE: ("SET timezone = 'UTC'", "SET lock_timeout = '5s'"),
}


def open_engine(url: str, access: Access = Access.WRITE, *, synced: bool = False) -> Engine:
    """An engine for `url`; it connects when it is first used.

    Where `synced`, a commit is on the disk before it returns, on SQLite too; else the last ones
    may be lost with the power, as no result needs to be awaited for so long.

    Raises `StoreError` where the url can't be used, and `NotWritable` where the folder of an
    SQLite file can't be made.
    """
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return _sqlite(parsed, access, synced)
    return _postgres(parsed, access)


@cache
def parse(url: str) -> URL:
    """The url with the driver that prober uses. An error never shows it: it may hold a password."""
    try:
        parsed = make_url(url)
        parsed = parsed.set(drivername=DRIVERS[parsed.get_backend_name()])
    except (ArgumentError, KeyError, NoSuchModuleError, ValueError) as error:
        raise StoreError(
            "store.url: not a database that prober knows; write sqlite:///data/prober.db or "
            "postgresql://user:password@host/database"
        ) from error
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StoreError("store.url: names no file; write sqlite:///data/prober.db")
    return parsed


@cache
def sqlite_file(url: str) -> Path | None:
    """The file of an SQLite database, or None where the database is a server."""
    parsed = parse(url)
    return Path(str(parsed.database)) if parsed.get_backend_name() == "sqlite" else None


def file_identity(url: str) -> tuple[int, int] | None:
    """Which file the url leads to now; None for a server, or where no file is."""
    file = sqlite_file(url)
    if file is None:
        return None
    try:
        status = file.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_dev, status.st_ino


def place(url: str) -> str:
    """The database as a user knows it: the file, or the url without its password."""
    parsed = parse(url)
    if parsed.get_backend_name() == "sqlite":
        return str(parsed.database)
    bare = parsed.set(drivername="postgresql").difference_update_query(["password"])
    return bare.render_as_string(hide_password=True)


def _sqlite(url: URL, access: Access, synced: bool) -> Engine:
    file = Path(str(url.database))
    if access is Access.CREATE:
        _make_folder(file.parent)
    engine = create_engine(url, creator=lambda: _connect(file, access, synced))

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # At once: a transaction that starts by reading can't wait for a lock when it writes.
        how = "BEGIN" if access is Access.READ else "BEGIN IMMEDIATE"
        try:  # past SQLAlchemy, which takes longer for it than for writing five rows
            connection.connection.cursor().execute(how)
        except sqlite3.Error as error:
            raise DBAPIError.instance(how, None, error, sqlite3.Error) from error

    return engine


def _connect(file: Path, access: Access, synced: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(file))}?mode={access}",
        uri=True,
        timeout=SQLITE_TIMEOUT_S[access],
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _set_up(connection, access, synced)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, access: Access, synced: bool) -> None:
    if access is Access.CREATE:
        # On a new file only, and before its first page: what is deleted can be given back later.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode == "wal" and not synced:  # NORMAL is safe with a write-ahead log only
        connection.execute("PRAGMA synchronous = NORMAL")
    if access is Access.READ:  # a year of one service's days touches more than the usual 2 MB
        connection.execute("PRAGMA cache_size = -8000")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritable(
            f"folder {folder} can't be made ({error.strerror}); make it, or set store.url elsewhere"
        ) from error


def _postgres(url: URL, access: Access) -> Engine:
    limits = {key: value for key, value in POSTGRES_LIMITS.items() if key not in url.query}
    try:
        # Positional parameters, so that one tuple a row serves both databases.
        engine = create_engine(url, paramstyle="format", connect_args=limits)
    except ModuleNotFoundError as error:
        raise StoreError(
            f"database {place(str(url))} needs psycopg; install prober[postgres]"
        ) from error

    @event.listens_for(engine, "connect")
    def set_up(connection: PostgresConnection[tuple[object, ...]], _: ConnectionPoolEntry) -> None:
        connection.autocommit = True
        for setting in POSTGRES_SESSION[access]:
            connection.execute(setting)
        connection.autocommit = False

    return engine
