"""Throwaway databases for tests, what to write to them, and how to look into them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from prober.model import Observation, Outcome, Phase, Reason, Result, Status, Transition
from prober.storage.database import Access, open_engine

BINARIES = Path("/usr/lib/postgresql/15/bin")
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
    elif BINARIES.is_dir():
        with _cluster() as url:
            yield url
    elif os.environ.get("CI") == "true":
        pytest.fail(f"PostgreSQL is not installed: {BINARIES} is missing")
    else:
        pytest.skip(f"PostgreSQL is not installed: {BINARIES} is missing")


@contextmanager
def _cluster() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    options = ["-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    _call(user, BINARIES / "initdb", "-D", folder / "data", *options)
    unsafe = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    server = subprocess.Popen(
        [BINARIES / "postgres", "-D", folder / "data", "-k", folder, "-h", "", *unsafe],
        user=user,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"postgresql://postgres@/postgres?host={folder}"
        _await(url)
        yield url
    finally:
        server.send_signal(2)
        server.wait(20)
        shutil.rmtree(folder)


def _call(user: str | None, *command: str | Path) -> None:
    subprocess.run(command, user=user, check=True, stdout=subprocess.DEVNULL, cwd="/")


def _await(url: str) -> None:
    for _ in range(200):
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("PostgreSQL did not start")


def administer(url: str, statements: Sequence[str]) -> None:
    """Run statements that can't stand in a transaction."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in statements:
            connection.execute(statement.encode())
