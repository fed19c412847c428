"""What Alembic runs to migrate: on prober's connection, or on one of its own from the command line.

The url is that of `alembic -x url=…`, else of PROBER_STORE_URL, else of the configuration.
"""

from __future__ import annotations

import os

from alembic import context
from sqlalchemy import Connection

from prober.storage.database import Access, open_engine
from prober.storage.tables import metadata


def url() -> str:
    given = context.get_x_argument(as_dictionary=True).get("url")
    given = given or os.environ.get("PROBER_STORE_URL")
    if given:
        return given
    from prober.config import load  # only here: the daemon, which migrates too, needs no second one

    return load.read((), os.environ).store.url


def migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,  # also on SQLite: a migration that is cut short leaves no trace
    )
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("prober's migrations look at the database: run them without --sql")

given = context.config.attributes.get("connection")
if given is not None:
    migrate(given)
else:
    with open_engine(url(), Access.CREATE).begin() as connection:
        migrate(connection)
