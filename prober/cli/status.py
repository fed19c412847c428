"""`prober status`: the fleet as the daemon's database has it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import rich_click as click

from prober import clock, fleet
from prober.cli import report
from prober.cli.options import config_option, examples
from prober.model import Outcome, Reason, Result, Service, Status
from prober.status import State

if TYPE_CHECKING:
    from prober.storage.reader import Reader


@click.command(
    epilog=examples(
        "prober status",
        "prober status --format json | jq .summary",
    )
)
@config_option
@click.option(
    "--format",
    type=click.Choice(["table", "json"]),
    default="table",
    show_default=True,
    help="How the report looks.",
)
@click.pass_context
def command(ctx: click.Context, config: tuple[str, ...], format: str) -> None:
    """Show how every service is, from what the daemon has stored; nothing is probed.

    A service without a recent result is UNKNOWN. Exit codes as for check-once.
    """
    from prober import maintenance  # dear to import, and `prober --version` needs none of them
    from prober.config import load
    from prober.storage.reader import Reader

    settings = load.read(config, os.environ)
    now_ms = clock.epoch_ms()
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        found = recalled(settings.services, reader, now_ms)
    open_ = maintenance.open_at(settings.maintenance, now_ms)
    planned = maintenance.under(open_, [member.service.name for member in found])
    members = [member._replace(maintenance=planned.get(member.service.name)) for member in found]
    report.write(members, format)
    if all(member.status is Status.UNKNOWN for member in members):
        click.echo("prober: nothing recent is stored; is the daemon running?", err=True)
    ctx.exit(report.exit_code(members))


def recalled(services: Sequence[Service], reader: Reader, now_ms: int) -> list[fleet.Member]:
    """Every service as the database knows it at `now_ms` (epoch)."""
    from prober.recall import recall

    latest = reader.latest([service.name for service in services])
    memory = recall(services, reader.last_statuses(), latest, now_ms)

    def member(service: Service) -> fleet.Member:
        name = service.name
        state = memory.states.get(name, State())
        if name in memory.latest and state.status is not Status.UNKNOWN:
            return fleet.Member(service, *state, memory.latest[name])
        since = memory.expired.get(name, state.since or None)
        return fleet.Member(service, since=since, result=_faded(latest.get(name)))

    return [member(service) for service in services]


def _faded(result: Result | None) -> Result | None:
    """What is left of a result that no longer speaks for its service: when it was."""
    if result is None:
        return None
    return Result(result.service, result.checked_at, Outcome.FAULT, reason=Reason.PROBER)
