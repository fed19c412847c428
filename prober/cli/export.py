"""`prober export`: all that is stored of services, as a file that `prober import` takes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING

import rich_click as click

from prober import clock
from prober.cli import names
from prober.cli.options import config_option, examples, moment

if TYPE_CHECKING:
    from prober.model import Result

ROWS_A_NEWS = 1_000


@click.command(
    epilog=examples(
        "prober export madre > madre.csv",
        "prober export --format jsonl --since 30d | zstd > history.jsonl.zst",
        "prober export --format parquet -o history.parquet",
    )
)
@click.argument("chosen", metavar="[NAME]...", nargs=-1, shell_complete=names.complete)
@config_option
@click.option("--since", metavar="TIME", help="The first to take, like 30d or 2026-01-01.")
@click.option("--until", metavar="TIME", help="Where to end, written likewise; now if absent.")
@click.option(
    "--format",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    default="csv",
    show_default=True,
    help="How the file looks. Parquet needs the extra of that name.",
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Where to, if not stdout.")
def command(
    chosen: tuple[str, ...],
    config: tuple[str, ...],
    since: str | None,
    until: str | None,
    format: str,
    output: str | None,
) -> None:
    """Write the stored results of services, or of all that history knows, oldest first.

    A service follows the other. Years of them need no memory, and `prober import` reads them back
    without a loss.
    """
    from prober.cli import files, terminal
    from prober.config import load  # dear to import, and `prober --version` needs none of them
    from prober.reports import exporting, parquet
    from prober.storage.reader import Reader

    if format == "parquet":
        parquet.require()
        if output is None:
            raise click.UsageError("Parquet needs a file; name one with --output")
    settings = load.read(config, os.environ)
    now_ms = clock.epoch_ms()
    start = None if since is None else moment("--since", since, now_ms)
    end = None if until is None else moment("--until", until, now_ms)
    with closing(Reader(settings.store.url, settings.store.spool)) as reader:
        stored = reader.names()
        wanted = names.chosen(chosen, settings.services, stored) if chosen else stored
        total = reader.count(chosen or None, start, end)
        with terminal.progress(total, "exporting") as passed, files.writing(output) as file:
            results = (r for name in wanted for r in reader.results(name, start, end, None, False))
            exporting.FORMATS[format](_told(results, passed), file)


def _told(results: Iterable[Result], passed: Callable[[int], None]) -> Iterator[Result]:
    for number, result in enumerate(results, 1):
        yield result
        if number % ROWS_A_NEWS == 0:
            passed(ROWS_A_NEWS)
