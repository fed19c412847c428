"""`prober uptime`: for how much of a time services were well, and how fast they answered."""

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
        "prober uptime",
        "prober uptime madre --since 30d --by day",
        "prober uptime madre --since 2026-01-01 --until 2026-04-01 --by month --format json",
    )
)
@click.argument("chosen", metavar="[NAME]...", nargs=-1, shell_complete=names.complete)
@config_option
@span_options
@maintenance_option
@click.option(
    "--by",
    type=click.Choice(["whole", "hour", "day", "month"]),
    default="whole",
    show_default=True,
    help="The parts to tell: the whole time, or its hours, days or months in UTC.",
)
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="How the figures look.",
)
def command(
    chosen: tuple[str, ...],
    config: tuple[str, ...],
    since: str,
    until: str | None,
    maintenance: str,
    by: str,
    format: str,
) -> None:
    """Show how much of the time services were well, and percentiles of their latency.

    The share is of the time in which it is known how they were: what prober did not see is left
    out. OK and DEGRADED are well. Percentiles are exact to 2 %.
    """
    from prober.config import load  # dear to import, and `prober --version` needs neither
    from prober.reports import availability
    from prober.storage.reader import Reader

    settings = load.read(config, os.environ)
    now_ms = clock.epoch_ms()
    spans = availability.CUTS[by](*span(since, until, now_ms))
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        wanted = names.chosen(chosen, settings.services, reader.names())
        known = availability.known_until(reader, wanted, settings.services, now_ms)
        windows = left_out(settings, maintenance)
        parts = (
            part
            for name in wanted
            for part in availability.of(reader, name, spans, known[name], windows)
        )
        for text in availability.FORMATS[format](parts):
            click.echo(text, nl=False)
