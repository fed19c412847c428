"""`prober incidents`: when services were BROKEN, for how long and why."""

from __future__ import annotations

import os
from contextlib import closing

import rich_click as click

from prober import clock
from prober.cli import names
from prober.cli.options import (
    config_option,
    examples,
    left_out,
    maintenance_option,
    span,
    span_options,
)


@click.command(
    epilog=examples(
        "prober incidents",
        "prober incidents madre --since 90d",
        "prober incidents --since 2026-10-01 --until 2026-11-01 --format csv",
    )
)
@click.argument("chosen", metavar="[NAME]...", nargs=-1, shell_complete=names.complete)
@config_option
@span_options
@maintenance_option
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How the incidents look.",
)
def command(
    chosen: tuple[str, ...],
    config: tuple[str, ...],
    since: str,
    until: str | None,
    maintenance: str,
    format: str,
) -> None:
    """Show the times in which services were BROKEN, oldest first, and the first snippet of each.

    An incident that began before is told from its beginning. What prober did not see in between is
    not counted as BROKEN.
    """
    from prober.config import load  # dear to import, and `prober --version` needs neither
    from prober.reports import outages
    from prober.storage.reader import Reader

    settings = load.read(config, os.environ)
    start, end = span(since, until, clock.epoch_ms())
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        wanted = names.chosen(chosen, settings.services, reader.names())
        asked = (start, end, left_out(settings, maintenance))
        told = (outage for name in wanted for outage in outages.of(reader, name, *asked))
        for text in outages.FORMATS[format](told):
            click.echo(text, nl=False)
