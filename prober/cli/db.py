"""`prober db`: migrate the database, and see whether it has the right tables."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rich_click as click

from prober.cli.options import config_option


@click.group("db", short_help="Migrate and check the database.")
def command() -> None:
    """Migrate the database, and see whether it has the tables that this prober wants."""


@command.command(
    "upgrade", epilog="The daemon does this at its start, unless store.migrate is false."
)
@config_option
def upgrade(config: tuple[str, ...]) -> None:
    """Run the pending migrations; an SQLite file is created where none is."""
    from prober.storage import migrate

    lines = migrate.upgrade(_url(config))
    for line in lines:
        click.echo(line.replace(": pending migration", ": done"))
    if not lines:
        click.echo("the database is up to date")


@command.command("check", epilog="Exit codes: 0 all is as it should be, 1 something is not.")
@config_option
@click.pass_context
def check(ctx: click.Context, config: tuple[str, ...]) -> None:
    """List pending migrations, and columns that are missing, extra or changed; one a line."""
    from prober.storage import migrate

    lines = migrate.check(_url(config))
    for line in lines:
        click.echo(line)
    if lines:
        ctx.exit(1)
    click.echo("the database has the right tables")


def _url(config: Sequence[str]) -> str:
    from prober.config import load

    return load.read(config, os.environ).store.url
