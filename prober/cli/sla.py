"""`prober sla`: uptime and incidents of a calendar month, against a target."""

from __future__ import annotations

import os
from contextlib import closing

import rich_click as click

from prober import clock
from prober.cli import names
from prober.cli.options import config_option, examples, left_out, maintenance_option


@click.command(
    epilog=examples(
        "prober sla --month 2026-10",
        "prober sla madre --month 2026-10 --target 99.95 --format markdown",
    )
)
@click.argument("chosen", metavar="[NAME]...", nargs=-1, shell_complete=names.complete)
@config_option
@maintenance_option
@click.option("--month", metavar="YYYY-MM", required=True, help="The calendar month, in UTC.")
@click.option(
    "--target",
    type=click.FloatRange(0, 100),
    default=99.9,
    show_default=True,
    help="The uptime in percent that every service should have.",
)
@click.option(
    "--format",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
    help="How the figures look.",
)
@click.pass_context
def command(
    ctx: click.Context,
    chosen: tuple[str, ...],
    config: tuple[str, ...],
    maintenance: str,
    month: str,
    target: float,
    format: str,
) -> None:
    """Show how well services were in a month, and whether that meets the target.

    Uptime is of the time in which it is known how they were. Exit codes: 0 no service missed the
    target, 1 one did.
    """
    from prober.config import load  # dear to import, and `prober --version` needs none of them
    from prober.reports import availability, sla
    from prober.storage.reader import Reader

    try:
        span = availability.month(month)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--month") from None
    settings = load.read(config, os.environ)
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        wanted = names.chosen(chosen, settings.services, reader.names())
        known = availability.known_until(reader, wanted, settings.services, clock.epoch_ms())
        question = sla.Question(span, target / 100, left_out(settings, maintenance))
        lines = [sla.of(reader, name, question, known[name]) for name in wanted]
    click.echo(sla.FORMATS[format](lines), nl=False)
    ctx.exit(0 if sla.all_met(lines) else 1)
