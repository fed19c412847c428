"""`prober db`: migrate the database, and see whether it has the right tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import rich_click as click

from prober.cli.options import config_option


@click.group("db", short_help="Migrate, check and back up the database.")
def command() -> None:
    """Migrate the database, see whether it is as it should be, and back it up."""


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


@command.command("verify", epilog="Exit codes: 0 all can be read, 1 something can't.")
@config_option
@click.pass_context
def verify(ctx: click.Context, config: tuple[str, ...]) -> None:
    """Read every packed hour, and name those that are damaged; the rest stays readable."""
    from prober.cli import terminal
    from prober.storage import verification

    url = _url(config)
    total = verification.count(url)
    with terminal.progress(total, "verifying") as passed:
        faults = list(verification.faults(url, passed))
    for fault in faults:
        click.echo(str(fault))
    click.echo(f"{total} packed hours, {len(faults)} damaged")
    if faults:
        ctx.exit(1)


@command.command("rollup")
@config_option
@click.option("--rebuild", is_flag=True, required=True, help="Make them from the results.")
def rollup(config: tuple[str, ...], rebuild: bool) -> None:
    """Make the figures of hours and days anew; those whose results are gone stay as they are."""
    from prober.cli import terminal
    from prober.storage import rebuilding, verification

    url = _url(config)
    with terminal.progress(verification.count(url), "rebuilding") as passed:
        made = 0
        for hours in rebuilding.rebuild(url):
            made += hours
            passed(hours)
    click.echo(f"{made} hours made anew")


@command.command("backup", epilog="PostgreSQL is backed up by its own pg_dump.")
@click.argument("file", type=click.Path(path_type=Path))
@config_option
def backup(file: Path, config: tuple[str, ...]) -> None:
    """Copy the database to FILE, also while the daemon writes; FILE is whole once it is there."""
    from prober.cli import terminal
    from prober.storage import backup as copying

    with terminal.shrinking("copying") as passed:
        copying.backup(_url(config), file, passed)
    click.echo(f"copied to {file}")


def _url(config: Sequence[str]) -> str:
    from prober.config import load

    return load.read(config, os.environ).store.url
