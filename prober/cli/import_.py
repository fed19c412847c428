"""`prober import`: take over what `prober export` has written, also from another prober."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from prober import clock
from prober.cli.options import config_option, examples

if TYPE_CHECKING:
    from prober.model import Result
    from prober.storage.merging import Merging

ROWS_A_STEP = 2_000  # the write lock is held for so many
AHEAD_MS = 3_600_000  # how far another machine's clock may be ahead of ours


@click.command(
    "import",
    epilog=examples("prober import history.parquet", "prober import *.csv -c config/vx11.yaml"),
)
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@config_option
@click.option(
    "--format",
    type=click.Choice(["csv", "jsonl", "parquet"]),
    help="How the files look, where their names don't tell.",
)
def command(files: tuple[Path, ...], config: tuple[str, ...], format: str | None) -> None:
    """Take the results of files into the database, and work out the changes of status they tell.

    What is there already stays, so the same file can be imported twice. The files are read once
    before: where one has a fault, nothing is imported.
    """
    from prober.cli import terminal
    from prober.config import load  # dear to import, and `prober --version` needs none of them
    from prober.reports import importing
    from prober.storage import migrate
    from prober.storage.merging import Merging

    store = load.read(config, os.environ).store
    now_ms = clock.epoch_ms()
    with terminal.progress(None, "checking") as passed:
        survey = importing.survey(files, format, now_ms + AHEAD_MS, passed)
    migrate.ensure(store.url, store.migrate)
    results = importing.results(files, format, now_ms + AHEAD_MS)
    with (
        closing(Merging(store.url, survey.speaks_ms, now_ms)) as merging,
        terminal.progress(survey.rows, "importing") as passed,
    ):
        new = _merge(merging, results, survey.rows, passed)
    there = f"; {survey.rows - new} were there already" if new < survey.rows else ""
    click.echo(f"imported {new} results of {len(survey.speaks_ms)} services{there}")


def _merge(
    merging: Merging, results: Iterable[Result], total: int, passed: Callable[[int], None]
) -> int:
    """Merge all; where it ends before, say how far it came."""
    rest, done, new = iter(results), 0, 0
    try:
        while share := list(islice(rest, ROWS_A_STEP)):
            new += merging.add(share)
            done += len(share)
            passed(len(share))
    finally:
        if done < total:
            click.echo(
                f"prober: only {done} of {total} results are in; import again for the rest",
                err=True,
            )
    return new
