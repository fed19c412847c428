"""`prober ledger`: see whether the events that were stored are still as they were."""

from __future__ import annotations

import os

import rich_click as click

from prober.cli.options import config_option, examples

SHOWN = 100


@click.group("ledger", short_help="Verify the ledger of events.")
def command() -> None:
    """Verify the ledger of events."""


@command.command(
    "verify",
    epilog=examples(
        "prober ledger verify",
        "prober ledger verify --expect 3f1c…  # the head that an earlier one printed",
    ),
)
@config_option
@click.option(
    "--expect",
    metavar="HEAD",
    help="A head that an earlier verification printed: the ledger must still hold its row.",
)
@click.pass_context
def verify(ctx: click.Context, config: tuple[str, ...], expect: str | None) -> None:
    """Find rows of the ledger that were changed, removed or reordered.

    Prints the ledger's head. Keep it elsewhere and give it back with --expect: only so is it
    noticed that the newest rows were removed, or that the whole chain was written anew.

    Exit codes: 0 the ledger is whole, 1 it is not.
    """
    from prober.cli import terminal
    from prober.config import load
    from prober.storage import inspection

    url = load.read(config, os.environ).store.url
    with terminal.progress(inspection.count(url), "verifying") as passed:
        found = inspection.inspect(url, expect, passed)
    for fault in found.faults[:SHOWN]:
        click.echo(str(fault))
    if len(found.faults) > SHOWN:
        click.echo(f"and {len(found.faults) - SHOWN} more")
    if expect is not None and found.expected_at is None:
        click.echo("the expected head is missing: its row was removed, or the chain written anew")
    click.echo(_summary(found.rows, found.open, found.head))
    if not found.well:
        ctx.exit(1)


def _summary(rows: int, open_: int, head: str) -> str:
    uncovered = f", the last {open_} of another program and not chained yet" if open_ else ""
    return f"{rows} rows{uncovered}, head {head}"
