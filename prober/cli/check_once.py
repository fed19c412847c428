"""`prober check-once`: probe services once, report, and say by the exit code how they are."""

from __future__ import annotations

import os
from collections.abc import Sequence

import rich_click as click

from prober import clock, fleet
from prober.cli import names, report
from prober.cli.options import config_option, examples
from prober.model import Result, Service
from prober.status import STATUS_AFTER


@click.command(
    "check-once",
    epilog=examples(
        "prober check-once",
        "prober check-once madre switch -c config/vx11.yaml",
        "prober check-once --format markdown --output report.md",
        "prober check-once --format json | jq .verdict",
    ),
)
@click.argument("name", nargs=-1, shell_complete=names.complete)
@config_option
@click.option(
    "--format",
    type=click.Choice([*report.FORMATS]),
    default="table",
    show_default=True,
    help="How the report looks.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=click.Path(dir_okay=False),
    help="Write the report to a file, in one piece, and nothing to stdout.",
)
@click.option(
    "--store/--no-store",
    default=False,
    show_default=True,
    help="Put the results into the database, too.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=100,
    show_default=True,
    help="How many services are probed at the same time.",
)
@click.pass_context
def command(
    ctx: click.Context,
    name: tuple[str, ...],
    config: tuple[str, ...],
    format: str,
    output: str | None,
    store: bool,
    concurrency: int,
) -> None:
    """Probe every service once, or those named, and report.

    A disabled service is probed only where it is named. Exit codes: 0 every critical service is
    OK, DEGRADED or in maintenance, 1 one is BROKEN or UNKNOWN, 2 wrong usage, 78 wrong
    configuration.
    """
    from prober import (  # these imports are dear, and `prober --version` needs none of them
        logs,
        maintenance,
    )
    from prober.config import load

    logs.configure(level="warning")
    settings = load.read(config, os.environ)
    services = names.pick(settings.services, name)
    results = _probe([s for s in services if s.enabled], concurrency)
    open_ = maintenance.open_at(settings.maintenance, clock.epoch_ms())
    planned = maintenance.under(open_, [service.name for service in services])
    members = [_member(s, results.get(s.name), planned.get(s.name)) for s in services]
    report.write(members, format, output)
    if store:
        from prober.cli import record

        record.record(settings, list(results.values()))
    ctx.exit(report.exit_code(members))


def _probe(services: Sequence[Service], concurrency: int) -> dict[str, Result]:
    from prober import loop
    from prober.cli import terminal
    from prober.cli.sweep import sweep

    with terminal.progress(len(services)) as done:
        results = loop.run(sweep(services, concurrency, done))
    return {result.service: result for result in results}


def _member(service: Service, result: Result | None, planned: str | None) -> fleet.Member:
    if result is None:
        return fleet.Member(service, maintenance=planned)
    status = STATUS_AFTER[result.outcome]
    return fleet.Member(service, status, result.checked_at, result, planned)
