"""`prober history`: what the database remembers of one service."""

from __future__ import annotations

import os
from contextlib import closing

import rich_click as click

from prober import clock
from prober.cli import names
from prober.cli.options import config_option, examples, moment
from prober.reports.history import FORMATS


@click.command(
    epilog=examples(
        "prober history madre",
        "prober history madre --since 7d --limit 20",
        "prober history madre --since 2026-11-01 --until 2026-11-02T12:00:00Z --format csv",
    )
)
@click.argument("name", shell_complete=names.complete)
@config_option
@click.option(
    "--since",
    metavar="TIME",
    default="24h",
    show_default=True,
    help="The oldest to show: a time ago like 24h or 7d, a date, or RFC 3339.",
)
@click.option("--until", metavar="TIME", help="The newest to show, written like --since.")
@click.option("--limit", type=click.IntRange(min=1), help="Show only so many, the newest.")
@click.option(
    "--format",
    type=click.Choice([*FORMATS]),
    default="table",
    show_default=True,
    help="How the results look.",
)
def command(
    name: str,
    config: tuple[str, ...],
    since: str,
    until: str | None,
    limit: int | None,
    format: str,
) -> None:
    """Show the stored results of one service, newest first.

    Times are UTC. A service that left the configuration is found by its name, too.
    """
    from prober.config import load  # dear to import, and `prober --version` needs neither
    from prober.storage.reader import Reader

    settings = load.read(config, os.environ)
    now_ms = clock.epoch_ms()
    start = moment("--since", since, now_ms)
    end = None if until is None else moment("--until", until, now_ms)
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        names.require(name, {s.name for s in settings.services} | set(reader.names()))
        for text in FORMATS[format](reader.results(name, start, end, limit)):
            click.echo(text.encode(), nl=False)
