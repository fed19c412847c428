"""Bring a database to the tables of this prober, and tell where it differs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import structlog
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import ResolutionError
from sqlalchemy import Connection

import prober
from prober.errors import StoreNewer, StoreUnfit
from prober.storage.connecting import connected
from prober.storage.database import Access, place
from prober.storage.tables import metadata

POSTGRES_LOCK = 0x70726F62  # "prob": two that start at once migrate one after the other

log = structlog.get_logger(__name__)


def upgrade(url: str) -> list[str]:
    """Run the pending migrations in one transaction, creating an SQLite file where none is.

    Returns what was run, a line each. Raises `StoreNewer`, or what `explain` makes of a failure.
    """
    with connected(url, Access.CREATE) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({POSTGRES_LOCK})")
        lines = pending(connection, url)
        if lines:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            log.info("database migrated", database=place(url), migrations=lines)
        return lines


def check(url: str) -> list[str]:
    """What separates the database from this prober's tables, a line each; empty where nothing does.

    Pending migrations alone where there are any, else missing, extra and changed columns. Tables
    that prober doesn't know are none of its business.
    """
    with connected(url, Access.WRITE) as connection:
        return pending(connection, url) or _drift(connection)


def ensure(url: str, migrate: bool) -> None:
    """See at the daemon's start that the database can be written and has the right tables.

    Migrates where `migrate` is true; else raises `StoreUnfit` where a migration is pending.
    """
    if migrate:
        upgrade(url)
        return
    with connected(url, Access.WRITE) as connection:
        if pending(connection, url):
            raise StoreUnfit(
                f"database {place(url)} has tables of an older prober; run `prober db upgrade`, "
                "or set store.migrate: true"
            )


def pending(connection: Connection, url: str) -> list[str]:
    """The migrations that the database lacks, oldest first, a line each; raises `StoreNewer`."""
    script = ScriptDirectory.from_config(_config())
    context = MigrationContext.configure(connection)
    current = context.get_current_revision()
    try:
        revisions = list(script.iterate_revisions("head", current or "base"))
    except ResolutionError as error:
        raise StoreNewer(
            f"database {place(url)} was migrated to {current} by a newer prober (or another "
            "program); install that version, restore a backup, or set another store.url"
        ) from error
    return [f"{r.revision}: pending migration ({r.doc})" for r in reversed(revisions)]


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _folder() -> Path:
    """The migrations: inside the package once installed, beside it in a checkout."""
    package = Path(prober.__file__).parent
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parent / "migrations"


def _drift(connection: Connection) -> list[str]:
    context = MigrationContext.configure(
        connection,
        opts={"include_name": _is_ours, "compare_type": True},
    )
    return [_line(change) for change in _flat(compare_metadata(context, metadata))]


def _is_ours(name: str | None, kind: str, _: object) -> bool:
    return kind != "table" or name in metadata.tables


def _flat(changes: Iterable[Any]) -> Iterator[tuple[Any, ...]]:
    """Alembic groups the changes of one column in a list."""
    for change in changes:
        if isinstance(change, list):
            yield from change
        else:
            yield change


def _line(change: tuple[Any, ...]) -> str:
    describe = CHANGES.get(change[0])
    return describe(change) if describe else f"{change[0]}: {change[1]}"


def _changed(what: str) -> Callable[[tuple[Any, ...]], str]:
    def describe(change: tuple[Any, ...]) -> str:
        _, _, table, column, _, found, wanted = change
        return f"{table}.{column}: changed, {what} is {found!s} instead of {wanted!s}"

    return describe


CHANGES: dict[str, Callable[[tuple[Any, ...]], str]] = {
    "add_table": lambda c: f"{c[1].name}: missing table",
    "add_column": lambda c: f"{c[2]}.{c[3].name}: missing column",
    "remove_column": lambda c: f"{c[2]}.{c[3].name}: extra column",
    "modify_type": _changed("type"),
    "modify_nullable": _changed("nullable"),
    "modify_default": _changed("default"),
    "add_index": lambda c: f"{c[1].table.name}: missing index {c[1].name}",
    "remove_index": lambda c: f"{c[1].table.name}: extra index {c[1].name}",
    "add_constraint": lambda c: f"{c[1].table.name}: missing unique constraint",
    "remove_constraint": lambda c: f"{c[1].table.name}: extra unique constraint {c[1].name}",
}
