"""Throwaway databases for tests, what to write to them, and how to look into them."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.config import Config
from sqlalchemy import text

from prober.model import Observation, Outcome, Phase, Reason, Result, Status, Transition
from prober.storage.connecting import connected
from prober.storage.database import Access, open_engine, sqlite_file

ROOT = Path(__file__).parents[1]
BINARIES = Path("/usr/lib/postgresql/15/bin")
HURRIED = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
NOBODY = 65_534

AT = 1_790_000_000_000


def ok(service: str = "madre", at: int = AT, **fields: Any) -> Observation:
    """An observation of a service that answered."""
    known: dict[str, Any] = {
        "http_code": 200,
        "latency_ms": 12.345,
        "endpoint_ok": "/health",
        "snippet": "fine",
    }
    return Observation(
        service, at, Status.OK, Result(service, at, Outcome.SUCCESS, **(known | fields))
    )


def broken(service: str = "madre", at: int = AT) -> Observation:
    """An observation of a service that just turned out to refuse connections."""
    result = Result(service, at, Outcome.FAILURE, reason=Reason.REFUSED, phase=Phase.CONNECT)
    turn = Transition(service, at, Status.OK, Status.BROKEN, Reason.REFUSED)
    return Observation(service, at, Status.BROKEN, result, turn)


def execute(url: str, *statements: str) -> None:
    """Run statements as another program would."""
    engine = open_engine(url, Access.CREATE)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query gives."""
    engine = open_engine(url, Access.READ)
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def go(url: str, way: Callable[[Config, str], None], revision: str) -> None:
    """Migrate to a revision, by the command of Alembic that leads there."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    with connected(url, Access.CREATE) as config.attributes["connection"]:
        way(config, revision)


@contextmanager
def unprivileged() -> Iterator[None]:
    """As a user whom file permissions stop; root, who runs tests in containers, is not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def postgres() -> Iterator[str]:
    """The url of a server: PROBER_TEST_POSTGRES, or one that runs for as long as this."""
    given = os.environ.get("PROBER_TEST_POSTGRES")
    if given:
        yield given
    else:
        require_postgres()
        with cluster(*HURRIED) as running:
            yield running.url


def require_postgres() -> None:
    """Skip where Debian's server is missing, which it may not be in continuous integration."""
    if BINARIES.is_dir():
        return
    missing = f"PostgreSQL is not installed: {BINARIES} is missing"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


@dataclass(frozen=True)
class Cluster:
    """A server of its own, with its files under `folder`."""

    url: str
    folder: Path
    user: str | None

    def control(self, *command: str) -> None:
        """Give a command to pg_ctl, and wait until it is done: stop, restart, and how."""
        folder = str(self.folder / "data")
        _call(self.user, BINARIES / "pg_ctl", "-D", folder, "-w", "-s", *command)


@contextmanager
def cluster(*settings: str) -> Iterator[Cluster]:
    """A server with these settings (key=value), which runs for as long as this."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "postgres" if os.geteuid() == 0 else None  # initdb refuses root
    if user:
        shutil.chown(folder, user)
    options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _call(user, BINARIES / "initdb", "-D", folder / "data", *options)
    running = Cluster(f"postgresql://postgres@/postgres?host={folder}", folder, user)
    given = " ".join(f"-c {setting}" for setting in settings)
    running.control("start", "-o", f"-k {folder} -h '' {given}")
    try:
        yield running
    finally:
        running.control("stop", "-m", "immediate")
        shutil.rmtree(folder)


def _call(user: str | None, *command: str | Path) -> None:
    quiet = subprocess.DEVNULL  # a server that pg_ctl starts would hold a pipe open
    subprocess.run(command, user=user, check=True, stdout=quiet, stderr=quiet, cwd="/")


def administer(url: str, statements: Sequence[str]) -> None:
    """Run statements that can't stand in a transaction."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


# Tables, columns, keys, indexes, triggers and the migration: what emptying doesn't bring back.
SHAPE = """
SELECT format('%s %s %s', c.oid::regclass, c.relkind, c.relacl) FROM pg_class c
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
UNION ALL SELECT format('%s %s %s %s %s %s', c.oid::regclass, attnum, attname,
    format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid))
FROM pg_class c JOIN pg_attribute a ON attrelid = c.oid
LEFT JOIN pg_attrdef ON adrelid = c.oid AND adnum = attnum
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition AND attnum > 0
UNION ALL SELECT pg_get_constraintdef(k.oid)
FROM pg_constraint k JOIN pg_class c ON c.oid = conrelid
WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
UNION ALL SELECT tgname FROM pg_trigger UNION ALL SELECT version_num FROM alembic_version ORDER BY 1
"""
EMPTY = """
DO $$ DECLARE name text; filled bool; BEGIN
FOR name IN SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON oid = inhrelid
    WHERE relkind = 'r' LOOP EXECUTE 'DROP TABLE ' || name; END LOOP;
FOR name IN SELECT oid::regclass FROM pg_class WHERE relnamespace = 'public'::regnamespace
    AND relkind = 'r' AND relname <> 'alembic_version'
    LOOP EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO filled;
    IF filled THEN EXECUTE 'TRUNCATE ' || name; END IF; END LOOP;
PERFORM setval(seqrelid, 1, false) FROM pg_sequence;
END $$
"""
LEAVE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@contextmanager
def locked(url: str) -> Iterator[Callable[[], object]]:
    """While another program's transaction keeps all others from writing; call it to let go."""
    file = sqlite_file(url)
    if file is not None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield other.rollback
        return
    with closing(psycopg.connect(url)) as server:
        server.execute(
            "LOCK TABLE services, results, transitions, forensic_ledger IN EXCLUSIVE MODE"
        )
        yield server.rollback


def leave(url: str) -> None:
    """End what others do in a database of PostgreSQL's, a process that was killed among them."""
    if sqlite_file(url) is None:
        administer(url, [LEAVE])


def shape_of(url: str) -> list[tuple[Any, ...]]:
    """All of a PostgreSQL database but its rows."""
    with closing(psycopg.connect(url)) as connection:
        return connection.execute(SHAPE).fetchall()


def clean(url: str, shape: list[tuple[Any, ...]]) -> bool:
    """Empty a PostgreSQL database that still has this shape; returns whether it had."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        connection.execute(LEAVE)
        same = connection.execute(SHAPE).fetchall() == shape
        if same:
            connection.execute(EMPTY)
        return same
